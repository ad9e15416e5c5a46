"""Money that leaves a budget for a market account, and comes back from there."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from budgets.domain.quota import net
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import LARGEST_AMOUNT, Unit, from_steps
from budgets.events import BudgetsChanged
from budgets.models import Budget
from budgets.services.alerting import note_crossings
from budgets.services.guards import require_one_person
from budgets.services.quota.escrowing import require_trading
from budgets.services.quota.moving import Paths, find_paths, lock_levels, parts_of
from budgets.services.quota.writing import Booking, write_budgets, write_entries
from config.kernel.errors import InvalidInput
from config.kernel.events import publish
from config.kernel.transactions import transactional


@transactional
def take_money(*, budget_id: UUID, micro_usd: int, actor: str, reason: str, now: datetime) -> None:
    """Take money out of a budget in micro-USD, at every level of its path in that unit, for this period.

    It counts as sold: the next period has it again. Raises BudgetExhausted naming the level where it is not
    free, Conflict `needs_two`, InvalidInput for a budget that is not there, has ended, is of another unit or
    counts a rolling window, ValueError unless `micro_usd` is above zero. Locks budgets: call it last.
    """
    paths = _paths(budget_id, micro_usd)
    rows = lock_levels(paths.all, dict.fromkeys(paths.all, micro_usd), now=now)
    _require(rows, budget_id)
    require_one_person(rows[budget_id])
    for level in paths.levels[budget_id]:
        if rows[level].limit - rows[level].spent - rows[level].reserved < micro_usd:
            raise _exhausted(rows[level], micro_usd)
    _move(rows, -micro_usd, actor=actor, reason=reason, now=now)


@transactional
def give_money(*, budget_id: UUID, micro_usd: int, actor: str, reason: str, now: datetime) -> None:
    """Bring money into a budget in micro-USD, at every level of its path in that unit, until its period ends.

    It comes as a bonus. Raises InvalidInput and ValueError as `take_money`. Locks budgets: call it last.
    """
    paths = _paths(budget_id, micro_usd)
    rows = lock_levels(paths.all, {}, now=now)
    _require(rows, budget_id)
    for row in rows.values():
        if row.limit + micro_usd > LARGEST_AMOUNT:
            raise InvalidInput(f"The limit of {row.name} would be too large.", field="amount")
    _move(rows, micro_usd, actor=actor, reason=reason, now=now)


def _paths(budget_id: UUID, micro_usd: int) -> Paths:
    if micro_usd <= 0:
        raise ValueError("Some money moves, or none is asked for.")
    paths = find_paths([budget_id])
    if paths.unit != Unit.MICRO_USD:
        raise InvalidInput(f"A budget in {paths.unit} holds no money.", field="budget")
    return paths


def _require(rows: dict[UUID, Budget], budget_id: UUID) -> None:
    for row in rows.values():
        require_trading(row)
    if rows[budget_id].deallocated_at is not None:
        raise InvalidInput(f"{rows[budget_id].name} has ended.", field="budget")


def _exhausted(row: Budget, needed: int) -> BudgetExhausted:
    unit = Unit(row.unit)
    return BudgetExhausted(
        budget_id=row.pk,
        name=row.name,
        unit=unit,
        limit=from_steps(unit, row.limit),
        remaining=from_steps(unit, row.limit - row.spent - row.reserved),
        needed=from_steps(unit, needed),
        resets_at=row.period_ends_at,
        level=row.level,
    )


def _move(rows: dict[UUID, Budget], steps: int, *, actor: str, reason: str, now: datetime) -> None:
    deltas = {}
    for pk, row in rows.items():
        parts = parts_of(row)
        if steps < 0:
            parts.leave(-steps, is_own=False, bought_first=False)
        else:
            parts.arrive(steps, sold_first=False)
        deltas[pk] = net(parts_of(row), parts)
    write_budgets(deltas, {})
    bookings = [Booking(pk, None, steps, 0, 0) for pk in rows]
    write_entries(bookings, actor=actor, reason=reason, now=now)
    note_crossings(budget_ids=list(rows), now=now)
    publish(BudgetsChanged(budget_ids=tuple(rows), at=now))
