"""The ledger: every change of every budget, by key, so that ten million lines open as fast as ten."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from budgets.admin.amounts import UNIT_WORDS, amount, change
from budgets.admin.change_forms import ExportForm
from budgets.domain.units import Unit
from budgets.models import Budget, LedgerEntry
from config.administration.base import RecordAdmin
from config.administration.filters import exact_filter
from config.administration.keyset import KeyedTimeFilter, KeysetMixin
from config.administration.pages import form_page, posted
from config.administration.typed import action, display

COLUMNS = ("limit", "spent", "reserved", "overdraft", "tradeable")
COLOURS = {
    "allot": "info",
    "adjust": "warning",
    "reset": "warning",
    "correct": "warning",
    "deallocate": "danger",
    "settle": "success",
}


def export_address(*, budget: Budget, format: str, subtree: bool, since: Any = None, until: Any = None) -> str:
    """Where the file is: the API makes it."""
    asked = {"format": format, "subtree": "true" if subtree else "false"}
    asked |= {name: f"{day}T00:00:00Z" for name, day in (("since", since), ("until", until)) if day}
    return f"{reverse('budget-ledger-export', args=[budget.pk])}?{urlencode(asked)}"


@admin.register(LedgerEntry)
class LedgerEntryAdmin(KeysetMixin, RecordAdmin):
    """Every change to every budget. The sum of a budget's lines is its state."""

    list_display = (
        "at",
        "budget",
        "shown_kind",
        "in_unit",
        "limit_change",
        "spent_change",
        "reserved_change",
        "overdraft_change",
        "actor",
        "reason",
    )
    list_filter = (
        ("budget", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        exact_filter("actor", "actor"),
        exact_filter("number of a hold", "hold__id"),
        exact_filter("reference of a hold", "hold__reference"),
        ("at", KeyedTimeFilter),
    )
    list_filter_sheet = True
    actions_list = ("export",)
    scanned = ("kind__exact", "actor")
    list_select_related = ("budget",)
    fields = ("at", "budget", "kind", "hold", "all_changes", "actor", "reason")
    readonly_fields = ("all_changes",)

    @display(description="Kind", label=COLOURS)
    def shown_kind(self, entry: LedgerEntry) -> str:
        """Coloured where a person or a rule did something."""
        return entry.kind

    @display(description="Unit")
    def in_unit(self, entry: LedgerEntry) -> str:
        """Of all amounts of the line."""
        return UNIT_WORDS[Unit(entry.budget.unit)]

    @display(description="Limit")
    def limit_change(self, entry: LedgerEntry) -> str:
        """With its sign."""
        return change(entry.budget, entry.limit_delta)

    @display(description="Spent")
    def spent_change(self, entry: LedgerEntry) -> str:
        """With its sign."""
        return change(entry.budget, entry.spent_delta)

    @display(description="Reserved")
    def reserved_change(self, entry: LedgerEntry) -> str:
        """With its sign."""
        return change(entry.budget, entry.reserved_delta)

    @display(description="Overdraft")
    def overdraft_change(self, entry: LedgerEntry) -> str:
        """With its sign."""
        return change(entry.budget, entry.overdraft_delta)

    @display(description="What it changed")
    def all_changes(self, entry: LedgerEntry) -> str:
        """Each column that moved, in the budget's unit."""
        moved = ((name, getattr(entry, f"{name}_delta")) for name in COLUMNS)
        return ", ".join(f"{name} {amount(entry.budget, steps)}" for name, steps in moved if steps) or "nothing"

    def has_export_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self.has_view_permission(request)

    @action(description="Export", icon="download", permissions=["export"])
    def export(self, request: HttpRequest) -> HttpResponse:
        """Ask which part, and go on to the file."""
        form = ExportForm(posted(request))
        if request.method == "POST" and form.is_valid():
            return HttpResponseRedirect(export_address(**form.cleaned_data))
        return form_page(
            request,
            model_admin=self,
            form=form,
            call=lambda given: "",
            title="Export the ledger",
            submit="Download",
            intro="Every line as it stands when the file begins, oldest first, in the units of the budgets."
            " The file comes as it is read, so that ten million lines need no more memory than ten.",
        )

    def looks_through(self, request: HttpRequest) -> bool:
        """A hold has few lines, and an index leads to them."""
        is_of_a_hold = any(request.GET.get(name) for name in ("hold__id", "hold__reference"))
        return not is_of_a_hold and super().looks_through(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Let the pages of a budget and of a hold link to their own lines."""
        known: Any = ("budget__id__exact", "hold__id", "hold__reference")
        return lookup in known or super().lookup_allowed(lookup, value, request)
