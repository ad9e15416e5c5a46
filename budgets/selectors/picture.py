"""What is going on in budgets at this moment: open holds, blocks in escrow, gears, deliveries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Sum

from budgets.domain.units import Unit, from_steps
from budgets.models import AlertDelivery, Budget, EscrowLease, Hold, HoldLine, PeriodRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Counts over some budgets. `gears` counts the holds made since a moment by how they were admitted."""

    open_holds: int
    open_leases: int
    gears: dict[str, int]
    waiting_deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOnBudget:
    """An open hold and what it reserves of one budget, in the budget's unit.

    `leaf_name` is the budget it was asked of; a block is reserved for the leaf's own requests.
    """

    id: UUID
    reference: str
    leaf_id: UUID
    leaf_name: str
    actor: str
    status: str
    gear: str
    is_block: bool
    reserved: Decimal
    created_at: datetime
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPeriod:
    """How a period ended; amounts in the budget's unit. `efficiency` is None where no quality was reported."""

    starts_at: datetime
    ended_at: datetime
    limit: Decimal
    spent: Decimal
    overdraft: Decimal
    refusals: int
    hours_refused: int
    efficiency: float | None


def get_picture(*, budget_ids: Collection[UUID], gears_since: datetime) -> Picture:
    """Counts over these budgets. Four queries, however many budgets there are."""
    holds = Hold.objects.filter(budget__in=budget_ids, block_of=None)
    recent = holds.filter(created_at__gte=gears_since).values_list("gear").annotate(count=Count("pk")).order_by()
    waiting = AlertDelivery.objects.filter(status=AlertDelivery.Status.WAITING, alert__budget__in=budget_ids)
    leases = EscrowLease.objects.filter(budget__in=budget_ids).exclude(status=EscrowLease.Status.CLOSED)
    return Picture(
        open_holds=holds.filter(status__in=Hold.OPEN).count(),
        open_leases=leases.count(),
        gears=dict(recent),
        waiting_deliveries=waiting.count(),
    )


def list_escrowed(budget_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """How much of what is reserved lies in blocks in escrow, by budget, in its unit; without those that have none."""
    lines = HoldLine.objects.filter(
        budget__in=budget_ids, hold__status__in=Hold.OPEN, hold__block_of__isnull=False, reserved__gt=0
    )
    sums = lines.values("budget", "budget__unit").annotate(steps=Sum("reserved")).order_by()
    return {row["budget"]: from_steps(Unit(row["budget__unit"]), row["steps"]) for row in sums}


def list_holds_on(budget_id: UUID, *, limit: int = 50) -> list[HoldOnBudget]:
    """Open holds that reserve something of a budget, those whose lease ends first on top."""
    lines = HoldLine.objects.filter(budget=budget_id, hold__status__in=Hold.OPEN)
    rows = lines.select_related("hold__budget", "hold__block_of", "budget").order_by("hold__lease_expires_at")
    return [
        HoldOnBudget(
            id=row.hold_id,
            reference=row.hold.reference,
            leaf_id=row.hold.budget_id,
            leaf_name=row.hold.budget.name,
            actor=row.hold.actor,
            status=row.hold.status,
            gear=row.hold.gear,
            is_block=hasattr(row.hold, "block_of"),
            reserved=from_steps(Unit(row.budget.unit), row.reserved),
            created_at=row.hold.created_at,
            lease_expires_at=row.hold.lease_expires_at,
        )
        for row in rows[:limit]
    ]


def list_past_periods(budget_id: UUID, *, limit: int = 24) -> list[PastPeriod]:
    """How the last periods of a budget ended, newest first."""
    unit = Unit(Budget.objects.values_list("unit", flat=True).get(pk=budget_id))
    rows = PeriodRecord.objects.filter(budget=budget_id).order_by("-starts_at")[:limit]
    return [
        PastPeriod(
            starts_at=row.starts_at,
            ended_at=row.ended_at,
            limit=from_steps(unit, row.limit),
            spent=from_steps(unit, row.spent),
            overdraft=from_steps(unit, row.overdraft),
            refusals=row.refusals,
            hours_refused=row.hours_refused,
            efficiency=row.efficiency,
        )
        for row in rows
    ]
