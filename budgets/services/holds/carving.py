"""Giving out a part of a plan hold as a hold of its own: no budget has more or less reserved by it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from budgets.domain.asks import PlacedHold
from budgets.domain.escrow import NOTHING, each_unit, less
from budgets.domain.gears import Gear
from budgets.domain.resizing import Carving
from budgets.domain.units import Amounts, Unit
from budgets.events import BudgetsChanged
from budgets.models import Budget, Hold, HoldLine, LedgerEntry
from budgets.services.holds.resolving import held_amounts, lines_of
from budgets.services.ledger import entry
from config.kernel.errors import Conflict
from config.kernel.events import publish
from config.kernel.transactions import transactional

Kind = LedgerEntry.Kind


def carve_hold(
    *, from_reference: str, amounts: Amounts, reference: str, lease_expires_at: datetime, actor: str, now: datetime
) -> PlacedHold:
    """Move `amounts` out of an open hold into a new one on the same path; the ledger has a pair for each level.

    Raises Conflict if the hold is gone or has less (`not_covered`), or work with this reference has
    an open hold (`reference_in_use`).
    """
    carving = Carving(reference=reference, amounts=amounts, lease_expires_at=lease_expires_at, actor=actor)
    return carve_holds(from_reference=from_reference, carvings=[carving], now=now)[0]


@transactional
def carve_holds(*, from_reference: str, carvings: Sequence[Carving], now: datetime) -> list[PlacedHold]:
    """`carve_hold` for several parts of one hold: all of them, or Conflict and none."""
    open_holds = Hold.objects.filter(status__in=Hold.OPEN)
    source = open_holds.select_for_update(no_key=True).filter(reference=from_reference).first()
    if open_holds.filter(reference__in=[each.reference for each in carvings]).exists():
        raise Conflict("Work with this reference has an open hold.", field="reference", code="reference_in_use")
    left = _left(source, carvings)
    if source is None or left is None:
        raise Conflict("The plan's hold does not cover this.", code="not_covered")
    _shrink(source, left, now=now)
    holds = [_hold(source, each, now=now) for each in carvings]
    Hold.objects.bulk_create(holds)
    _move_lines(source, dict(zip([hold.pk for hold in holds], carvings, strict=True)), now=now)
    return [
        PlacedHold(hold_id=hold.pk, expires_at=hold.lease_expires_at, warning_percent=None, gear=Gear(source.gear))
        for hold in holds
    ]


def _left(source: Hold | None, carvings: Sequence[Carving]) -> Amounts | None:
    """What stays in the hold; None if it has less than is asked for."""
    if source is None or source.status != Hold.Status.RESERVED:
        return None
    left = held_amounts(source)
    for each in carvings:
        left = less(left, each.amounts)
    return left if left == each_unit(lambda steps: max(0, steps), left) else None


def _shrink(source: Hold, left: Amounts, *, now: datetime) -> None:
    columns: dict[str, Any] = {"tokens": left.tokens, "carbon_ug": left.carbon_ug, "micro_usd": left.micro_usd}
    if left == NOTHING:
        columns |= {"status": Hold.Status.RELEASED, "resolved_at": now}
    Hold.objects.filter(pk=source.pk).update(fence=F("fence") + 1, **columns)


def _hold(source: Hold, carving: Carving, *, now: datetime) -> Hold:
    return Hold(
        pk=uuid.uuid4(),
        budget_id=source.budget_id,
        gear=source.gear,
        reference=carving.reference,
        actor=carving.actor,
        tokens=carving.amounts.tokens,
        carbon_ug=carving.amounts.carbon_ug,
        micro_usd=carving.amounts.micro_usd,
        created_at=now,
        lease_expires_at=carving.lease_expires_at,
    )


def _move_lines(source: Hold, carvings: Mapping[UUID, Carving], *, now: datetime) -> None:
    """One line for each level of each new hold, out of the line of the old one; ledger entries in pairs."""
    lines = list(HoldLine.objects.filter(hold=source).values_list("pk", "budget", "budget__unit"))
    taken: dict[Unit, int] = {
        unit: sum(each.amounts.of(unit) for each in carvings.values()) for unit in {Unit(unit) for *_, unit in lines}
    }
    for unit, steps in taken.items():
        keys = [pk for pk, _, of in lines if of == unit]
        HoldLine.objects.filter(pk__in=keys).update(reserved=F("reserved") - steps)
    HoldLine.objects.bulk_create(
        HoldLine(hold_id=hold_id, budget_id=budget_id, reserved=carving.amounts.of(Unit(unit)))
        for hold_id, carving in carvings.items()
        for _, budget_id, unit in lines
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            budget_id=budget_id,
            hold_id=of_hold,
            kind=kind,
            reserved_delta=sign * carving.amounts.of(Unit(unit)),
            at=now,
            actor=carving.actor,
            reason=carving.reference,
        )
        for hold_id, carving in carvings.items()
        for _, budget_id, unit in lines
        for of_hold, kind, sign in ((source.pk, Kind.RELEASE, -1), (hold_id, Kind.HOLD, 1))
    )


@transactional
def shrink_hold(*, reference: str, amounts: Amounts, actor: str, reason: str, now: datetime) -> None:
    """Give a part of an open plan hold back to all its budgets; what it does not hold any more is passed over."""
    source = Hold.objects.select_for_update(no_key=True).filter(reference=reference, status__in=Hold.OPEN).first()
    if source is None:
        return
    part = each_unit(min, amounts, held_amounts(source))
    _shrink(source, less(held_amounts(source), part), now=now)
    lines = [(line, part.of(Unit(line.budget.unit))) for line in lines_of(source)]
    changed = [(line, steps) for line, steps in lines if steps]
    for line, steps in changed:
        HoldLine.objects.filter(pk=line.pk).update(reserved=F("reserved") - steps)
    for line, steps in changed:  # leaf first, as everybody locks them
        Budget.objects.filter(pk=line.budget_id).update(reserved=F("reserved") - steps)
    LedgerEntry.objects.bulk_create(
        entry(line.budget_id, Kind.RELEASE, now=now, actor=actor, reason=reason, hold=source, reserved_delta=-steps)
        for line, steps in changed
    )
    publish(BudgetsChanged(budget_ids=tuple(line.budget_id for line, _ in changed), at=now))
