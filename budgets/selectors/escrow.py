"""Reads of the blocks that leaves hold in escrow."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Q, Sum, When

from budgets.domain.units import Unit, from_steps
from budgets.models import EscrowLease, HoldLine

FREE = Case(
    When(budget__unit=Unit.TOKENS, then=F("hold__block_of__free_tokens")),
    When(budget__unit=Unit.CARBON_G, then=F("hold__block_of__free_carbon_ug")),
    default=F("hold__block_of__free_micro_usd"),
)


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
    lines = HoldLine.objects.filter(budget__in=budget_ids, hold__block_of__isnull=False).exclude(
        hold__block_of__status=EscrowLease.Status.CLOSED
    )
    sums = lines.values("budget").annotate(free=Sum(FREE)).order_by()
    return {row["budget"]: int(row["free"]) for row in sums if row["free"]}


def list_leases(*, budget_id: UUID | None = None) -> list[LeaseFacts]:
    """Blocks that are not closed, oldest first; with `budget_id` those of that leaf or held at that ancestor."""
    rows = EscrowLease.objects.exclude(status=EscrowLease.Status.CLOSED).select_related("budget").order_by("pk")
    if budget_id is not None:
        # From the few blocks to their lines, never from the budget's lines, most of which were settled long ago.
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
    column = {Unit.TOKENS: "tokens", Unit.CARBON_G: "carbon_ug", Unit.MICRO_USD: "micro_usd"}[unit]
    parts = {part: from_steps(unit, getattr(lease, f"{part}_{column}")) for part in ("free", "used", "pending")}
    return LeaseAmounts(
        budget_id=line.budget_id,
        budget_name=line.budget.name,
        unit=unit,
        reserved=from_steps(unit, line.reserved),
        **parts,
    )
