"""What is going on in budgets at this moment: open holds, blocks in escrow, gears, deliveries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Count, Exists, OuterRef, QuerySet, Sum, UUIDField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from budgets.domain.quota import QUOTA_PREFIX
from budgets.domain.units import Unit, from_steps
from budgets.models import AlertDelivery, Budget, EscrowLease, Hold, HoldLine, PeriodRecord

_IS_OPEN = RawSQL("budgets_hold.status IN ('reserved', 'dispatched')", [], output_field=BooleanField())
"""Open holds, spelt out as their partial index has it: SQLite does not match a parameter with an index's condition."""


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

    @property
    def is_on_offer(self) -> bool:
        """Whether it keeps quota for an order, a loan or a donation."""
        return self.reference.startswith(QUOTA_PREFIX)


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
    """Counts over these budgets. Four queries, however many budgets and settled holds there are."""
    recent = Hold.objects.filter(budget__in=budget_ids, block_of=None, created_at__gte=gears_since)
    waiting = AlertDelivery.objects.filter(status=AlertDelivery.Status.WAITING, alert__budget__in=budget_ids)
    leases = EscrowLease.objects.filter(budget__in=budget_ids).exclude(status=EscrowLease.Status.CLOSED)
    return Picture(
        open_holds=_apart(Hold.objects.filter(_IS_OPEN, block_of=None)).filter(of__in=budget_ids).count(),
        open_leases=leases.count(),
        gears=dict(recent.values_list("gear").annotate(count=Count("pk")).order_by()),
        waiting_deliveries=waiting.count(),
    )


def list_escrowed(budget_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """How much of what is reserved lies in blocks in escrow, by budget, in its unit; without those that have none."""
    blocks = list(EscrowLease.objects.exclude(status=EscrowLease.Status.CLOSED).values_list("hold", flat=True))
    lines = _apart(HoldLine.objects.filter(hold__in=blocks, reserved__gt=0)).filter(of__in=budget_ids)
    sums = lines.values("budget", "budget__unit").annotate(steps=Sum("reserved")).order_by()
    return {row["budget"]: from_steps(Unit(row["budget__unit"]), row["steps"]) for row in sums}


def list_holds_on(budget_id: UUID, *, limit: int = 50) -> list[HoldOnBudget]:
    """Open holds that reserve something of a budget, those whose lease ends first on top."""
    # From the few open holds to their lines, never from the budget's lines, most of which were settled long ago.
    here = HoldLine.objects.filter(hold=OuterRef("pk"), budget=budget_id)
    holds = Hold.objects.filter(_IS_OPEN, Exists(here)).select_related("budget", "block_of")
    found = {hold.pk: hold for hold in holds.order_by("lease_expires_at")[:limit]}
    lines = HoldLine.objects.filter(hold__in=found, budget=budget_id).select_related("budget")
    reserved = {line.hold_id: from_steps(Unit(line.budget.unit), line.reserved) for line in lines}
    return [_hold_on(hold, reserved[hold.pk]) for hold in found.values() if hold.pk in reserved]


def _apart(rows: QuerySet[Any]) -> QuerySet[Any]:
    """With the budget as `of`: the cast keeps databases from going by its index, which has millions of others."""
    apart: QuerySet[Any] = rows.annotate(of=Cast("budget", UUIDField()))
    return apart


def _hold_on(hold: Hold, reserved: Decimal) -> HoldOnBudget:
    return HoldOnBudget(
        id=hold.pk,
        reference=hold.reference,
        leaf_id=hold.budget_id,
        leaf_name=hold.budget.name,
        actor=hold.actor,
        status=hold.status,
        gear=hold.gear,
        is_block=hasattr(hold, "block_of"),
        reserved=reserved,
        created_at=hold.created_at,
        lease_expires_at=hold.lease_expires_at,
    )


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
