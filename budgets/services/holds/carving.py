"""Giving out a part of a plan hold as a hold of its own: no budget has more or less reserved by it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from budgets.domain.asks import PlacedHold
from budgets.domain.escrow import NOTHING, each_unit, less
from budgets.domain.gears import Gear
from budgets.domain.resizing import Carving
from budgets.domain.units import COLUMN_OF, Amounts, Unit
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
    return carve_holds({from_reference: [carving]}, now=now)[reference]


@transactional
def carve_holds(wanted: Mapping[str, Sequence[Carving]], *, now: datetime) -> dict[str, PlacedHold]:
    """`carve_hold` for parts of many holds, by the reference of each; new holds by theirs. All, or Conflict and none.

    A few statements for however many. Locks the holds that are carved, in the order of their keys.
    """
    open_holds = Hold.objects.filter(status__in=Hold.OPEN)
    locked = open_holds.filter(reference__in=wanted).order_by("pk").select_for_update(no_key=True)
    sources = {hold.reference: hold for hold in locked}
    if open_holds.filter(reference__in=[each.reference for carvings in wanted.values() for each in carvings]).exists():
        raise Conflict("Work with this reference has an open hold.", field="reference", code="reference_in_use")
    if len(sources) < len(wanted):
        raise _not_covered()
    _shrink([(hold, _left(hold, wanted[reference])) for reference, hold in sources.items()], now=now)
    parts = [
        _Part(source=source, carving=carving, hold=_hold(source, carving, now=now))
        for reference, source in sources.items()
        for carving in wanted[reference]
    ]
    Hold.objects.bulk_create(part.hold for part in parts)
    _move_lines(parts, now=now)
    return {part.carving.reference: part.placed for part in parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A new hold and the one that it comes out of."""

    source: Hold
    carving: Carving
    hold: Hold

    @property
    def placed(self) -> PlacedHold:
        return PlacedHold(
            hold_id=self.hold.pk,
            expires_at=self.hold.lease_expires_at,
            warning_percent=None,
            gear=Gear(self.source.gear),
        )


def _left(source: Hold, carvings: Sequence[Carving]) -> Amounts:
    """What stays in the hold. Raises Conflict if it has less than is asked for."""
    left = held_amounts(source)
    for each in carvings:
        left = less(left, each.amounts)
    if source.status != Hold.Status.RESERVED or left != each_unit(lambda steps: max(0, steps), left):
        raise _not_covered()
    return left


def _not_covered() -> Conflict:
    return Conflict("The plan's hold does not cover this.", code="not_covered")


def _shrink(holds: Sequence[tuple[Hold, Amounts]], *, now: datetime) -> None:
    """Write what stays in locked holds; one with nothing left is over."""
    for hold, left in holds:
        for column, steps in left.columns().items():
            setattr(hold, column, steps)
        hold.fence += 1
        if left == NOTHING:
            hold.status, hold.resolved_at = Hold.Status.RELEASED, now
    columns = [*COLUMN_OF.values(), "fence", "status", "resolved_at"]
    rows = [hold for hold, _ in holds]
    Hold.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=columns)


def _hold(source: Hold, carving: Carving, *, now: datetime) -> Hold:
    return Hold(
        pk=uuid.uuid4(),
        budget_id=source.budget_id,
        gear=source.gear,
        reference=carving.reference,
        actor=carving.actor,
        created_at=now,
        lease_expires_at=carving.lease_expires_at,
        **carving.amounts.columns(),
    )


def _move_lines(parts: Sequence[_Part], *, now: datetime) -> None:
    """One line for each level of each new hold, out of the line of the old one; ledger entries in pairs."""
    lines = defaultdict(list)
    for line in HoldLine.objects.filter(hold__in={part.source.pk for part in parts}).select_related("budget"):
        lines[line.hold_id].append(line)
    moved = [
        (part, line, part.carving.amounts.of(Unit(line.budget.unit)))
        for part in parts
        for line in lines[part.source.pk]
    ]
    for _, line, steps in moved:
        line.reserved -= steps
    old = [line for of_hold in lines.values() for line in of_hold]
    HoldLine.objects.bulk_create(old, update_conflicts=True, unique_fields=["id"], update_fields=["reserved"])
    HoldLine.objects.bulk_create(
        HoldLine(hold=part.hold, budget_id=line.budget_id, reserved=steps) for part, line, steps in moved
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            budget_id=line.budget_id,
            hold=of_hold,
            kind=kind,
            reserved_delta=sign * steps,
            at=now,
            actor=part.carving.actor,
            reason=part.carving.reference,
        )
        for part, line, steps in moved
        for of_hold, kind, sign in ((part.source, Kind.RELEASE, -1), (part.hold, Kind.HOLD, 1))
    )


@transactional
def shrink_hold(*, reference: str, amounts: Amounts, actor: str, reason: str, now: datetime) -> None:
    """Give a part of an open plan hold back to all its budgets; what it does not hold any more is passed over."""
    source = Hold.objects.select_for_update(no_key=True).filter(reference=reference, status__in=Hold.OPEN).first()
    if source is None:
        return
    part = each_unit(min, amounts, held_amounts(source))
    _shrink([(source, less(held_amounts(source), part))], now=now)
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
