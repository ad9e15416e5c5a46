"""Bringing budgets into the present period: the turn of the calendar, and windows that roll on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from budgets.domain.periods import Period
from budgets.events import BudgetsChanged
from budgets.models import Budget
from budgets.services.rolling import roll_windows
from budgets.services.turns import turn_calendar
from config.kernel.events import publish
from config.kernel.transactions import transactional

AT_ONCE = 500
"""Budgets that one transaction of `begin_due_periods` turns."""


def is_over(budget: Budget, *, now: datetime) -> bool:
    """Whether the period that this row shows has ended, or spending is due to leave its window.

    A budget that has ended has no further periods.
    """
    ends_at = budget.period_ends_at
    return budget.deallocated_at is None and ends_at is not None and ends_at <= now


def begin_period_if_over(budget: Budget, *, now: datetime) -> bool:
    """Bring a budget into the period that holds `now`; True if this call did it.

    In a calendar period spent becomes what last period's overdraft left to pay, as far as it fits;
    what is carried over, drawn and earned follows `domain.rollover.turn`, and a PeriodRecord is
    written. In a rolling one what is older than the window stops counting. Open holds stay
    reserved: they will be settled later. The row stays locked.
    """
    return begin_periods_if_over([budget], now=now)


def begin_periods_if_over(budgets: Iterable[Budget], *, now: datetime) -> bool:
    """The same for several budgets, such as a path: all blocks that are in the way first, then all rows deepest first.

    Budget after budget would lock the blocks of one while the rows of another are locked. Call it
    before any of them is. Where one is over all are locked: the caller changes the others next, and
    would wait for a leaf while its root is locked.
    """
    budgets = list(budgets)
    over = [each for each in budgets if is_over(each, now=now)]
    if not over:
        return False
    budget_ids = [each.pk for each in budgets]
    with_blocks = [each.pk for each in over if each.period != Period.ROLLING or each.overdraft]
    if with_blocks:
        _empty_blocks(with_blocks, also_lock=budget_ids, now=now)
    rows = Budget.objects.filter(pk__in=budget_ids).order_by("-depth", "pk").select_for_update(no_key=True)
    due = [row for row in rows if is_over(row, now=now)]
    _turn(due, now=now)
    return bool(due)


def begin_due_periods(*, now: datetime) -> int:
    """Bring every budget whose period is over into the present one; return how many.

    A hold does the same for the budgets it needs. This is for those that nobody asks, so that
    what is shown of them is not last period's. Rows that somebody works on are left to them.
    """
    count = 0
    while turned := _turn_some(now=now):
        count += turned
    return count


@transactional
def _turn_some(*, now: datetime) -> int:
    due = Budget.objects.filter(period_ends_at__lte=now, deallocated_at=None).order_by("-depth", "pk")
    _empty_blocks(list(due.values_list("pk", flat=True)[:AT_ONCE]), now=now)
    rows = list(due.select_for_update(no_key=True, skip_locked=True)[:AT_ONCE])
    _turn(rows, now=now)
    if rows:
        publish(BudgetsChanged(budget_ids=tuple(row.pk for row in rows), at=now))
    return len(rows)


def _empty_blocks(budget_ids: Sequence[UUID], *, now: datetime, also_lock: Sequence[UUID] = ()) -> None:
    """Let what was spent under blocks in escrow count in the period that ends, and nothing of them be idle."""
    from budgets.services.escrow.recall import recall_at  # it charges budgets, which begins their periods

    recall_at(budget_ids, now=now, also_lock=also_lock)


def _turn(rows: Sequence[Budget], *, now: datetime) -> None:
    """Turn locked rows whose period is over."""
    calendar = [row for row in rows if row.period != Period.ROLLING]
    rolling = [row for row in rows if row.period == Period.ROLLING]
    if calendar:
        turn_calendar(calendar, now=now)
    if rolling:
        roll_windows(rolling, now=now)
