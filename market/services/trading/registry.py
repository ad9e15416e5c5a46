"""Registry units: taken in all or none, kept for offers in place of the carbon adder, never used twice.

Who locks units locks them by id: after orders, before accounts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum

from accounts.selectors import get_principal_of_team
from config.kernel.actors import change_reason
from config.kernel.errors import Conflict, InvalidInput
from config.kernel.transactions import transactional
from market.domain.trading.registry import COLUMNS, BadRows, RowError, UnitBlock, missing_of
from market.models import GRAMS_PER_UNIT, Order, RegistryUnit, RegistryUse, Trade


class UnitsRefused(InvalidInput):
    """Blocks of which none was taken: `errors` names row and column of each fault."""

    code = "bad_units"

    def __init__(self, bad: BadRows):
        errors = [
            {"field": f"units[{each.row - 1}].{each.column}" if each.row else each.column, "detail": each.detail}
            for each in bad.errors
        ]
        super().__init__(str(bad), errors=[{**each, "code": self.code} for each in errors])


@transactional
def import_units(*, team_id: int, blocks: Sequence[UnitBlock], actor: str, now: datetime) -> list[int]:
    """Store blocks of registry units that a team may use, all or none; their ids in the order of `blocks`.

    A block that is stored already gets what was still empty. Raises UnitsRefused naming row and column: it
    overlaps with another block, is another team's, or says something else than is stored; NotFound for an
    unknown team; Conflict `overlap` if somebody stored such a block meanwhile.
    """
    get_principal_of_team(team_id=team_id, actor=actor, scopes=frozenset())
    errors: list[RowError] = []
    stored: list[RegistryUnit] = []
    try:
        for row, block in enumerate(blocks, start=1):
            errors += _store(row, block, team_id, stored, actor=actor, now=now)
    except IntegrityError as race:
        raise Conflict("Somebody has just stored a block that overlaps with one of these.", code="overlap") from race
    if errors:
        raise UnitsRefused(BadRows(errors))
    return [each.pk for each in stored]


def _store(
    row: int, block: UnitBlock, team_id: int, stored: list[RegistryUnit], *, actor: str, now: datetime
) -> list[RowError]:
    met = _overlapping(block).first()
    if met is None:
        values = {name: getattr(block, name) for name in COLUMNS}
        unit = RegistryUnit(team_id=team_id, imported_at=now, imported_by=actor, **values)
        errors: list[RowError] = []
    else:
        unit, errors = met, _differences(row, block, met, team_id)
        for name in COLUMNS if not errors else ():
            setattr(unit, name, getattr(unit, name) or getattr(block, name))
    if not errors:
        unit._change_reason = change_reason(actor, "import of registry units")  # type: ignore[attr-defined]
        unit.save()
        stored.append(unit)
    return errors


def _overlapping(block: UnitBlock) -> QuerySet[RegistryUnit]:
    series = RegistryUnit.objects.filter(registry=block.registry, serial_prefix=block.serial_prefix)
    return series.select_for_update().filter(serial_first__lte=block.serial_last, serial_last__gte=block.serial_first)


def _differences(row: int, block: UnitBlock, stored: RegistryUnit, team_id: int) -> list[RowError]:
    """Why a block cannot complete the stored one that it meets."""
    if (stored.serial_first, stored.serial_last) != (block.serial_first, block.serial_last):
        return [RowError(row=row, column="serial_first", detail=f"overlaps with {stored}, which is stored")]
    if stored.team_id != team_id:
        return [RowError(row=row, column="serial_first", detail="is stored for another team")]
    return [
        RowError(row=row, column=name, detail=f"is stored as {getattr(stored, name)}")
        for name in COLUMNS
        if getattr(block, name) and getattr(stored, name) and getattr(block, name) != getattr(stored, name)
    ]


@transaction.atomic
def keep_units(*, order: Order, grams: int, unit_ids: Collection[int] | None, now: datetime) -> int:
    """Keep `grams` CO2e more of verified units for a stored sell order; grams that it keeps in all (`covered_g`).

    Out of the units named, else out of those of its team, the oldest vintage first. An order is covered wholly
    or not at all: raises InvalidInput `units` with the grams that lack (`lacking_g`), or with what keeps a
    named unit from being used; then nothing has changed.
    """
    units = _usable(order.team_id, unit_ids)
    takes = _takes(units, grams)
    lacking = grams - sum(takes.values())
    if lacking > 0:
        raise InvalidInput(
            f"Verified registry units lack {lacking} g CO2e to cover this order's {grams} g.",
            field="units",
            code="not_covered",
            lacking_g=lacking,
        )
    for unit_id, taken in takes.items():
        RegistryUnit.objects.filter(pk=unit_id).update(used_g=F("used_g") + taken)
        use, is_new = RegistryUse.objects.get_or_create(
            unit_id=unit_id, order=order, defaults={"kept_g": taken, "at": now}
        )
        if not is_new:
            RegistryUse.objects.filter(pk=use.pk).update(kept_g=F("kept_g") + taken)
    order.covered_g += grams
    Order.objects.filter(pk=order.pk).update(covered_g=order.covered_g)
    return order.covered_g


def _usable(team_id: int, unit_ids: Collection[int] | None) -> list[RegistryUnit]:
    """Verified units of a team, locked by id, in the order in which they are used."""
    own = RegistryUnit.objects.select_for_update().filter(team=team_id).order_by("pk")
    units = list(own if unit_ids is None else own.filter(pk__in=unit_ids))
    if unit_ids is None:
        return sorted((each for each in units if not missing_of(each)), key=lambda each: (each.vintage or 0, each.pk))
    if unknown := sorted(set(unit_ids) - {each.pk for each in units}):
        words = f"Your team has no registry units {', '.join(map(str, unknown))}."
        raise InvalidInput(words, field="units", code="unknown_units")
    for each in units:
        if missing := missing_of(each):
            raise InvalidInput(
                f"{each} is not verified: {', '.join(missing)} missing.",
                field="units",
                code="not_verified",
                unit=each.pk,
                missing=list(missing),
            )
    return units


def _takes(units: Sequence[RegistryUnit], grams: int) -> dict[int, int]:
    takes: dict[int, int] = {}
    for unit in units:
        room = (unit.serial_last - unit.serial_first + 1) * GRAMS_PER_UNIT - unit.used_g
        if taken := min(room, grams - sum(takes.values())):
            takes[unit.pk] = taken
    return takes


@transaction.atomic
def use_units(*, auction_id: int) -> None:
    """Bring the use of units in line with what the orders of an auction have sold; also after it was reversed.

    Of an order's grams the share of its lots that are sold (trades that stand) is used, rounded up; the rest is
    kept while it is open, and free once it is closed. Doing it twice changes nothing. To be called after its
    trades and orders were written; reads nothing more where no order of the auction has units.
    """
    of_auction = RegistryUse.objects.filter(order__trades__auction=auction_id)
    for number in sorted(set(of_auction.values_list("order_id", flat=True))):
        _tally(number)


@transaction.atomic
def free_units(order: Order) -> None:
    """Free what an order that is closed kept for lots that it did not sell."""
    _tally(order.pk, is_closed=True)


def _tally(number: int, *, is_closed: bool | None = None) -> None:
    order = Order.objects.get(pk=number)
    closed = order.status != Order.Status.OPEN if is_closed is None else is_closed
    sold = Trade.objects.filter(order=number, is_reversed=False).aggregate(sum=Sum("lots"))["sum"] or 0
    to_use = -(-order.covered_g * sold // order.lots)
    unit_ids = RegistryUse.objects.filter(order=number).values("unit")
    list(RegistryUnit.objects.select_for_update().filter(pk__in=unit_ids).order_by("pk"))
    to_keep = 0 if closed else order.covered_g - to_use
    for use in RegistryUse.objects.filter(order=number).order_by("unit"):
        room = use.kept_g + use.used_g
        used = min(room, to_use)
        kept = min(room - used, to_keep)
        to_use, to_keep = to_use - used, to_keep - kept
        if (used, kept) != (use.used_g, use.kept_g):
            RegistryUse.objects.filter(pk=use.pk).update(used_g=used, kept_g=kept)
            RegistryUnit.objects.filter(pk=use.unit_id).update(used_g=F("used_g") + used + kept - room)
