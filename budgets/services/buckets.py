"""Sums of spending by slices of time, kept in the transaction that spends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from budgets.domain.periods import bucket_of, leaves_at
from budgets.models import Budget, SpendBucket


def add_spent(charges: Iterable[tuple[Budget, int]], *, now: datetime) -> None:
    """Count what was just added to `spent` of these budgets, in steps; below zero what was taken off it.

    Call it after the rows of the budgets were changed, which locks them: slices come last. What is
    overdrawn is not spent. A rolling budget learns here when its oldest spending stops counting.
    """
    for budget, steps in charges:
        if steps > 0:
            _add(budget, now=now, spent=steps)
        elif steps < 0:
            _take_back(budget, -steps, now=now)


def note_refusals(budget: Budget, *, count: int, now: datetime) -> None:
    """Count asks that a budget turned away."""
    _add(budget, now=now, refusals=count)


def _add(budget: Budget, *, now: datetime, **counts: int) -> None:
    starts_at = bucket_of(now, window_hours=budget.window_hours)
    rows = SpendBucket.objects.filter(budget_id=budget.pk, starts_at=starts_at)
    changes = {name: F(name) + count for name, count in counts.items()}
    if not rows.update(**changes):
        SpendBucket.objects.bulk_create([SpendBucket(budget_id=budget.pk, starts_at=starts_at)], ignore_conflicts=True)
        rows.update(**changes)
    if budget.window_hours and "spent" in counts:
        _leave_by(budget.pk, leaves_at(starts_at, window_hours=budget.window_hours))


def _leave_by(budget_id: UUID, at: datetime) -> None:
    """Let a rolling budget be looked at again at that moment, or before."""
    unknown_or_later = Q(period_ends_at=None) | Q(period_ends_at__gt=at)
    Budget.objects.filter(unknown_or_later, pk=budget_id).update(period_ends_at=at)


def _take_back(budget: Budget, steps: int, *, now: datetime) -> None:
    """Take steps off the newest slices, as far as there are any: what is corrected was mostly spent of late."""
    for row in SpendBucket.objects.filter(budget_id=budget.pk, starts_at__lte=now, spent__gt=0).order_by("-starts_at"):
        taken = min(steps, row.spent)
        SpendBucket.objects.filter(pk=row.pk).update(spent=F("spent") - taken)
        steps -= taken
        if not steps:
            return
