"""How reservations of a budget were admitted of late, over all processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from budgets.domain.gears import Gear, GearChoice
from budgets.domain.units import Amounts
from budgets.models import Budget, EscrowLease, Hold
from config.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class GearFacts:
    """The gear of a budget's reservations. `latest` is None before the first.

    `block_free` is what its block in escrow has left to promise, in steps, since `block_since`;
    None where it has no block.
    """

    choice: GearChoice
    latest: Gear | None
    latest_at: datetime | None
    block_free: Amounts | None
    block_since: datetime | None


def list_gear_use(budget_id: UUID, *, since: datetime) -> dict[Gear, int]:
    """How many holds were placed on a budget since then, by gear; every gear is named."""
    rows = Hold.objects.filter(budget=budget_id, created_at__gte=since, block_of=None)
    counts = dict(rows.values_list("gear").annotate(count=Count("pk")).order_by())
    return {gear: counts.get(gear.value, 0) for gear in Gear}


def get_gear(budget_id: UUID) -> GearFacts:
    """The gear in force: what is pinned, what the latest hold was placed by, and its block. Raises NotFound."""
    choice = Budget.objects.filter(pk=budget_id).values_list("gear", flat=True).first()
    if choice is None:
        raise NotFound("There is no such budget.", field="budget")
    latest = Hold.objects.filter(budget=budget_id, block_of=None).order_by("-created_at").first()
    block = EscrowLease.objects.filter(budget=budget_id, status=EscrowLease.Status.OPEN).first()
    return GearFacts(
        choice=GearChoice(choice),
        latest=Gear(latest.gear) if latest else None,
        latest_at=latest.created_at if latest else None,
        block_free=Amounts.in_columns(block, "free_") if block else None,
        block_since=block.opened_at if block else None,
    )
