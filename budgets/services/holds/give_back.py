"""Holds that end without spending, and those that go to work."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import F

from budgets.domain.escrow import NOTHING, end_work
from budgets.events import BudgetsChanged
from budgets.models import Budget, EscrowLease, Hold, LedgerEntry
from budgets.services.charging import charge_all
from budgets.services.escrow.leases import Move, block_of, close_if_empty, lock
from budgets.services.escrow.moving import charges_of, settle_in
from budgets.services.holds.resolving import (
    begin_periods_of,
    held_amounts,
    lines_of,
    locked_hold,
    mark,
    require_fence,
    require_status,
)
from budgets.services.ledger import entry
from budgets.services.periods import begin_periods_if_over
from config.kernel.errors import Conflict, InvalidInput
from config.kernel.events import publish
from config.kernel.transactions import transactional

Status = Hold.Status
SWEEPER = "sweeper"


@transactional
def dispatch_hold(
    *, hold_id: UUID, lease_expires_at: datetime, actor: str, now: datetime, fence: int | None = None
) -> int:
    """Say that the work of a hold begins; return its new number, which the next change shows.

    From now on nobody but its owner gives it back: left alone past its lease, it is settled at what
    is held. Once dispatched it is dispatched again only by who shows its number: to work longer, or
    to take the work over. Raises Conflict (`already_resolved`, `already_dispatched`, `stale_fence`,
    `lease_over`), InvalidInput for a lease that ends before it begins.
    """
    if lease_expires_at <= now:
        raise InvalidInput("A lease ends after it begins.", field="expires_at")
    hold = locked_hold(hold_id)
    require_status(hold, Hold.OPEN)
    require_fence(hold, fence)
    if hold.status == Status.DISPATCHED and fence is None:
        raise Conflict("This hold is at work. Show its number to take it over.", code="already_dispatched")
    if hold.lease_expires_at <= now:
        raise Conflict("The lease of this hold is over.", code="lease_over")
    mark(
        hold,
        status=Status.DISPATCHED,
        dispatched_at=hold.dispatched_at or now,
        lease_expires_at=lease_expires_at,
        actor=actor,
    )
    return hold.fence


@transactional
def release_hold(*, hold_id: UUID, actor: str, now: datetime, reason: str = "", fence: int | None = None) -> None:
    """Give back all of a hold. Raises Conflict if it was resolved before or `fence` is an old number."""
    hold = locked_hold(hold_id)
    require_status(hold, Hold.OPEN)
    require_fence(hold, fence)
    _give_back(hold, Status.RELEASED, LedgerEntry.Kind.RELEASE, actor=actor, reason=reason, now=now)


@transactional
def expire_hold(*, hold_id: UUID, now: datetime) -> None:
    """Give back a hold that nobody dispatched before its lease ran out.

    Raises Conflict if it was resolved or dispatched before, or its lease runs (`not_overdue`).
    """
    hold = locked_hold(hold_id)
    require_status(hold, Hold.OPEN)
    if hold.status != Status.RESERVED or hold.lease_expires_at > now:
        raise Conflict("This hold is not overdue before its dispatch.", code="not_overdue")
    _give_back(hold, Status.EXPIRED, LedgerEntry.Kind.EXPIRE, actor=SWEEPER, reason="lease over", now=now)


def _give_back(
    hold: Hold, status: Hold.Status, kind: LedgerEntry.Kind, *, actor: str, reason: str, now: datetime
) -> None:
    begin_periods_of(hold, now=now)
    mark(hold, status=status, resolved_at=now)
    lease = lock([hold.escrow_id])[0] if hold.escrow_id else None
    moves = _leave_block(hold, lease, now=now) if lease else []
    lines = lines_of(hold)
    if lease is None:
        # A turn lets go on what is held over it: the limit must not depend on who looked first.
        begin_periods_if_over([line.budget for line in lines], now=now)
    for line in lines:
        Budget.objects.filter(pk=line.budget_id).update(reserved=F("reserved") - line.reserved)
    LedgerEntry.objects.bulk_create(
        entry(line.budget_id, kind, now=now, actor=actor, reason=reason, hold=hold, reserved_delta=-line.reserved)
        for line in lines
    )
    if lease and (charges := charges_of(moves)):
        charge_all(charges, actor=actor, reason=reason, now=now)
    if lease:
        close_if_empty(lease, now=now)
    publish(BudgetsChanged(budget_ids=tuple(line.budget_id for line in lines), at=now))


def _leave_block(hold: Hold, lease: EscrowLease, *, now: datetime) -> list[Move]:
    ended = end_work(
        block_of(lease),
        held=held_amounts(hold),
        spent=NOTHING,
        keeps_rest=lease.status == EscrowLease.Status.OPEN,
    )
    return settle_in(lease, ended, now=now)
