"""Outages and maintenance of regions, and what is known of latencies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.domain.scopes import Scope
from accounts.selectors import may_on_platform
from climate.admin.moments import utc_moment
from climate.domain.model_classes import MODEL_CLASSES
from climate.models import LatencyBand, LatencyFigure, RegionOutage
from climate.services import outages as services
from config.administration.base import AuditedAdmin
from config.administration.pages import WhyForm, actor_of, form_page, posted
from config.administration.text import choices_of
from config.administration.typed import action, display


def known_regions() -> list[tuple[str, str]]:
    """All regions, to choose from."""
    return choices_of("climate.Region")


class OutageForm(forms.Form):
    """What a person enters. The service checks what it means."""

    region = forms.ChoiceField(choices=known_regions, widget=UnfoldAdminSelectWidget)
    model_class = forms.ChoiceField(
        choices=[("", "all"), *((name, name) for name in MODEL_CLASSES)],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    kind = forms.ChoiceField(choices=RegionOutage.Kind.choices, widget=UnfoldAdminSelectWidget)
    capacity_share = forms.FloatField(
        label="Capacity left",
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal", "autocomplete": "off"}),
        help_text="Share from 0 (nothing) to below 1, of every hour that is touched.",
    )
    starts_at = utc_moment("Starts at", "Empty: now.")
    ends_at = utc_moment("Ends at", "Empty: it lasts until it is ended.")
    reason = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="What happened or is planned, and who says so.",
    )


def state_of(outage: RegionOutage, now: datetime) -> str:
    """Where it stands in time."""
    if outage.is_withdrawn:
        return "withdrawn"
    if outage.ends_at is not None and outage.ends_at <= now:
        return "over"
    return "announced" if outage.starts_at > now else "in force"


@admin.register(RegionOutage)
class RegionOutageAdmin(AuditedAdmin):
    """What is out of order or being mended, what was, and what is announced."""

    list_display = ("region_id", "model_classes", "kind", "shown_state", "capacity_share", "starts_at", "ends_at")
    list_filter = ("kind", "is_withdrawn")
    search_fields = ("region__code", "region__city", "reason")
    actions_detail = ("end_now",)
    fields = (
        ("region", "model_class", "kind"),
        ("shown_state", "capacity_share"),
        ("starts_at", "ends_at"),
        "reason",
        ("author", "created_at"),
    )
    readonly_fields = ("shown_state",)

    @display(description="Model classes", ordering="model_class")
    def model_classes(self, outage: RegionOutage) -> str:
        """One, or all."""
        return outage.model_class or "all"

    @display(
        description="State",
        label={"in force": "danger", "announced": "info", "over": "success", "withdrawn": "success"},
    )
    def shown_state(self, outage: RegionOutage) -> str:
        """Where it stands now."""
        return state_of(outage, timezone.now())

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Enter one."""
        if not self.has_add_permission(request):
            raise PermissionDenied

        def call(given: dict[str, Any]) -> str:
            services.add_outage(services.NewOutage(**given), by=actor_of(request), now=timezone.now())
            return "It is in the list, and counts from its start."

        return form_page(
            request,
            model_admin=self,
            form=OutageForm(posted(request)),
            call=call,
            title="Enter an outage or maintenance",
            submit="Enter it",
            intro="What is promised already stays promised. What waits is planned anew around it.",
        )

    def has_end_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        outage: Any = self.get_object(request, object_id) if object_id is not None else None
        is_open = outage is None or state_of(outage, timezone.now()) in ("in force", "announced")
        return is_open and may_on_platform(request.user, Scope.CAPACITY_WRITE)

    @action(description="End now", icon="flag_check", permissions=["end"])
    def end_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End it, or withdraw it where it has not begun."""

        def call(given: dict[str, Any]) -> str:
            services.end_outage(
                outage_id=int(object_id), by=actor_of(request), now=timezone.now(), reason=given["reason"]
            )
            return "It is over. The whole capacity counts from the next hour on."

        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="End it now",
            submit="End it now",
            intro="The whole capacity counts from the next hour on. One that has not begun is withdrawn.",
            object_id=object_id,
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The same power here as at every door."""
        return may_on_platform(request.user, Scope.CAPACITY_WRITE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is ended and entered anew: what decisions counted stays readable."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Decisions counted it."""
        return False


@admin.register(LatencyBand)
class LatencyBandAdmin(AuditedAdmin):
    """The table that turns round-trip times into distances. Straight lines between its points."""

    list_display = ("distance_km", "round_trip_ms", "note", "source")


@admin.register(LatencyFigure)
class LatencyFigureAdmin(AuditedAdmin):
    """Round-trip times that are known: each counts instead of the distance between its country and region."""

    list_display = ("country", "region_id", "round_trip_ms", "source")
    list_select_related = ("country",)
    search_fields = ("country__name", "country__code", "region__code")
    autocomplete_fields = ("country", "region")
