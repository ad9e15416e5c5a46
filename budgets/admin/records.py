"""Holds, the ledger and crossings: records that explain every figure of a budget."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from budgets.models import BudgetAlert, Hold, HoldLine, LedgerEntry
from config.administration.base import RecordAdmin, RecordInline
from config.administration.text import usd, whole
from config.administration.typed import display


class HoldLineInline(RecordInline):
    """What the hold takes from each budget of its path, in steps of that budget's unit."""

    model = HoldLine
    fields = ("budget", "reserved", "settled")
    verbose_name_plural = "budgets on the path"
    show_change_link = False
    tab = False


@admin.register(Hold)
class HoldAdmin(RecordAdmin):
    """Reservations. Requests make, settle and release them."""

    list_display = ("reference", "budget", "status", "shown_tokens", "grams", "money", "created_at", "lease_expires_at")
    list_filter = ("status", ("created_at", RangeDateTimeFilter))
    list_select_related = ("budget",)
    search_fields = ("reference", "budget__name")
    inlines = (HoldLineInline,)

    @display(description="Tokens", ordering="tokens")
    def shown_tokens(self, hold: Hold) -> str:
        """Thousands separated."""
        return whole(hold.tokens)

    @display(description="g CO2e", ordering="carbon_ug")
    def grams(self, hold: Hold) -> str:
        """Grams of the micrograms stored."""
        return f"{hold.carbon_ug / 1e6:,.3f}"

    @display(description="Money", ordering="micro_usd")
    def money(self, hold: Hold) -> str:
        """US dollars."""
        return usd(hold.micro_usd)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(RecordAdmin):
    """Every change to every budget, in steps of its unit: tokens, micrograms CO2e or micro-USD."""

    list_display = (
        "at",
        "budget",
        "kind",
        "limit_delta",
        "spent_delta",
        "reserved_delta",
        "overdraft_delta",
        "actor",
        "reason",
    )
    list_filter = ("kind", ("at", RangeDateTimeFilter))
    list_select_related = ("budget",)
    search_fields = ("budget__name", "actor", "reason", "hold__reference")

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Let a budget's page link to its own lines."""
        return lookup == "budget__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(BudgetAlert)
class BudgetAlertAdmin(RecordAdmin):
    """Thresholds that budgets passed, once a period, and other things to notice."""

    list_display = ("at", "budget", "kind", "level", "period_starts_at")
    list_filter = ("kind", ("at", RangeDateTimeFilter))
    list_select_related = ("budget",)
    search_fields = ("budget__name",)
