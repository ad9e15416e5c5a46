"""Countries: the inputs that justice policy looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from import_export.admin import ImportMixin
from unfold.contrib.import_export.forms import ImportForm

from climate.admin.justice_import import VALUES, EvenCsv, JusticeInputs, UnevenFile
from climate.models import Country
from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.typed import display

if TYPE_CHECKING:

    class _ImportMixin:
        """The library's mixin, which carries no types."""
else:
    _ImportMixin = ImportMixin


@display(description="GNI per head, US$", ordering="gni_usd")
def gni(country: Country) -> str:
    """Thousands separated, or a dash."""
    return "–" if country.gni_usd is None else f"{country.gni_usd:,.0f}"


@display(description="CO₂ per head, t", ordering="co2_t_per_capita")
def co2(country: Country) -> str:
    """Tonnes a year, or a dash."""
    return "–" if country.co2_t_per_capita is None else f"{country.co2_t_per_capita:g}"


class CountryForm(ReasonForm):
    """A country whose values all say where they come from."""

    class Meta:
        labels = {
            "gni_source": "Source of the GNI",
            "vulnerability_source": "Source of the vulnerability",
            "co2_t_per_capita": "CO₂ per head and year, t",
            "co2_source": "Source of the CO₂",
            "is_global_south": "Global South",
            "lists_source": "Source of the lists",
        }

    def clean(self) -> dict[str, Any]:
        """No number without its basis."""
        given = super().clean() or {}
        for column, (source, _, _) in VALUES.items():
            if given.get(column) is not None and not given.get(source):
                self.add_error(source, "Say where the value comes from: publisher, edition, year.")
        return given


@admin.register(Country)
class CountryAdmin(_ImportMixin, AuditedAdmin):
    """One country a page; many at once by CSV (Import)."""

    form = CountryForm
    import_template_name = "admin/commonwatt/import_justice.html"
    resource_classes = (JusticeInputs,)
    import_form_class = ImportForm
    formats = (EvenCsv,)
    from_encoding = "utf-8-sig"
    list_display = ("name", "code", "income_group", gni, "vulnerability", co2, "is_ldc", "is_sids")
    list_filter = ("income_group", "is_global_south", "is_ldc", "is_sids", "region_name")
    search_fields = ("name", "code", "iso3")
    readonly_fields = (
        "code",
        "iso3",
        "iso_numeric",
        "intensity_g_per_kwh",
        "intensity_year",
        "intensity_source",
        "intensity_flag",
        "generation_twh",
        "generation_year",
        "generation_source",
    )
    fieldsets = (
        (None, {"fields": (("code", "iso3", "iso_numeric"), "name", "region_name", ("latitude", "longitude"))}),
        (
            "Justice inputs",
            {
                "fields": (
                    ("income_group", "income_group_source"),
                    ("gni_usd", "gni_source"),
                    ("vulnerability", "vulnerability_source"),
                    ("co2_t_per_capita", "co2_source"),
                    ("is_global_south", "is_ldc", "is_sids"),
                    "lists_source",
                ),
                "description": "The need score is computed from these. Leave a field empty where the value is unknown: "
                "it is then dropped from the score and the score says so. Every value needs its source.",
            },
        ),
        (
            "Yearly grid figures",
            {
                "classes": ("collapse",),
                "fields": (
                    ("intensity_g_per_kwh", "intensity_year"),
                    ("intensity_source", "intensity_flag"),
                    "generation_twh",
                    ("generation_year", "generation_source"),
                ),
            },
        ),
    )

    def add_data_read_fail_error_to_form(self, form: forms.Form, error: Exception) -> None:
        """Say what is wrong with a file that is no table."""
        words = str(error) if isinstance(error, UnevenFile) else "This file cannot be read as CSV in UTF-8."
        form.add_error("import_file", words)

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Who may change a country may change many."""
        return self.has_change_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Countries come with the reference data."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Decisions refer to countries."""
        return False
