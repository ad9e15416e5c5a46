"""Opening, refilling, shrinking and returning blocks. Every step is a transaction of its own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q

from budgets.domain.escrow import (
    IDLE_SECONDS,
    NOTHING,
    Ancestor,
    Block,
    BlockInTheWay,
    add,
    block_for,
    ceiling,
    each_unit,
    is_low,
    is_too_high,
)
from budgets.domain.gears import Gear, GearChoice
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, EscrowLease, Hold, HoldLine, LedgerEntry
from budgets.selectors.escrow import free_in_escrow
from budgets.selectors.figures import get_bands
from budgets.services.charging import charge_all
from budgets.services.escrow.leases import alive, block_of, close_if_empty, keep, lock
from budgets.services.escrow.moving import charges_of, empty
from budgets.services.escrow.recall import ACTOR
from budgets.services.ledger import entry
from config.kernel.transactions import in_transaction, transactional

LEASES_AT_ONCE = 500


def tend(*, budget_id: UUID, amounts: Amounts, asks_per_second: float, now: datetime) -> None:
    """Open or refill the lease of a leaf where that is worth it. Never refuses: without room there is no block.

    A block never lifts an ancestor over a threshold that its real use has not passed, and from the
    critical threshold on there is none.
    """
    leaf = Budget.objects.filter(pk=budget_id, deallocated_at=None).first()
    if leaf is None or leaf.parent_id is None:
        return
    above = list(Budget.objects.filter(pk__in=leaf.path_ids[1:]).order_by("-depth"))
    bands = get_bands()
    ancestors = _ancestors(above)
    wanted = block_for(amounts, asks_per_second=asks_per_second, ancestors=ancestors, bands=bands)
    if wanted is None or any(budget.period_ends_at and budget.period_ends_at <= now for budget in above):
        return
    ceilings = [ceiling(each, bands) for each in ancestors]
    try:
        in_transaction(lambda: _grow(leaf, list(zip(above, ceilings, strict=True)), wanted, now=now))
    except BlockInTheWay:
        return  # somebody else was quicker: the next ask finds out what is left


def tend_all(*, now: datetime) -> int:
    """Move what leases spent to the ancestors, shrink and return blocks; each lease in its own transaction.

    Returns how many leases gave something back, moved something or were closed.
    """
    return sum(_look_after(pk, now=now) for pk in list(alive().values_list("pk", flat=True)[:LEASES_AT_ONCE]))


@transactional
def _look_after(lease_id: int, *, now: datetime) -> bool:
    lease = next(iter(lock([lease_id])), None)
    if lease is None or lease.status == EscrowLease.Status.CLOSED:
        return False
    leaf = Budget.objects.get(pk=lease.budget_id)
    is_idle = lease.last_used_at + timedelta(seconds=IDLE_SECONDS) <= now
    unwanted = leaf.deallocated_at is not None or leaf.gear in (GearChoice.DIRECT, GearChoice.BATCHED)
    if lease.status == EscrowLease.Status.OPEN and (is_idle or unwanted):
        lease.status = EscrowLease.Status.CLOSING
        lease.save(update_fields=["status"])
    gives_free = lease.status == EscrowLease.Status.CLOSING or _holds_too_much(leaf)
    moves = empty(lease, now=now, gives_free=gives_free)
    charges = charges_of(moves)
    if charges:
        charge_all(charges, actor=ACTOR, reason="moved" if moves[0].returned == NOTHING else "returned", now=now)
    return close_if_empty(lease, now=now) or bool(charges)


def _holds_too_much(leaf: Budget) -> bool:
    above = list(Budget.objects.filter(pk__in=leaf.path_ids[1:]))
    bands = get_bands()
    return any(is_too_high(each, bands) for each in _ancestors(above))


def _ancestors(above: Sequence[Budget]) -> list[Ancestor]:
    free = free_in_escrow([budget.pk for budget in above])
    return [
        Ancestor(
            unit=Unit(budget.unit),
            limit=budget.limit,
            used=budget.spent + budget.reserved,
            free=free.get(budget.pk, 0),
            warning_amounts=tuple(budget.warning_amounts),
        )
        for budget in above
    ]


def _grow(leaf: Budget, above: Sequence[tuple[Budget, int]], wanted: Amounts, *, now: datetime) -> None:
    """Bring the open lease of a leaf up to `wanted`, or open one; BlockInTheWay if an ancestor has no room."""
    found = EscrowLease.objects.filter(budget=leaf, status=EscrowLease.Status.OPEN).values_list("pk", flat=True)
    lease = next(iter(lock(list(found))), None)
    if lease is not None and lease.status != EscrowLease.Status.OPEN:
        return
    block = block_of(lease) if lease else Block(free=NOTHING, used=NOTHING, pending=NOTHING)
    units = {Unit(budget.unit) for budget, _ in above}
    if lease is not None and not is_low(block.free, wanted, units=units):
        return
    added = each_unit(lambda want, free: max(0, want - free), wanted, block.free)
    lease = lease or _open(leaf, [budget for budget, _ in above], added, now=now)
    keep(
        lease,
        Block(free=add(block.free, added), used=block.used, pending=block.pending),
        pending_at=lease.pending_at,
    )
    for budget, top in above:
        _reserve(lease, budget, added.of(Unit(budget.unit)), top, now=now)


def _open(leaf: Budget, above: Sequence[Budget], amounts: Amounts, *, now: datetime) -> EscrowLease:
    """An empty lease with the hold of its block. A second one that is opened just now waits here and fails."""
    hold = Hold(
        id=uuid.uuid4(),
        budget=leaf,
        gear=Gear.LEASED,
        actor=ACTOR,
        created_at=now,
        lease_expires_at=now + timedelta(seconds=IDLE_SECONDS),
        **amounts.columns(),
    )
    hold.reference = f"escrow:{hold.pk}"
    hold.save(force_insert=True)
    lease = EscrowLease(budget=leaf, hold=hold, opened_at=now, last_used_at=now)
    if not _inserted(lease):
        raise BlockInTheWay
    Hold.objects.filter(pk=hold.pk).update(reference=f"escrow:{lease.pk}")
    HoldLine.objects.bulk_create(HoldLine(hold=hold, budget=budget, reserved=0) for budget in above)
    return lease


def _inserted(lease: EscrowLease) -> bool:
    EscrowLease.objects.bulk_create([lease], ignore_conflicts=True)
    row = EscrowLease.objects.filter(hold=lease.hold_id).first()
    if row is not None:
        lease.pk = row.pk
    return row is not None


def _reserve(lease: EscrowLease, budget: Budget, steps: int, top: int, *, now: datetime) -> None:
    """Hold `steps` more at an ancestor if that keeps it at or below `top` and nobody changed its limit since."""
    if not steps:
        return
    in_period = Q(period_ends_at=None) | Q(period_ends_at__gt=now)
    room = Q(limit=budget.limit, limit__gte=F("spent") + F("reserved") + steps)
    low = Q(spent__lte=top - steps - F("reserved"))
    rows = Budget.objects.filter(in_period, room, low, pk=budget.pk, deallocated_at=None)
    if not rows.update(reserved=F("reserved") + steps):
        raise BlockInTheWay
    HoldLine.objects.filter(hold=lease.hold_id, budget=budget).update(reserved=F("reserved") + steps)
    entry(
        budget.pk,
        LedgerEntry.Kind.ESCROW,
        now=now,
        actor=ACTOR,
        reason=f"block of {lease.budget_id}",
        hold=lease.hold,
        reserved_delta=steps,
    ).save()
