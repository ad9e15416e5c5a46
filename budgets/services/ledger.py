"""Keeping ledger and state in step, and turning the pages of the calendar."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from budgets.domain.periods import Period, bounds
from budgets.events import BudgetsChanged
from budgets.models import Budget, Hold, LedgerEntry
from config.kernel.events import publish


def entry(
    budget_id: UUID,
    kind: LedgerEntry.Kind,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
    hold: Hold | None = None,
    **deltas: int,
) -> LedgerEntry:
    """An unsaved ledger entry; `deltas` are limit_delta, spent_delta, reserved_delta, overdraft_delta."""
    return LedgerEntry(budget_id=budget_id, kind=kind, at=now, actor=actor, reason=reason, hold=hold, **deltas)


def is_over(budget: Budget, *, now: datetime) -> bool:
    """Whether the period that this row shows has ended."""
    return budget.period_ends_at is not None and budget.period_ends_at <= now


def begin_period_if_over(budget: Budget, *, now: datetime) -> bool:
    """Start the period that holds `now` if the budget's own is over; True if this call did it.

    Spent becomes what last period's overdraft left to pay, as far as it fits. Open holds stay
    reserved: they will be settled in the new period.
    """
    if not is_over(budget, now=now):
        return False
    row = Budget.objects.select_for_update().get(pk=budget.pk)
    if not is_over(row, now=now):
        return False
    starts_at, ends_at = bounds(Period(row.period), now)
    carried = min(row.overdraft, row.limit - row.reserved)
    Budget.objects.filter(pk=row.pk).update(
        spent=carried,
        overdraft=F("overdraft") - carried,
        period_starts_at=starts_at,
        period_ends_at=ends_at,
    )
    entry(
        row.pk,
        LedgerEntry.Kind.PERIOD,
        now=now,
        actor="calendar",
        reason=f"a new {row.period} begins",
        spent_delta=carried - row.spent,
        overdraft_delta=-carried,
    ).save()
    return True


def begin_due_periods(*, now: datetime) -> int:
    """Begin the new period of every budget whose own is over; return how many. Each in its own transaction.

    A hold does the same for the budgets it needs. This is for those that nobody asks, so that
    what is shown of them is not last period's.
    """
    begun = []
    for budget in Budget.objects.filter(period_ends_at__lte=now, deallocated_at=None):
        with transaction.atomic():
            if begin_period_if_over(budget, now=now):
                begun.append(budget.pk)
                publish(BudgetsChanged(budget_ids=(budget.pk,), at=now))
    return len(begun)
