"""Emergencies: declared, exercised, confirmed, dismissed and lifted by people, each time with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from accounts.domain.scopes import Scope
from accounts.selectors import may_on_platform
from climate.admin.emergency_forms import (
    ConfirmForm,
    DeclareForm,
    DrillForm,
    known_countries,
)
from climate.domain.alerts import EmergencyState
from climate.models import Emergency
from climate.services import emergencies as services
from climate.services.purposes import list_known_purposes
from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.pages import WhyForm, actor_of, add_refusal, form_page, posted
from config.administration.typed import action, display
from config.kernel.errors import DomainError

COLOURS = {
    "in force": "danger",
    "announced": "info",
    "proposed": "warning",
    "over": "success",
    "dismissed": "success",
    "drill": "info",
}


def state_words(emergency: Emergency, now: datetime) -> str:
    """Proposed, dismissed, or where it stands in time; a drill says that it is one."""
    if emergency.state in (EmergencyState.PROPOSED, EmergencyState.DISMISSED):
        return emergency.state
    if emergency.state == EmergencyState.ENDED or (emergency.ends_at is not None and emergency.ends_at <= now):
        return "over"
    if emergency.is_drill:
        return "drill"
    return "announced" if emergency.starts_at > now else "in force"


class EmergencyForm(ReasonForm):
    """What people may change of an emergency: its scope, its strength and its end."""

    country_codes = forms.MultipleChoiceField(
        label="Affected countries", choices=known_countries, widget=UnfoldAdminSelect2MultipleWidget
    )
    purposes = forms.MultipleChoiceField(
        label="Purposes that are lifted",
        choices=list_known_purposes,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text="Requests for these purposes from the affected countries weigh more while the emergency lasts.",
    )

    def clean_ends_at(self) -> datetime | None:
        """To end it now there is Lift, which asks why."""
        ends_at: datetime | None = self.cleaned_data["ends_at"]
        if ends_at is not None and ends_at <= max(timezone.now(), self.instance.starts_at):
            raise ValidationError("The end must be after the start and after now.")
        return ends_at

    def clean(self) -> dict[str, Any]:
        """An emergency that has ended while the form was open stays as it ended."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            # The row stays locked until the page's transaction has stored the change.
            services.lock_open_emergency(emergency_id=self.instance.pk, now=timezone.now())
        except DomainError as refusal:
            add_refusal(self, refusal)
        return given


