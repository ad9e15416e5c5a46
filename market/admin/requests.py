"""Requests, decisions and settlements: records of what was asked, decided and used."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.base import RecordAdmin, RecordInline
from config.administration.text import pretty_json, usd, whole
from config.administration.typed import display
from market.models import AllocationRequest, Decision, RegionHour, Settlement

STATUS_COLOURS = {
    "granted": "success",
    "settled": "success",
    "partial": "warning",
    "queued": "info",
    "denied": "danger",
    "expired": "danger",
}


class DecisionInline(RecordInline):
    """The verdicts on a request, in order."""

    model = Decision
    fields = ("sequence", "verdict", "made_at", "granted_tokens", "region", "explanation")
    ordering = ("sequence",)
    tab = False


@admin.register(AllocationRequest)
class AllocationRequestAdmin(RecordAdmin):
    """What was asked."""

    list_display = ("created_at", "team", "purpose", "origin_code", "model_class", "asked", "mode", "shown_status")
    list_filter = ("status", "purpose", "model_class", "is_simulated", ("created_at", RangeDateTimeFilter))
    list_select_related = ("team__organisation", "purpose")
    search_fields = ("id", "actor", "team__name", "team__organisation__name", "origin_code")
    inlines = (DecisionInline,)

    @display(description="Tokens", ordering="tokens")
    def asked(self, request: AllocationRequest) -> str:
        """Thousands separated."""
        return whole(request.tokens)

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def shown_status(self, request: AllocationRequest) -> str:
        """Coloured."""
        return request.status


@admin.register(Decision)
class DecisionAdmin(RecordAdmin):
    """What was decided, from which facts, under which version of which policy."""

    list_display = ("made_at", "shown_verdict", "team", "granted", "region_id", "total", "basis", "policy")
    list_filter = ("verdict", "policy", "basis", ("made_at", RangeDateTimeFilter))
    list_select_related = ("request__team__organisation", "policy")
    search_fields = ("request__id", "region__code", "request__team__name")
    readonly_fields = ("total", "shown_inputs")
    exclude = ("inputs",)

    @display(description="Verdict", ordering="verdict", label=STATUS_COLOURS)
    def shown_verdict(self, decision: Decision) -> str:
        """Coloured."""
        return decision.verdict

    @display(description="Team")
    def team(self, decision: Decision) -> str:
        """Who asked."""
        return str(decision.request.team)

    @display(description="Granted", ordering="granted_tokens")
    def granted(self, decision: Decision) -> str:
        """Thousands separated."""
        return whole(decision.granted_tokens)

    @display(description="Total", ordering="total_micro_usd")
    def total(self, decision: Decision) -> str:
        """US dollars."""
        return usd(decision.total_micro_usd)

    @display(description="All facts it was computed from")
    def shown_inputs(self, decision: Decision) -> SafeString:
        """The stored inputs, laid out."""
        return pretty_json(decision.inputs)


@admin.register(Settlement)
class SettlementAdmin(RecordAdmin):
    """What was used in the end, and what that cost."""

    list_display = (
        "settled_at",
        "team",
        "used",
        "total",
        "location_g",
        "avoided_g",
        "market_value_tokens",
        "is_verified",
    )
    list_filter = (
        "is_verified",
        ("settled_at", RangeDateTimeFilter),
    )
    list_select_related = ("request__team__organisation",)
    search_fields = ("request__id", "request__team__name")

    @display(description="Team")
    def team(self, settlement: Settlement) -> str:
        """Who asked."""
        return str(settlement.request.team)

    @display(description="Used tokens", ordering="used_tokens")
    def used(self, settlement: Settlement) -> str:
        """Thousands separated."""
        return whole(settlement.used_tokens)

    @display(description="Total", ordering="total_micro_usd")
    def total(self, settlement: Settlement) -> str:
        """US dollars."""
        return usd(settlement.total_micro_usd)


@admin.register(RegionHour)
class RegionHourAdmin(RecordAdmin):
    """Tokens promised in each region and hour."""

    list_display = ("starts_at", "region_id", "model_class", "promised", "capacity")
    list_filter = ("model_class", ("starts_at", RangeDateTimeFilter))
    search_fields = ("region__code",)
    ordering = ("-starts_at",)

    @display(description="Promised", ordering="promised_tokens")
    def promised(self, hour: RegionHour) -> str:
        """Thousands separated."""
        return whole(hour.promised_tokens)

    @display(description="Capacity", ordering="capacity_tokens")
    def capacity(self, hour: RegionHour) -> str:
        """Thousands separated."""
        return whole(hour.capacity_tokens)
