"""Emergencies: declared, changed and lifted by people, with a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from climate.models import Emergency
from climate.services.emergencies import lift_emergency, tell_emergency_changed
from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.pages import WhyForm, form_page, posted
from config.administration.text import choices_of
from config.administration.typed import action, display


def known_countries() -> list[tuple[str, str]]:
    """All countries, to choose from."""
    return choices_of("climate.Country")


def known_purposes() -> list[tuple[str, str]]:
    """All purposes, to choose from."""
    return choices_of("market.Purpose")


class EmergencyForm(ReasonForm):
    """An emergency with known countries and purposes only."""

    country_codes = forms.MultipleChoiceField(
        label="Affected countries", choices=known_countries, widget=UnfoldAdminSelect2MultipleWidget
    )
    purposes = forms.MultipleChoiceField(
        label="Purposes that are lifted",
        choices=known_purposes,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text="Requests for these purposes from the affected countries weigh more while the emergency lasts.",
    )


@admin.register(Emergency)
class EmergencyAdmin(AuditedAdmin):
    """What is in force, what was, and what is announced."""

    form = EmergencyForm
    list_display = ("title", "kind", "countries", "multiplier", "state", "starts_at", "ends_at")
    list_filter = ("kind",)
    search_fields = ("title", "reason")
    actions_detail = ("lift",)
    fieldsets = (
        (None, {"fields": (("kind", "title"), "country_codes", "purposes", "multiplier")}),
        (
            "When and why",
            {
                "fields": ("starts_at", "ends_at", "reason"),
                "description": "Times are UTC. Leave the end empty for an emergency that lasts until it is lifted.",
            },
        ),
    )

    @display(description="Countries")
    def countries(self, emergency: Emergency) -> str:
        """Codes, with commas."""
        return ", ".join(emergency.country_codes)

    @display(description="State", label={"in force": "danger", "announced": "info", "over": "success"})
    def state(self, emergency: Emergency) -> str:
        """In force, announced or over."""
        now = timezone.now()
        if emergency.starts_at > now:
            return "announced"
        return "over" if emergency.ends_at is not None and emergency.ends_at <= now else "in force"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Tell the apps above of every change."""
        super().save_model(request, obj, form, change)
        tell_emergency_changed(emergency_id=obj.pk, now=timezone.now())

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return request.user.has_perm("climate.change_emergency")

    @action(description="Lift", icon="flag_check", permissions=["lift"])
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End it now, with a reason."""

        def call(given: dict[str, Any]) -> str:
            lift_emergency(emergency_id=int(object_id), reason=given["reason"], now=timezone.now())
            return "The emergency was lifted."

        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="Lift this emergency",
            submit="Lift it now",
            intro="From now on requests weigh as they did before. Decisions that were made stay.",
            object_id=object_id,
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Decisions name the emergencies they counted; only one that has not begun can go."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and isinstance(obj, Emergency) and obj.starts_at > timezone.now()
