"""Budgets as they are once the turn that is due has been done."""

from __future__ import annotations

from datetime import datetime

from budgets.domain.efficiency import Bonus
from budgets.domain.periods import Period
from budgets.domain.rollover import Ended, turn
from budgets.models import Budget

NO_BONUS = Bonus(limit_steps=0, tradeable_steps=0)


def ended_of(row: Budget, earned: Bonus = NO_BONUS) -> Ended:
    """A row whose calendar period is over, as a value."""
    return Ended(
        base=row.base_limit,
        carried=row.carried,
        pooled=row.pooled,
        bonus=row.bonus,
        sold=row.sold,
        spent=row.spent,
        reserved=row.reserved,
        overdraft=row.overdraft,
        rollover_percent=row.rollover_percent,
        rollover_cap_percent=row.rollover_cap_percent,
        earned=earned.limit_steps,
        earned_tradeable=earned.tradeable_steps,
    )


def turned(row: Budget, *, now: datetime) -> Budget:
    """The row, changed in memory to what it is in the period that holds `now`; not to be saved.

    What efficiency earns then, or leaves a rolling window, comes on top.
    """
    if row.period == Period.ROLLING or row.period_ends_at is None or row.period_ends_at > now:
        return row
    begun = turn(ended_of(row))
    for name in ("limit", "spent", "overdraft", "carried", "pooled", "bonus", "tradeable", "sold"):
        setattr(row, name, getattr(begun, name))
    return row
