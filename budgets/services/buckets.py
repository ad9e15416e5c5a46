"""Sums of spending by slices of time, kept in the transaction that spends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import F

from budgets.domain.periods import bucket_of
from budgets.models import Budget, SpendBucket


def add_spent(charges: Iterable[tuple[Budget, int]], *, now: datetime) -> None:
    """Count what these budgets have just spent, in steps. Their rows are locked by the caller, or about to be."""
    for budget, steps in charges:
        if steps:
            _add(budget.pk, bucket_of(now, window_hours=budget.window_hours), spent=steps)


def note_refusals(budget: Budget, *, count: int, now: datetime) -> None:
    """Count asks that a budget turned away."""
    _add(budget.pk, bucket_of(now, window_hours=budget.window_hours), refusals=count)


def _add(budget_id: UUID, starts_at: datetime, **counts: int) -> None:
    rows = SpendBucket.objects.filter(budget_id=budget_id, starts_at=starts_at)
    changes = {name: F(name) + count for name, count in counts.items()}
    if not rows.update(**changes):
        SpendBucket.objects.bulk_create([SpendBucket(budget_id=budget_id, starts_at=starts_at)], ignore_conflicts=True)
        rows.update(**changes)
