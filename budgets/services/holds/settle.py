"""Turning holds into spending: in time, late, unverified, and corrected once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db import transaction

from budgets.domain.escrow import NOTHING, BlockInTheWay, Ended, end_work
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, EscrowLease, Hold, HoldLine, LedgerEntry
from budgets.services.charging import Charge, charge_all
from budgets.services.escrow.leases import block_of, close_if_empty, lock
from budgets.services.escrow.moving import charges_of, settle_in
from budgets.services.escrow.recall import recall_at
from budgets.services.holds.correct import correct
from budgets.services.holds.resolving import (
    begin_periods_of,
    held_amounts,
    lines_of,
    locked_hold,
    mark,
    path_of,
    require_fence,
    require_status,
)
from config.kernel.errors import Conflict
from config.kernel.transactions import transactional

Status = Hold.Status


@transactional
def settle_hold(*, hold_id: UUID, amounts: Amounts, actor: str, now: datetime, fence: int | None = None) -> int | None:
    """Turn a hold into spending of what was really used; return the highest threshold passed.

    What was used beyond the hold is spent where there is room and else kept as overdraft with an
    alert, never dropped. A hold whose lease ran out can still be settled, once: one that was given
    back is charged now, one that was settled unverified is corrected. Raises Conflict if the hold
    was settled or released before (`already_resolved`) or `fence` is an old number (`stale_fence`).
    """
    hold = locked_hold(hold_id)
    if hold.status == Status.SETTLED and hold.is_unverified:
        require_fence(hold, fence)
        return _with_room(correct, hold, amounts, actor=actor, now=now)
    require_status(hold, (*Hold.OPEN, Status.EXPIRED))
    require_fence(hold, fence)
    return _with_room(_settle, hold, amounts, actor=actor, now=now)


@transactional
def settle_unverified(*, hold_id: UUID, now: datetime) -> int | None:
    """Settle a dispatched hold whose lease has run out at what was held; return the highest threshold passed.

    Raises Conflict if it was resolved before, was not dispatched, or its lease runs.
    """
    hold = locked_hold(hold_id)
    require_status(hold, Hold.OPEN)
    if hold.status != Status.DISPATCHED or hold.lease_expires_at > now:
        raise Conflict("This hold is not overdue after its dispatch.", code="not_overdue")
    hold.is_unverified = True
    return _settle(hold, held_amounts(hold), actor="sweeper", now=now, may_fall_short=True)


class _Work(Protocol):
    def __call__(
        self, hold: Hold, amounts: Amounts, *, actor: str, now: datetime, may_fall_short: bool
    ) -> int | None: ...


def _with_room(work: _Work, hold: Hold, amounts: Amounts, *, actor: str, now: datetime) -> int | None:
    """Charge a hold; where blocks in escrow hold the room that it needs beyond what it held, take them back first."""
    held = held_amounts(hold)
    needs_room = hold.status == Status.EXPIRED or any(amounts.of(unit) > held.of(unit) for unit in Unit)
    if not needs_room:
        return work(hold, amounts, actor=actor, now=now, may_fall_short=True)
    try:
        with transaction.atomic():
            return work(hold, amounts, actor=actor, now=now, may_fall_short=False)
    except BlockInTheWay:
        hold.refresh_from_db()
        path = [budget.pk for budget in path_of(hold)]
        recall_at(path, now=now, also_lock=path)
        return work(hold, amounts, actor=actor, now=now, may_fall_short=True)


def _settle(hold: Hold, amounts: Amounts, *, actor: str, now: datetime, may_fall_short: bool) -> int | None:
    was_open = hold.status in Hold.OPEN
    begin_periods_of(hold, now=now)
    mark(hold, status=Status.SETTLED, resolved_at=now, is_unverified=hold.is_unverified)
    lines = lines_of(hold)
    for line in lines:
        line.settled = amounts.of(Unit(line.budget.unit))
    HoldLine.objects.bulk_update(lines, ["settled"])
    charges = [
        _charge(hold, line.budget, used=line.settled or 0, freed=line.reserved if was_open else 0, now=now)
        for line in lines
    ]
    lease = _lease_of(hold)
    above = path_of(hold)[1:] if lease else []
    if lease is not None:
        charges += _charge_ancestors(hold, lease, above, amounts, was_open=was_open, now=now)
    highest = charge_all(
        charges, actor=actor, reason=hold.reference, now=now, may_fall_short=may_fall_short, covered=above
    )
    if lease is not None:
        close_if_empty(lease, now=now)
    return highest


def _charge_ancestors(
    hold: Hold, lease: EscrowLease, above: Sequence[Budget], amounts: Amounts, *, was_open: bool, now: datetime
) -> list[Charge]:
    """What a block does not cover is charged above at once; the rest waits in the block until it is moved."""
    if lease.status == EscrowLease.Status.CLOSED:
        moves, excess = [], amounts
    else:
        ended = _end_in_block(hold, lease, amounts, was_open=was_open)
        moves, excess = settle_in(lease, ended, now=now), ended.excess
    charges = charges_of(moves)
    if excess != NOTHING:
        for budget in above:
            charges.append(_charge(hold, budget, used=excess.of(Unit(budget.unit)), freed=0, now=now))
    return [charge for charge in charges if charge.used or charge.freed]


def _end_in_block(hold: Hold, lease: EscrowLease, amounts: Amounts, *, was_open: bool) -> Ended:
    return end_work(
        block_of(lease),
        held=held_amounts(hold) if was_open else NOTHING,
        spent=amounts,
        keeps_rest=lease.status == EscrowLease.Status.OPEN,
    )


def _lease_of(hold: Hold) -> EscrowLease | None:
    return lock([hold.escrow_id])[0] if hold.escrow_id else None


def _charge(hold: Hold, budget: Budget, *, used: int, freed: int, now: datetime) -> Charge:
    return Charge(budget=budget, hold=hold, kind=LedgerEntry.Kind.SETTLE, spent_at=now, used=used, freed=freed)
