"""Alerts as they were recorded, and the log of their deliveries. Records: nobody changes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter

from budgets.admin.amounts import amount
from budgets.domain.alerts import AlertKind
from budgets.models import AlertDelivery, BudgetAlert, DeliveryAttempt
from budgets.services import retry_delivery
from config.administration.base import RecordAdmin, RecordInline
from config.administration.pages import ConfirmForm, actor_of, form_page, posted
from config.administration.text import pretty_json
from config.administration.typed import action, display

KIND_COLOURS = {"percent": "warning", "amount": "warning", "overdraft": "danger", "forecast": "info", "notice": "info"}
STATUS_COLOURS = {"waiting": "warning", "delivered": "success", "failed": "danger"}


class DeliveryInline(RecordInline):
    """To whom it was told."""

    model = AlertDelivery
    fields = ("channel", "status", "attempt_count", "next_attempt_at", "delivered_at")
    verbose_name_plural = "deliveries"


@admin.register(BudgetAlert)
class BudgetAlertAdmin(RecordAdmin):
    """Thresholds that budgets passed, once a period, overdrafts and forecasts."""

    list_display = ("at", "budget", "shown_kind", "shown_level", "used", "period_starts_at", "is_fanned_out")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("budget", AutocompleteSelectFilter),
        ("at", RangeDateTimeFilter),
    )
    list_filter_sheet = True
    list_select_related = ("budget",)
    search_fields = ("budget__name",)
    inlines = (DeliveryInline,)
    fieldsets = (
        (None, {"fields": (("budget", "shown_kind"), ("shown_level", "used"), "hold")}),
        ("When", {"fields": (("at", "period_starts_at", "fanned_out_at"),), "description": "Times are UTC."}),
        ("What was known then, in steps of the budget's unit", {"fields": ("shown_facts",)}),
    )
    readonly_fields = ("shown_kind", "shown_level", "used", "fanned_out_at", "shown_facts")

    @display(description="Kind", ordering="kind", label=KIND_COLOURS)
    def shown_kind(self, alert: BudgetAlert) -> str:
        """Coloured."""
        return alert.kind

    @display(description="Level", ordering="level")
    def shown_level(self, alert: BudgetAlert) -> str:
        """A percentage, or an amount in the budget's unit."""
        has_percent = alert.kind in (AlertKind.PERCENT, AlertKind.FORECAST)
        return f"{alert.level} %" if has_percent else amount(alert.budget, alert.level)

    @display(description="Used then")
    def used(self, alert: BudgetAlert) -> str:
        """Spent and reserved, of the limit, when it was recorded."""
        facts = alert.facts
        if not {"spent", "reserved", "limit"} <= set(facts):
            return "unknown"
        return f"{amount(alert.budget, facts['spent'] + facts['reserved'])} of {amount(alert.budget, facts['limit'])}"

    @display(description="Told", boolean=True)
    def is_fanned_out(self, alert: BudgetAlert) -> bool:
        """Whether a delivery was made for every channel."""
        return alert.fanned_out_at is not None

    @display(description="Facts")
    def shown_facts(self, alert: BudgetAlert) -> SafeString:
        """As stored."""
        return pretty_json(alert.facts)


class AttemptInline(RecordInline):
    """Every try, the newest first."""

    model = DeliveryAttempt
    fields = ("at", "duration_ms", "status_code", "error")
    verbose_name_plural = "tries"
    show_change_link = False
    tab = False


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(RecordAdmin):
    """The log of deliveries. One that fails is tried again for a day, with growing waits."""

    list_display = (
        "created_at",
        "channel",
        "what",
        "shown_status",
        "attempt_count",
        "next_attempt",
        "delivered_at",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("channel", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_filter_sheet = True
    list_select_related = ("channel", "alert__budget")
    search_fields = ("id", "channel__name", "alert__budget__name")
    inlines = (AttemptInline,)
    actions_detail = ("try_again",)
    fieldsets = (
        (None, {"fields": (("channel", "shown_status"), ("alert", "id"))}),
        ("When", {"fields": (("created_at", "next_attempt", "delivered_at"),), "description": "Times are UTC."}),
        ("Tried again by hand", {"fields": ("retried_by",)}),
        ("What is sent", {"fields": ("shown_payload",)}),
    )
    readonly_fields = ("shown_status", "next_attempt", "shown_payload", "id", "retried_by")

    @display(description="Alert")
    def what(self, delivery: AlertDelivery) -> str:
        """The alert, or that it is a test."""
        alert = delivery.alert
        return f"{alert.kind} of {alert.budget.name}" if alert else "a test"

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def shown_status(self, delivery: AlertDelivery) -> str:
        """Coloured."""
        return delivery.status

    @display(description="Next try", ordering="next_attempt_at")
    def next_attempt(self, delivery: AlertDelivery) -> str:
        """When it is tried again; a dash where it is not."""
        if delivery.status != AlertDelivery.Status.WAITING:
            return "–"
        at = delivery.next_attempt_at
        return "within seconds" if at <= timezone.now() else f"{at:%d %b %Y %H:%M:%S} UTC"

    @display(description="Payload")
    def shown_payload(self, delivery: AlertDelivery) -> SafeString:
        """The same for each try."""
        return pretty_json(delivery.payload)

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Let a channel's page link to its own deliveries."""
        return lookup == "channel__id__exact" or super().lookup_allowed(lookup, value, request)

    def has_retry_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offered until it arrived. A form that was sent for anything else is answered with the reason."""
        delivery: Any = self.get_object(request, object_id) if object_id is not None else None
        has_arrived = delivery is not None and delivery.status == AlertDelivery.Status.DELIVERED
        return (request.method == "POST" or not has_arrived) and request.user.has_perm("budgets.change_alertchannel")

    @action(description="Try again now", icon="refresh", permissions=["retry"])
    def try_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the next worker send it, after a question."""

        def call(_given: dict[str, Any]) -> str:
            retry_delivery(delivery_id=UUID(object_id), actor=actor_of(request), now=timezone.now())
            return "It is sent again within ten seconds. What came of it appears on this page."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Try again now",
            submit="Send it again",
            intro="It is sent with the same id, so that the receiver knows it again. After its day is over it is tried"
            " once.",
            object_id=object_id,
        )
