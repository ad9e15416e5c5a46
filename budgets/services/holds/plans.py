"""Holds of plans: set to what a plan promises out of one budget, and given out piece by piece when work begins.

A plan hold is one row that pays for thousands of requests. Its number rises with every change, and it
has no end of its own: what it promises is taken up or given back, and the next plan sets it anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from budgets.domain.admission import Reason, Refused, Room
from budgets.domain.escrow import NOTHING
from budgets.domain.gears import GearChoice
from budgets.domain.resizing import HoldTarget, Resize, Resized, refusal, short_room
from budgets.domain.units import COLUMN_OF, LARGEST_AMOUNT, Amounts, Unit
from budgets.events import BudgetsChanged
from budgets.models import Budget, Hold, HoldLine, LedgerEntry
from budgets.selectors.escrow import free_in_escrow
from budgets.services.alerting import note_crossings
from budgets.services.escrow.recall import recall_at
from budgets.services.holds.place import error_of
from budgets.services.holds.remedies import give_back
from budgets.services.holds.resolving import held_amounts
from budgets.services.ledger import entry
from budgets.services.overflow import draw_overflow
from budgets.services.periods import begin_periods_if_over
from budgets.services.rows import in_lock_order
from config.kernel.errors import Conflict, InvalidInput
from config.kernel.events import publish
from config.kernel.transactions import in_transaction

Kind = LedgerEntry.Kind
Admit = Callable[[Mapping[UUID, Budget]], None]
SET_RESERVED = """
UPDATE budgets_budget SET reserved = held.reserved
  FROM unnest(%s::uuid[], %s::bigint[]) AS held (id, reserved) WHERE budgets_budget.id = held.id
