"""Holds, and the blocks that busy budgets hold in escrow."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.paginator import InfinitePaginator

from budgets.admin.amounts import amount, in_unit
from budgets.domain.units import COLUMN_OF
from budgets.models import EscrowLease, Hold, HoldLine
from config.administration.base import RecordAdmin, RecordInline
from config.administration.filters import exact_filter
from config.administration.text import usd, whole
from config.administration.typed import display

STATUS_COLOURS = {"reserved": "info", "dispatched": "warning", "settled": "success", "expired": "danger"}
LEASE_COLOURS = {"open": "success", "closing": "warning"}
UNITS = {column: unit for unit, column in COLUMN_OF.items()}
TABLE = '<table class="w-full text-left"><thead><tr><th></th>{}</tr></thead><tbody>{}</tbody></table>'
HEAD = '<th scope="col" class="font-semibold pr-4 py-1">{}</th>'
LINE = '<tr><th scope="row" class="font-semibold pr-4 py-1">{}</th>{}</tr>'
CELL = '<td class="pr-4 py-1 tabular-nums">{}</td>'


class HoldLineInline(RecordInline):
    """What the hold takes from each budget of its path."""

    model = HoldLine
    fields = ("budget", "shown_reserved", "shown_settled")
    verbose_name_plural = "budgets on the path"
    show_change_link = False
    tab = False

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the budgets, whose units the amounts are in."""
        return super().get_queryset(request).select_related("budget")

    @display(description="Reserved")
    def shown_reserved(self, line: HoldLine) -> str:
        """In the budget's unit."""
        return amount(line.budget, line.reserved)

    @display(description="Settled")
    def shown_settled(self, line: HoldLine) -> str:
        """In the budget's unit; a dash while nothing was settled."""
        return "–" if line.settled is None else amount(line.budget, line.settled)


@admin.register(Hold)
class HoldAdmin(RecordAdmin):
    """Reservations. Requests and programs make, dispatch, settle and release them."""

    list_display = (
        "reference",
        "budget",
        "shown_status",
        "gear",
        "shown_tokens",
        "grams",
        "money",
        "watt_hours",
        "created_at",
        "lease_expires_at",
        "doubt",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("gear", ChoicesDropdownFilter),
        ("budget", AutocompleteSelectFilter),
        exact_filter("reference", "reference"),
        "is_unverified",
        ("corrected_at", admin.EmptyFieldListFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_filter_sheet = True
    list_select_related = ("budget",)
    paginator = InfinitePaginator  # millions are not counted to show fifty
    search_fields = ("=reference", "budget__name")
    inlines = (HoldLineInline,)
    readonly_fields = ("entries",)

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def shown_status(self, hold: Hold) -> str:
        """Coloured."""
        return hold.status

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

    @display(description="Wh", ordering="energy_uwh")
    def watt_hours(self, hold: Hold) -> str:
        """Watt hours of the microwatt hours stored."""
        return f"{hold.energy_uwh / 1e6:,.3f}"

    @display(description="Report", label={"unverified": "warning", "corrected": "info"})
    def doubt(self, hold: Hold) -> str:
        """Whether anybody said what was used: settled without a word, or corrected by a late one."""
        if hold.corrected_at is not None:
            return "corrected"
        return "unverified" if hold.is_unverified else "–"

    @display(description="Ledger")
    def entries(self, hold: Hold) -> SafeString:
        """A link to what it did to every budget."""
        url = reverse("admin:budgets_ledgerentry_changelist")
        return format_html('<a href="{}?hold__id={}">Every line of this hold</a>', url, hold.pk)


@admin.register(EscrowLease)
class EscrowLeaseAdmin(RecordAdmin):
    """Blocks that busy budgets hold at their ancestors. They are opened, shrunk and given back by themselves."""

    list_display = ("budget", "shown_status", "free", "used", "pending", "opened_at", "last_used_at", "closed_at")
    list_filter = (("status", ChoicesDropdownFilter), ("budget", AutocompleteSelectFilter))
    list_select_related = ("budget",)
    search_fields = ("budget__name",)
    fields = ("budget", "hold", "shown_status", "amounts", ("opened_at", "last_used_at", "closed_at"))
    readonly_fields = ("shown_status", "amounts")

    @display(description="Status", ordering="status", label=LEASE_COLOURS)
    def shown_status(self, lease: EscrowLease) -> str:
        """Coloured."""
        return lease.status

    @display(description="Free tokens", ordering="free_tokens")
    def free(self, lease: EscrowLease) -> str:
        """What new reservations may take."""
        return whole(lease.free_tokens)

    @display(description="Promised tokens", ordering="used_tokens")
    def used(self, lease: EscrowLease) -> str:
        """What open holds of the budget have taken of it."""
        return whole(lease.used_tokens)

    @display(description="Spent tokens, not yet moved up", ordering="pending_tokens")
    def pending(self, lease: EscrowLease) -> str:
        """What the budget has spent, and its ancestors still show as reserved."""
        return whole(lease.pending_tokens)

    @display(description="The block")
    def amounts(self, lease: EscrowLease) -> SafeString:
        """All three parts in every unit."""
        parts = (
            ("free", "Free for new reservations"),
            ("used", "Promised to open holds"),
            ("pending", "Spent, not yet moved up"),
        )
        head = format_html_join("", HEAD, ((words,) for words in ("Tokens", "Carbon", "Money", "Energy")))
        lines = format_html_join("", LINE, ((words, _cells(lease, part)) for part, words in parts))
        return format_html(TABLE, head, lines)


def _cells(lease: EscrowLease, part: str) -> SafeString:
    texts = ((in_unit(unit, getattr(lease, f"{part}_{column}")),) for column, unit in UNITS.items())
    return format_html_join("", CELL, texts)
