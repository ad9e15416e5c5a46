"""Who may change a budget alone."""

from __future__ import annotations

from budgets.models import Budget
from config.kernel.errors import Conflict


def require_one_person(budget: Budget) -> None:
    """Raise Conflict if changes of this budget wait for a second person."""
    if budget.needs_two:
        raise Conflict(
            f"Changes of {budget.name} wait for a second person. Propose an adjustment.",
            field="budget",
            code="needs_two",
        )
