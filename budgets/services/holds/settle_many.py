"""Ending many holds in one transaction with a few statements, to the same rows as `settle_hold` one by one.

What most work needs is done here: an open hold, charged on its whole path, with room for what it used. The rest (blocks
in escrow, overdraft) goes through `settle_hold`, in its turn and in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from budgets.domain.ending import HoldReturn, HoldUse, LockedHold, LockedLine, SettledHold
from budgets.domain.quota import QUOTA_PREFIX
from budgets.domain.resizing import PLAN_PREFIX
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget, Hold
from budgets.services.holds.give_back import release_hold
from budgets.services.holds.rooms import Room, lock_rooms
from budgets.services.holds.settle import settle_hold
from budgets.services.holds.tally import Tally
from budgets.services.periods import begin_periods_if_over
from config.kernel.sql import fetch, identifier, locking, moment, some

NOT_WORK = ("escrow:", PLAN_PREFIX, QUOTA_PREFIX)
LOCK = """
SELECT h.id, h.escrow_id, h.status, h.reference, h.budget_id, l.id, l.reserved, b.id, b.unit, b.window_hours,
       b.period_ends_at, b.deallocated_at
  FROM budgets_hold h JOIN budgets_holdline l ON l.hold_id = h.id JOIN budgets_budget b ON b.id = l.budget_id
 WHERE h.id IN """


def lock_holds(hold_ids: Sequence[UUID]) -> dict[UUID, LockedHold]:
    """These holds, locked in the order of their keys; what does not exist or is no work's own is left out."""
    if not hold_ids:
        return {}
    order = " ORDER BY h.id, b.depth DESC, b.id"
    rows = fetch(f"{LOCK}{some(len(hold_ids))}{order}{locking('h')}", hold_ids)
    heads: dict[UUID, tuple[Any, ...]] = {}
    lines: dict[UUID, list[LockedLine]] = {}
    for hold_id, escrow_id, status, reference, leaf_id, *line in rows:
        key = identifier(hold_id)
        heads[key] = (escrow_id, status, reference, leaf_id)
        lines.setdefault(key, []).append(_line(*line))
    return {
        key: LockedHold(
            id=key,
            budget_id=identifier(leaf_id),
            reference=reference,
            is_open=status in Hold.OPEN,
            is_in_escrow=escrow_id is not None,
            lines=tuple(lines[key]),
        )
        for key, (escrow_id, status, reference, leaf_id) in heads.items()
        if not reference.startswith(NOT_WORK)
    }


def end_holds(uses: Sequence[HoldUse], returns: Sequence[HoldReturn] = (), *, now: datetime) -> list[SettledHold]:
    """`settle_hold` for each of these open holds and then `release_hold` for the others, in order and none twice.

    All were locked by `lock_holds` in this transaction. Locks the budgets of all of them, deepest first. What does not
    go this way is ended by itself in its turn.
    """
    settled: list[SettledHold] = []
    tally: Tally | None = None
    plain = [each for each in returns if not each.hold.is_in_escrow]
    for index, use in enumerate(uses):
        tally = tally or _tally([*uses[index:], *plain], now=now)
        if not use.hold.is_in_escrow and _fits(use, tally.rooms, now=now):
            warning = tally.settle(use)
            settled.append(_settled(tally.rooms[use.hold.budget_id], warning))
        else:
            tally.write()
            tally = None  # it moves budgets by itself: their figures are read again
            settled.append(_settle_alone(use, now=now))
    tally = tally or _tally(plain, now=now)
    for each in plain:
        tally.release(each)
    tally.write()
    for each in returns:
        if each.hold.is_in_escrow:
            release_hold(hold_id=each.hold.id, actor=each.actor, now=now, reason=each.reason)
    return settled


def _tally(ends: Sequence[HoldUse | HoldReturn], *, now: datetime) -> Tally:
    return Tally(rooms=_rooms([each.hold for each in ends if not each.hold.is_in_escrow], now=now), now=now)


def _line(line_id: int, reserved: int, budget_id: Any, unit: str, window: int | None, *ends: Any) -> LockedLine:
    ends_at, deallocated_at = ends
    return LockedLine(
        id=line_id,
        reserved=reserved,
        budget_id=identifier(budget_id),
        unit=Unit(unit),
        window_hours=window,
        ends_at=moment(ends_at) if deallocated_at is None else None,
    )


def _rooms(holds: Iterable[LockedHold], *, now: datetime) -> dict[UUID, Room]:
    """The budgets on the paths of these holds, locked, in the period that holds `now`."""
    lines = {line.budget_id: line for hold in holds for line in hold.lines}
    if not lines:
        return {}
    if any(line.ends_at is not None and line.ends_at <= now for line in lines.values()):
        begin_periods_if_over(Budget.objects.filter(pk__in=lines), now=now)
    return lock_rooms(list(lines))


def _fits(use: HoldUse, rooms: dict[UUID, Room], *, now: datetime) -> bool:
    """Whether each budget is in its period and has room for what was used beyond what was held."""
    return all(
        not rooms[line.budget_id].is_over(now)
        and use.amounts.of(line.unit) - line.reserved <= max(0, rooms[line.budget_id].free)
        for line in use.hold.lines
    )


def _settled(leaf: Room, warning_percent: int | None) -> SettledHold:
    return SettledHold(
        warning_percent=warning_percent, remaining=f"{from_steps(leaf.unit, leaf.free):f}", unit=leaf.unit
    )


def _settle_alone(use: HoldUse, *, now: datetime) -> SettledHold:
    warning = settle_hold(hold_id=use.hold.id, amounts=use.amounts, actor=use.actor, now=now)
    leaf = Budget.objects.get(pk=use.hold.budget_id)
    unit = Unit(leaf.unit)
    remaining = from_steps(unit, leaf.limit - leaf.spent - leaf.reserved)
    return SettledHold(warning_percent=warning, remaining=f"{remaining:f}", unit=unit)
