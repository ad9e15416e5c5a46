"""Grid zones, and regions with their capacities."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from climate.domain.model_classes import MODEL_CLASSES
from climate.models import GridZone, Region, RegionCapacity, ZoneYear
from config.administration.base import AuditedAdmin, ReasonForm, RecordInline
from config.administration.typed import AnyInline, AnyModelForm, display


class CapacityForm(AnyModelForm):
    """A capacity of a known model class."""

    model_class = forms.ChoiceField(choices=[(name, name) for name in MODEL_CLASSES], widget=UnfoldAdminSelectWidget)

    class Meta:
        model = RegionCapacity
        fields = ("model_class", "tokens_per_hour", "source")


class CapacityInline(AnyInline):
    """Tokens an hour by model class. A class that is not listed is not served here."""

    model = RegionCapacity
    form = CapacityForm
    extra = 0
    hide_title = True


class RegionForm(ReasonForm):
    """A region whose figures say where they come from."""

    class Meta:
        labels = {
            "pue_source": "Source of the PUE",
            "contracted_cfe_source": "Source of the share",
            "is_active": "Active",
        }

    def clean(self) -> dict[str, Any]:
        """No number without its basis."""
        given = super().clean() or {}
        for value, source in (("pue", "pue_source"), ("contracted_cfe_share", "contracted_cfe_source")):
            if given.get(value) is not None and not given.get(source):
                self.add_error(source, "Say where the value comes from.")
        return given


@admin.register(Region)
class RegionAdmin(AuditedAdmin):
    """Where work may run. Switching a region off keeps new work away; promised hours stay."""

    form = RegionForm
    list_display = ("code", "provider", "city", "zone", "pue", "contracted_cfe_share", "model_classes", "is_active")
    list_filter = ("provider", "is_active")
    list_select_related = ("zone",)
    search_fields = ("code", "name", "city", "zone__code", "zone__name")
    autocomplete_fields = ("zone", "country")
    inlines = (CapacityInline,)
    fieldsets = (
        (None, {"fields": ("code", ("provider", "name"), "is_active")}),
        ("Place", {"fields": ("city", ("country", "zone"), ("latitude", "longitude"))}),
        (
            "Energy",
            {
                "fields": (("pue", "pue_source"), ("contracted_cfe_share", "contracted_cfe_source")),
                "description": "No number without its basis: give the source beside the value, or leave both empty.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the number of model classes, in one query."""
        return super().get_queryset(request).annotate(served=Count("capacities"))

    @display(description="Model classes", ordering="served")
    def model_classes(self, region: Any) -> int:
        """How many model classes the region serves."""
        return int(region.served)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Decisions name a region by its code."""
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Regions are switched off: decisions and readings refer to them."""
        return False


class ZoneYearInline(RecordInline):
    """Yearly values of the zone, from the reference data."""

    model = ZoneYear
    fields = ("year", "intensity_g_per_kwh", "renewable_share", "carbon_free_share", "source", "flag")
    verbose_name_plural = "yearly values"


class ZoneForm(ReasonForm):
    """A zone: one of the reference data, or the grid of a private site."""

    code = forms.RegexField(
        r"^[A-Z0-9]+(-[A-Z0-9]+)*$",
        max_length=24,
        widget=UnfoldAdminTextInputWidget,
        help_text="Capital letters, digits and hyphens. Of a private site: SITE- and a name, for example SITE-ROOF.",
        error_messages={"invalid": "Capital letters, digits and single hyphens between them."},
    )


@admin.register(GridZone)
class GridZoneAdmin(AuditedAdmin):
    """Electricity zones, keyed as Electricity Maps does, and those of private sites."""

    form = ZoneForm
    list_display = ("code", "name", "country", "latitude", "longitude")
    list_select_related = ("country",)
    search_fields = ("code", "name", "country__name")
    autocomplete_fields = ("country",)
    inlines = (ZoneYearInline,)
    fieldsets = ((None, {"fields": ("code", "name", "country", ("latitude", "longitude"))}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Readings name a zone by its code."""
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Readings refer to zones."""
        return False


@admin.register(ZoneYear)
class ZoneYearAdmin(AuditedAdmin):
    """Yearly means of all zones: what is used where no hour is known."""

    list_display = ("zone", "year", "intensity_g_per_kwh", "renewable_share", "carbon_free_share", "source", "flag")
    list_filter = ("year",)
    list_select_related = ("zone",)
    search_fields = ("zone__code", "zone__name")
    ordering = ("zone", "-year")
    autocomplete_fields = ("zone",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("zone", "year"),
                    "intensity_g_per_kwh",
                    ("renewable_share", "carbon_free_share"),
                    ("source", "flag"),
                ),
                "description": "g CO2e/kWh over the life cycle; shares from 0 to 1. Leave empty what is unknown.",
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Which zone and year a row is about stays."""
        return ("zone", "year") if obj else ()