@admin.register(Emergency)
class EmergencyAdmin(AuditedAdmin):
    """What is in force, what was, what is announced, and what waits for a person."""

    form = EmergencyForm
    list_display = ("title", "kind", "countries", "multiplier", "shown_state", "starts_at", "ends_at", "origin")
    list_filter = ("state", "kind", "is_drill")
    search_fields = ("title", "reason")
    actions_list = ("start_drill",)
    actions_detail = ("confirm", "dismiss", "lift")
    readonly_fields = (
        "kind",
        "shown_state",
        "starts_at",
        "reason",
        "origin",
        "alert",
        "alert_level",
        "declared_at",
        "decided_at",
        "decided_by",
        "is_drill",
        "is_kept_by_person",
    )
    fieldsets = (
        (None, {"fields": (("title", "kind"), ("shown_state", "is_drill"), "reason")}),
        (
            "What it lifts",
            {
                "fields": ("country_codes", "purposes", "multiplier"),
                "description": "What you change here the feed no longer changes: then it lasts until you end it.",
            },
        ),
        (
            "When",
            {
                "fields": (("starts_at", "ends_at"), ("declared_at", "decided_at")),
                "description": "Times are UTC. An empty end means that it lasts until it is lifted.",
            },
        ),
        ("Where it comes from", {"fields": ("origin", ("alert", "alert_level"), ("decided_by", "is_kept_by_person"))}),
    )

    @display(description="Countries")
    def countries(self, emergency: Emergency) -> str:
        """Codes, with commas."""
        return ", ".join(emergency.country_codes)

    @display(description="State", ordering="state", label=COLOURS)
    def shown_state(self, emergency: Emergency) -> str:
        """Where it stands now."""
        return state_words(emergency, timezone.now())

    @display(description="Declared by")
    def origin(self, emergency: Emergency) -> str:
        """The policy's version, or a person."""
        return f"policy version {emergency.policy_version}" if emergency.policy_version else "a person"

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Declare one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._new_page(
            request,
            form=DeclareForm(posted(request)),
            begin=services.declare_emergency,
            title="Declare an emergency",
            submit="Declare it",
            intro="From its start on requests for these purposes from these countries weigh more, for every team.",
        )

    def has_start_drill_permission(self, request: HttpRequest) -> bool:
        """Asked by the action of this name."""
        return self.has_add_permission(request)

    @action(description="Start a drill", icon="sports_score", permissions=["start_drill"])
    def start_drill(self, request: HttpRequest) -> HttpResponse:
        """An exercise."""
        return self._new_page(
            request,
            form=DrillForm(posted(request)),
            begin=services.start_drill,
            title="Start a drill",
            submit="Start the drill",
            intro="A drill is shown as one everywhere and changes no decision.",
        )

    def _new_page(
        self, request: HttpRequest, *, form: DeclareForm, begin: Callable[..., int], title: str, submit: str, intro: str
    ) -> HttpResponse:
        def call(given: dict[str, Any]) -> str:
            begin(services.NewEmergency(**form.values()), by=actor_of(request), now=timezone.now())
            return f"{given['title']}: it is in the list now."

        return form_page(
            request, model_admin=self, form=form, call=call, title=title, submit=submit, intro=intro, object_id=None
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Only what was changed is stored; the row may have moved since it was read for the form."""
        services.change_emergency(
            emergency_id=obj.pk,
            changes={name: form.cleaned_data[name] for name in form.changed_data if name in services.CHANGEABLE},
            reason=form.cleaned_data["change_reason"],
            now=timezone.now(),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Declaring is deciding, here as at every door."""
        return may_on_platform(request.user, Scope.EMERGENCIES_WRITE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is over is shown as it was. A form that was sent for it is answered with the reason, not with a 403."""
        is_over = isinstance(obj, Emergency) and state_words(obj, timezone.now()) in ("over", "dismissed")
        is_shown_open = request.method == "POST" or not is_over
        return is_shown_open and may_on_platform(request.user, Scope.EMERGENCIES_WRITE)

    def _may_decide(self, request: HttpRequest, object_id: str | None, *states: str) -> bool:
        emergency: Any = self.get_object(request, object_id) if object_id is not None else None
        fits = emergency is None or state_words(emergency, timezone.now()) in states
        return fits and may_on_platform(request.user, Scope.EMERGENCIES_WRITE)

    def has_confirm_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may_decide(request, object_id, "proposed")

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may_decide(request, object_id, "in force", "drill")

    @action(description="Confirm", icon="check", permissions=["confirm"])
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put it in force."""
        return self._decision_page(
            request,
            object_id,
            form=ConfirmForm(posted(request)),
            service=services.confirm_emergency,
            title="Confirm this emergency",
            submit="Put it in force",
            intro="From now on requests for its purposes from its countries weigh more, for every team.",
        )

    @action(description="Dismiss", icon="block", permissions=["confirm"])
    def dismiss(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse the proposal."""
        return self._decision_page(
            request,
            object_id,
            form=WhyForm(posted(request)),
            service=services.dismiss_emergency,
            title="Dismiss this proposal",
            submit="Dismiss it",
            intro="The same alert proposes it again only if its level rises.",
        )

    @action(description="Lift", icon="flag_check", permissions=["lift"])
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End it now."""
        return self._decision_page(
            request,
            object_id,
            form=WhyForm(posted(request)),
            service=services.lift_emergency,
            title="Lift this emergency",
            submit="Lift it now",
            intro="From now on requests weigh as they did before. Decisions that were made stay.",
        )

    def _decision_page(
        self, request: HttpRequest, object_id: str, *, form: forms.Form, service: Callable[..., None], **words: Any
    ) -> HttpResponse:
        def call(given: dict[str, Any]) -> str:
            service(emergency_id=int(object_id), by=actor_of(request), now=timezone.now(), **given)
            return "Your decision was stored and is in effect."

        return form_page(request, model_admin=self, form=form, call=call, object_id=object_id, **words)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Decisions name the emergencies they counted; only a person's own that has not begun can go."""
        allowed = super().has_delete_permission(request, obj)
        has_begun = not isinstance(obj, Emergency) or obj.alert_id is not None or obj.starts_at <= timezone.now()
        return allowed and not has_begun