"""


def resize_hold(
    *, reference: str, budget_id: UUID, amounts: Amounts, lease_expires_at: datetime, actor: str, now: datetime
) -> UUID | None:
    """Set the open hold with this reference to exactly these amounts on its whole path; None if they are nothing.

    Creates it, lets it grow or shrink, or releases it; the ledger gets the differences. Raises
    BudgetExhausted where growth cannot be paid, InvalidInput if there is no such budget, Conflict if
    the reference is another budget's: then nothing changed.
    """
    target = HoldTarget(reference=reference, budget_id=budget_id, amounts=amounts, lease_expires_at=lease_expires_at)
    resized = resize_holds([target], actor=actor, now=now)
    if resized.refused:
        raise error_of(resized.refused[reference])
    return resized.holds[reference]


def resize_holds(targets: Sequence[HoldTarget], *, actor: str, now: datetime, admit: Admit | None = None) -> Resized:
    """`resize_hold` for many in one transaction: what shrinks first, then what grows, in the order given.

    A target that cannot be paid is in `refused` with the level that is short, and changes nothing.
    Locks the holds, then all budgets of all paths deepest first: call it before any budget is locked.
    `admit` sees the locked budgets by id before anything moves, and may refuse it all by raising.
    """
    for target in targets:
        if not all(0 <= target.amounts.of(unit) <= LARGEST_AMOUNT for unit in Unit):
            raise InvalidInput("An amount is not below zero and not beyond all bounds.", field="amount")
    try:
        return in_transaction(lambda: _in_savepoint(targets, actor=actor, now=now, admit=admit))
    except IntegrityError:  # somebody made a hold with one of these references in the same moment
        return in_transaction(lambda: _in_savepoint(targets, actor=actor, now=now, admit=admit))


def _in_savepoint(targets: Sequence[HoldTarget], *, actor: str, now: datetime, admit: Admit | None) -> Resized:
    with transaction.atomic():
        return _resize(targets, actor=actor, now=now, admit=admit)


def _resize(targets: Sequence[HoldTarget], *, actor: str, now: datetime, admit: Admit | None) -> Resized:
    holds = _locked_holds([target.reference for target in targets])
    resizes = _differences(targets, holds)
    path_ids = {budget_id for resize in resizes for budget_id in resize.path}
    begin_periods_if_over(Budget.objects.filter(pk__in=path_ids), now=now)
    _recall(resizes, path_ids, now=now)
    rows = {row.pk: row for row in in_lock_order(Budget.objects.filter(pk__in=path_ids))}
    if admit is not None:
        admit(rows)
    rooms = _rooms_of(rows.values())
    may_draw = {row.pk for row in rows.values() if row.overflow_percent and row.parent_id}
    for resize in sorted(resizes, key=lambda each: each.grows):
        resize.refused = resize.refused or _take(resize, rooms, may_draw, now=now)
    done = [resize for resize in resizes if resize.refused is None]
    written = _write(done, holds, rooms, actor=actor, now=now)
    refused = {resize.target.reference: resize.refused for resize in resizes if resize.refused}
    return Resized(holds=written, refused=refused)


def _locked_holds(references: Collection[str]) -> dict[str, Hold]:
    rows = Hold.objects.filter(reference__in=references, status__in=Hold.OPEN).order_by("pk")
    return {row.reference: row for row in rows.select_for_update(no_key=True)}


def _differences(targets: Sequence[HoldTarget], holds: Mapping[str, Hold]) -> list[Resize]:
    """What each target changes at each budget of its path."""
    leaves = {target.budget_id for target in targets}
    paths = {
        pk: [UUID(each) for each in path]
        for pk, path in Budget.objects.filter(pk__in=leaves).values_list("pk", "path_ids")
    }
    on_paths = {budget_id for path in paths.values() for budget_id in path}
    units = dict(Budget.objects.filter(pk__in=on_paths).values_list("pk", "unit"))
    lines = HoldLine.objects.filter(hold__in=[hold.pk for hold in holds.values()])
    reserved = {(hold, budget): steps for hold, budget, steps in lines.values_list("hold", "budget", "reserved")}
    resizes = []
    for target in targets:
        hold = holds.get(target.reference)
        if hold is not None and hold.budget_id != target.budget_id:
            raise Conflict("Work with this reference has an open hold.", field="reference", code="reference_in_use")
        steps = {
            each: target.amounts.of(Unit(units[each])) - (reserved.get((hold.pk, each), 0) if hold else 0)
            for each in paths.get(target.budget_id, ())
        }
        refused = None if steps else Refused(reason=Reason.MISSING)
        resizes.append(Resize(target=target, steps=steps, refused=refused))
    return resizes


def _recall(resizes: Iterable[Resize], path_ids: Collection[UUID], *, now: datetime) -> None:
    """Take back what blocks in escrow hold free at budgets that would be short, before any budget is locked."""
    added: dict[UUID, int] = {}
    for resize in resizes:
        for budget_id, steps in resize.steps.items():
            added[budget_id] = added.get(budget_id, 0) + steps
    grows = [budget_id for budget_id, steps in added.items() if steps > 0]
    rows = Budget.objects.filter(pk__in=grows).values_list("pk", "limit", "spent", "reserved")
    short = [pk for pk, limit, spent, reserved in rows if limit - spent - reserved < added[pk]]
    if short and free_in_escrow(short):
        recall_at(short, now=now, also_lock=path_ids)


def _take(resize: Resize, rooms: dict[UUID, Room], may_draw: Collection[UUID], *, now: datetime) -> Refused | None:
    """Move the rooms of a path, drawing on pools where that helps; or why not, with nothing moved."""
    drawn: dict[UUID, int] = {}
    while room := short_room(resize, rooms):
        refused = refusal(resize, room)
        short = refused.needed - refused.remaining
        is_drawn = resize.target.may_draw and room.id in may_draw and room.id not in drawn
        if room.has_ended or not is_drawn or not draw_overflow(budget_id=room.id, short_steps=short, now=now):
            give_back(drawn, now=now)
            for budget_id, steps in drawn.items():
                rooms[budget_id].limit -= steps
            return refused
        drawn[room.id] = short
        room.limit += short
    for budget_id, steps in resize.steps.items():
        rooms[budget_id].reserved += steps
        rooms[budget_id].taken += steps
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """Rows of one resize."""

    hold: Hold
    is_new: bool
    steps: Mapping[UUID, int]


def _write(
    resizes: Sequence[Resize], holds: Mapping[str, Hold], rooms: Mapping[UUID, Room], *, actor: str, now: datetime
) -> dict[str, UUID | None]:
    """Holds, lines, budgets and ledger of what is decided, few statements for however many."""
    written = [_set(resize, holds.get(resize.target.reference), actor=actor, now=now) for resize in resizes]
    kept = [each for each in written if each.hold.status in Hold.OPEN or not each.is_new]
    Hold.objects.bulk_create([each.hold for each in kept if each.is_new])
    changed = [each.hold for each in kept if not each.is_new]
    columns = [*COLUMN_OF.values(), "lease_expires_at", "status", "resolved_at", "actor", "fence"]
    if changed:
        Hold.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=columns)
    units = {budget_id: room.unit for budget_id, room in rooms.items()}
    _write_lines(kept, units, actor=actor, now=now)
    _write_budgets(rooms, now=now)
    return {each.hold.reference: each.hold.pk if each.hold.status in Hold.OPEN else None for each in written}


def _set(resize: Resize, hold: Hold | None, *, actor: str, now: datetime) -> _Written:
    """The row of a hold as it is to be: a new one, or the locked one changed in memory."""
    target, is_new = resize.target, hold is None
    hold = hold or Hold(
        pk=uuid.uuid4(), budget_id=target.budget_id, reference=target.reference, created_at=now, fence=0
    )
    for column, steps in target.amounts.columns().items():
        setattr(hold, column, steps)
    hold.lease_expires_at, hold.actor = target.lease_expires_at, actor
    hold.fence += 1
    if target.amounts == NOTHING:
        hold.status, hold.resolved_at = Hold.Status.RELEASED, now
    return _Written(hold=hold, is_new=is_new, steps=resize.steps)


def _write_lines(written: Sequence[_Written], units: Mapping[UUID, Unit], *, actor: str, now: datetime) -> None:
    lines, entries = [], []
    for each in written:
        held = held_amounts(each.hold)
        for budget_id, steps in each.steps.items():
            if steps or each.is_new:
                lines.append(HoldLine(hold=each.hold, budget_id=budget_id, reserved=held.of(units[budget_id])))
            if steps:
                kind = Kind.HOLD if steps > 0 else Kind.RELEASE
                reason = each.hold.reference
                entries.append(
                    entry(budget_id, kind, now=now, actor=actor, reason=reason, hold=each.hold, reserved_delta=steps)
                )
    HoldLine.objects.bulk_create(
        lines, update_conflicts=True, unique_fields=["hold", "budget"], update_fields=["reserved"]
    )
    LedgerEntry.objects.bulk_create(entries)


def _write_budgets(rooms: Mapping[UUID, Room], *, now: datetime) -> None:
    """All of them are locked, so what they are to have is known."""
    moved = [room for room in rooms.values() if room.taken]
    if not moved:
        return
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(SET_RESERVED, [[room.id for room in moved], [room.reserved for room in moved]])
    else:
        budgets = [Budget(pk=room.id, reserved=room.reserved) for room in moved]
        Budget.objects.bulk_update(budgets, ["reserved"], batch_size=500)
    budget_ids = tuple(room.id for room in moved)
    note_crossings(budget_ids=budget_ids, now=now)
    publish(BudgetsChanged(budget_ids=budget_ids, at=now))


def _rooms_of(rows: Iterable[Budget]) -> dict[UUID, Room]:
    """Budgets as values, by id."""
    return {
        row.pk: Room(
            id=row.pk,
            name=row.name,
            level=row.level,
            unit=Unit(row.unit),
            choice=GearChoice(row.gear),
            limit=row.limit,
            spent=row.spent,
            reserved=row.reserved,
            period_starts_at=row.period_starts_at,
            period_ends_at=row.period_ends_at,
            has_ended=row.deallocated_at is not None,
            warning_amounts=row.warning_amounts,
        )
        for row in rows
    }
