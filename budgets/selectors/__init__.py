"""Reads of budgets, holds and the ledger. What other apps may call."""

from budgets.selectors.differences import list_ledger_differences
from budgets.selectors.figures import get_bands, get_estimate_terms
from budgets.selectors.holds import OverdueHold, count_open_holds, list_overdue_holds
from budgets.selectors.ledger import LedgerLine, list_ledger
from budgets.selectors.spending import SpendHour, list_spend_by_hour
from budgets.selectors.tree import find_default_budget_id, get_budget, list_budgets

__all__ = [
    "LedgerLine",
    "OverdueHold",
    "SpendHour",
    "count_open_holds",
    "find_default_budget_id",
    "get_bands",
    "get_budget",
    "get_estimate_terms",
    "list_budgets",
    "list_ledger",
    "list_ledger_differences",
    "list_overdue_holds",
    "list_spend_by_hour",
]
