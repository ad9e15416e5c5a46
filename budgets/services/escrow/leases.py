"""Rows of leases as values, and the lines by which their blocks are reserved at the ancestors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet

from budgets.domain.escrow import NOTHING, Block
from budgets.domain.units import Amounts
from budgets.models import EscrowLease, Hold, HoldLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What leaves a block at all its ancestors: `spent` becomes spending there, `returned` is free again."""

    lease: EscrowLease
    spent: Amounts
    returned: Amounts
    spent_at: datetime


def alive() -> QuerySet[EscrowLease]:
    """Leases that still hold a block."""
    return EscrowLease.objects.exclude(status=EscrowLease.Status.CLOSED)


def lock(lease_ids: Collection[int]) -> list[EscrowLease]:
    """These leases, locked in the order that everybody keeps."""
    return list(
        EscrowLease.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=lease_ids)
        .select_related("hold")
        .order_by("pk")
    )


def held_at(budget_ids: Collection[UUID]) -> list[int]:
    """Leases whose block is held at one of these budgets, or that are one of these budgets' own."""
    lines = HoldLine.objects.filter(budget__in=budget_ids, hold__block_of__isnull=False)
    above = alive().filter(hold__in=lines.values("hold"))
    own = alive().filter(budget__in=budget_ids)
    return sorted({*above.values_list("pk", flat=True), *own.values_list("pk", flat=True)})


def block_of(lease: EscrowLease) -> Block:
    """A row as a value."""
    free, used, pending = (Amounts.in_columns(lease, f"{part}_") for part in ("free", "used", "pending"))
    return Block(free=free, used=used, pending=pending)


def keep(lease: EscrowLease, block: Block, *, pending_at: datetime | None) -> None:
    """Write a block into its locked row; one that is closing and empty is closed."""
    for part in ("free", "used", "pending"):
        amounts: Amounts = getattr(block, part)
        for column, steps in amounts.columns(f"{part}_").items():
            setattr(lease, column, steps)
    lease.pending_at = pending_at if block.pending != NOTHING else None
    lease.save(update_fields=[*EscrowLease.AMOUNTS, "pending_at"])


def close_if_empty(lease: EscrowLease, *, now: datetime) -> bool:
    """Close a locked lease that is closing and holds nothing any more."""
    block = block_of(lease)
    if lease.status != EscrowLease.Status.CLOSING or block != Block(free=NOTHING, used=NOTHING, pending=NOTHING):
        return False
    lease.status, lease.closed_at = EscrowLease.Status.CLOSED, now
    lease.save(update_fields=["status", "closed_at"])
    Hold.objects.filter(pk=lease.hold_id).update(status=Hold.Status.RELEASED, resolved_at=now, fence=F("fence") + 1)
    return True


def lines_of(leases: Sequence[EscrowLease]) -> dict[UUID, list[HoldLine]]:
    """The lines of these leases' blocks by hold, with their budgets."""
    found: dict[UUID, list[HoldLine]] = {lease.hold_id: [] for lease in leases}
    for line in HoldLine.objects.filter(hold__in=found).select_related("budget"):
        found[line.hold_id].append(line)
    return found
