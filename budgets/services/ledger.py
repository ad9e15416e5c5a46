"""Keeping ledger and state in step. Not for other apps; they use the services built on it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import F

from budgets.domain.periods import Period, bounds
from budgets.models import Budget, Hold, LedgerEntry


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


def begin_period_if_over(budget: Budget, *, now: datetime) -> bool:
    """Start the period that holds `now` if the budget's own is over; True if this call did it.

    Spent becomes what last period's overdraft left to pay, as far as it fits. Open holds stay
    reserved: they will be settled in the new period.
    """
    if budget.period_ends_at is None or budget.period_ends_at > now:
        return False
    row = Budget.objects.select_for_update().get(pk=budget.pk)
    if row.period_ends_at is None or row.period_ends_at > now:
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
