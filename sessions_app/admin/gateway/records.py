"""Records of the gateway: read, searched and filtered, never touched. The text of calls is in none of them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.base import RecordAdmin
from sessions_app.models import BreakerEvent, GatewayCall, RoundRun, RoundTable, TriageCorrection


@admin.register(BreakerEvent)
class BreakerEventAdmin(RecordAdmin):
    """Every change of every breaker."""

    list_display = ("at", "deployment", "was", "became", "reason")
    list_filter = ("deployment", "became", ("at", RangeDateTimeFilter))
    list_select_related = ("deployment",)
    search_fields = ("deployment__name", "reason")
    ordering = ("-id",)


@admin.register(GatewayCall)
class GatewayCallAdmin(RecordAdmin):
    """Calls of models. Their requests, decisions and settlements are beside those of all other work."""

    list_display = (
        *("created_at", "team", "asked_model", "deployment", "status", "input_tokens", "output_tokens"),
        *("usage_basis", "first_byte_ms", "total_ms", "error_code"),
    )
    list_filter = ("status", "endpoint", "usage_basis", ("created_at", RangeDateTimeFilter))
    list_select_related = ("team__organisation", "deployment")
    search_fields = ("id", "asked_model", "team__name", "actor", "error_code")
    exclude = ("answer", "fingerprint", "idempotency_key")
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GatewayCall]:
        """Without answers that are kept for replays."""
        rows: QuerySet[GatewayCall] = super().get_queryset(request)
        return rows.defer("answer")


@admin.register(RoundTable)
class RoundTableAdmin(RecordAdmin):
    """Who sits at the round tables of teams."""

    list_display = ("name", "team", "reflective_model", "created_by", "created_at")
    list_select_related = ("team__organisation",)
    search_fields = ("name", "team__name")


@admin.register(RoundRun)
class RoundRunAdmin(RecordAdmin):
    """Rounds that the gateway drove. What was asked and answered is on the pages of their sessions."""

    list_display = ("created_at", "round", "status", "calls", "spent_tokens", "single_tokens", "stopped_because")
    list_filter = ("status", ("created_at", RangeDateTimeFilter))
    list_select_related = ("round",)
    search_fields = ("round__id", "chosen_agent", "stopped_because")
    exclude = ("question", "answer", "reason")
    ordering = ("-created_at",)


@admin.register(TriageCorrection)
class TriageCorrectionAdmin(RecordAdmin):
    """What outcomes have taught triage, in points of complexity."""

    list_display = ("team", "kind", "correction_points", "outcomes", "updated_at")
    list_select_related = ("team__organisation",)
    search_fields = ("team__name", "kind")
