"""Thresholds that budgets pass: each recorded once per budget, period and percentage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from budgets.domain.bands import percentages_passed
from budgets.events import ThresholdCrossed
from budgets.models import Budget, ThresholdCrossing
from budgets.selectors import get_bands
from config.kernel.events import publish


def note_crossings(*, budget_ids: Sequence[UUID], now: datetime) -> int | None:
    """Record what these budgets have newly passed; return the highest percentage any of them is past.

    Called in the transaction that moved the budgets, whose row locks make the recording exact.
    """
    bands = get_bands()
    highest: int | None = None
    for budget in Budget.objects.filter(pk__in=budget_ids):
        passed = percentages_passed(used=budget.spent + budget.reserved, limit=budget.limit, bands=bands)
        if not passed:
            continue
        highest = max(highest or 0, passed[-1])
        _record(budget, passed, now=now)
    return highest


def _record(budget: Budget, passed: Sequence[int], *, now: datetime) -> None:
    known = set(
        ThresholdCrossing.objects.filter(budget=budget, period_starts_at=budget.period_starts_at).values_list(
            "percent", flat=True
        )
    )
    for percent in (each for each in passed if each not in known):
        ThresholdCrossing.objects.create(
            budget=budget, period_starts_at=budget.period_starts_at, percent=percent, at=now
        )
        publish(ThresholdCrossed(budget_id=budget.pk, percent=percent, at=now))
