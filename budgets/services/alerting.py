"""What budgets tell: each threshold once per budget, period and level; each overdraft once per hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from budgets.domain.bands import percentages_passed
from budgets.events import BudgetAlerted
from budgets.models import Budget, BudgetAlert
from budgets.selectors import get_bands
from config.kernel.events import publish


def note_crossings(*, budget_ids: Sequence[UUID], now: datetime) -> int | None:
    """Record what these budgets have newly passed; return the highest percentage any of them is past.

    Called in the transaction that moved the budgets, whose row locks make the recording exact.
    """
    bands = get_bands()
    highest: int | None = None
    news: list[BudgetAlert] = []
    for budget in Budget.objects.filter(pk__in=budget_ids):
        used = budget.spent + budget.reserved
        passed = percentages_passed(used=used, limit=budget.limit, bands=bands)
        highest = max([highest or 0, *passed]) or None
        levels = [(BudgetAlert.Kind.PERCENT, percent) for percent in passed]
        levels += [(BudgetAlert.Kind.AMOUNT, steps) for steps in budget.warning_amounts if used >= steps]
        if levels:
            news += _unknown(budget, levels, now=now)
    if news:
        BudgetAlert.objects.bulk_create(news)
        publish(BudgetAlerted(budget_ids=tuple({each.budget_id for each in news}), at=now))
    return highest


def _unknown(budget: Budget, levels: Sequence[tuple[BudgetAlert.Kind, int]], *, now: datetime) -> list[BudgetAlert]:
    """Alerts of levels that were not recorded in this period."""
    recorded = BudgetAlert.objects.filter(budget=budget, period_starts_at=budget.period_starts_at)
    known = set(recorded.values_list("kind", "level"))
    facts = {"limit": budget.limit, "spent": budget.spent, "reserved": budget.reserved}
    return [
        BudgetAlert(
            budget=budget, period_starts_at=budget.period_starts_at, kind=kind, level=level, at=now, facts=facts
        )
        for kind, level in levels
        if (kind, level) not in known
    ]
