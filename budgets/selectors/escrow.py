"""Reads of the blocks that leaves hold in escrow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from budgets.domain.units import COLUMN_OF, Unit, from_steps
from budgets.models import EscrowLease, HoldLine

FREE = {unit: f"free_{column}" for unit, column in COLUMN_OF.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAmounts:
    """A block at one ancestor, in the ancestor's unit. Free, used and pending are what is reserved there."""

    budget_id: UUID
    budget_name: str
    unit: Unit
    reserved: Decimal
    free: Decimal
    used: Decimal
    pending: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseFacts:
    """A block that a leaf holds in escrow at its ancestors."""

    id: int
    budget_id: UUID
    budget_name: str
    team_id: int | None
    status: str
    opened_at: datetime
    last_used_at: datetime
    at_ancestors: tuple[LeaseAmounts, ...]


def free_in_escrow(budget_ids: Collection[UUID]) -> dict[UUID, int]:
    """What blocks hold at these budgets and nobody has been promised, in steps; budgets without any are left out."""
    if not budget_ids:
        return {}
    # From the few blocks to their lines, never from a budget's lines, most of which were settled long ago.
    alive = EscrowLease.objects.exclude(status=EscrowLease.Status.CLOSED).order_by()
    blocks = {row.pop("hold"): row for row in alive.values("hold", *FREE.values())}
    found: dict[UUID, int] = defaultdict(int)
    lines = HoldLine.objects.filter(hold__in=blocks, budget__in=budget_ids).order_by()
    for hold_id, budget_id, unit in lines.values_list("hold", "budget", "budget__unit"):
        found[budget_id] += blocks[hold_id][FREE[Unit(unit)]]
    return {budget_id: free for budget_id, free in found.items() if free}


def list_leases(*, budget_id: UUID | None = None) -> list[LeaseFacts]:
    """Blocks that are not closed, oldest first; with `budget_id` those of that leaf or held at that ancestor."""
    rows = EscrowLease.objects.exclude(status=EscrowLease.Status.CLOSED).select_related("budget").order_by("pk")
    if budget_id is not None:
        held_there = Exists(HoldLine.objects.filter(hold=OuterRef("hold"), budget=budget_id))
        rows = rows.filter(Q(budget=budget_id) | held_there)
    leases = list(rows)
    lines: dict[UUID, list[HoldLine]] = {}
    held = HoldLine.objects.filter(hold__in=[lease.hold_id for lease in leases]).select_related("budget")
    for line in held.order_by("-budget__depth"):
        lines.setdefault(line.hold_id, []).append(line)
    return [_facts(lease, lines.get(lease.hold_id, [])) for lease in leases]


def _facts(lease: EscrowLease, lines: list[HoldLine]) -> LeaseFacts:
    return LeaseFacts(
        id=lease.pk,
        budget_id=lease.budget_id,
        budget_name=lease.budget.name,
        team_id=lease.budget.team_id,
        status=lease.status,
        opened_at=lease.opened_at,
        last_used_at=lease.last_used_at,
        at_ancestors=tuple(_amounts(lease, line) for line in lines),
    )


def _amounts(lease: EscrowLease, line: HoldLine) -> LeaseAmounts:
    unit = Unit(line.budget.unit)
    names = {part: f"{part}_{COLUMN_OF[unit]}" for part in ("free", "used", "pending")}
    parts = {part: from_steps(unit, getattr(lease, name)) for part, name in names.items()}
    return LeaseAmounts(
        budget_id=line.budget_id,
        budget_name=line.budget.name,
        unit=unit,
        reserved=from_steps(unit, line.reserved),
        **parts,
    )
