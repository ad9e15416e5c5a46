"""Changes to budgets. What other apps may call."""

from budgets.services.holds import expire_hold, place_hold, release_hold, settle_hold
from budgets.services.ledger import begin_due_periods
from budgets.services.reference import load_reference
from budgets.services.tokens import count_tokens
from budgets.services.tree import allot, create_budget, deallocate

__all__ = [
    "allot",
    "begin_due_periods",
    "count_tokens",
    "create_budget",
    "deallocate",
    "expire_hold",
    "load_reference",
    "place_hold",
    "release_hold",
    "settle_hold",
]
