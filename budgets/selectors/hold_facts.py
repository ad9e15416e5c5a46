"""Holds as values that cross a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from budgets.domain.spending import grams_of, usd_of, wh_of
from budgets.domain.units import Amounts, Unit, from_steps
from budgets.models import Hold, HoldLine
from config.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLineFacts:
    """What a hold takes from one budget, in that budget's unit; `settled` is None until it is settled."""

    budget_id: UUID
    unit: Unit
    reserved: Decimal
    settled: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldFacts:
    """A hold as it is. `held` is what was held, in steps.

    `lines` are filled where one hold is read, leaf first; a hold in escrow has its leaf's only.
    """

    id: UUID
    budget_id: UUID
    status: str
    gear: str
    fence: int
    reference: str
    actor: str
    held: Amounts
    created_at: datetime
    lease_expires_at: datetime
    dispatched_at: datetime | None
    resolved_at: datetime | None
    is_unverified: bool
    corrected_at: datetime | None
    lines: tuple[HoldLineFacts, ...] = ()

    @property
    def held_g(self) -> Decimal:
        """The carbon of it in g CO2e."""
        return grams_of(self.held)

    @property
    def held_wh(self) -> Decimal:
        """The energy of it in Wh."""
        return wh_of(self.held)

    @property
    def held_usd(self) -> str:
        """The money of it in US dollars."""
        return usd_of(self.held)


def get_hold(hold_id: UUID) -> HoldFacts:
    """One hold with its lines. Raises NotFound."""
    row = Hold.objects.filter(pk=hold_id).first()
    if row is None:
        raise NotFound("There is no such hold.", field="hold")
    lines = HoldLine.objects.filter(hold=hold_id).select_related("budget").order_by("-budget__depth")
    return _facts(row, tuple(_line(line) for line in lines))


def list_holds(
    budget_id: UUID,
    *,
    is_open: bool | None = None,
    reference: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[HoldFacts]:
    """Holds that were asked of a budget itself, newest first, from before a place; blocks in escrow are no asks."""
    rows = Hold.objects.filter(budget=budget_id).exclude(reference__startswith="escrow:")
    if is_open is not None:
        rows = rows.filter(status__in=Hold.OPEN) if is_open else rows.exclude(status__in=Hold.OPEN)
    if reference is not None:
        rows = rows.filter(reference=reference)
    if before is not None:
        at, pk = before
        rows = rows.filter(Q(created_at__lt=at) | Q(pk__lt=pk), created_at__lte=at)
    return [_facts(row) for row in rows.order_by("-created_at", "-pk")[:limit]]


def _facts(row: Hold, lines: tuple[HoldLineFacts, ...] = ()) -> HoldFacts:
    return HoldFacts(
        id=row.pk,
        budget_id=row.budget_id,
        status=row.status,
        gear=row.gear,
        fence=row.fence,
        reference=row.reference,
        actor=row.actor,
        held=Amounts.in_columns(row),
        created_at=row.created_at,
        lease_expires_at=row.lease_expires_at,
        dispatched_at=row.dispatched_at,
        resolved_at=row.resolved_at,
        is_unverified=row.is_unverified,
        corrected_at=row.corrected_at,
        lines=lines,
    )


def _line(row: HoldLine) -> HoldLineFacts:
    unit = Unit(row.budget.unit)
    settled = None if row.settled is None else from_steps(unit, row.settled)
    return HoldLineFacts(budget_id=row.budget_id, unit=unit, reserved=from_steps(unit, row.reserved), settled=settled)
