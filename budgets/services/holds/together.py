"""Several asks in one transaction, on any database: read under lock, decide in memory, write in bulk.

SQLite admits everything this way. PostgreSQL has the same rule in a stored function, which costs its
callers a fraction of this; a property test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F

from budgets.domain.admission import Admitted, Block, Charge, Refused, Room, Situation, admit, needs_ancestors
from budgets.domain.asks import HoldAsk
from budgets.domain.gears import Gear, GearChoice
from budgets.domain.units import Amounts, Unit
from budgets.models import BudgetAlert, EscrowLease, Hold, HoldLine, LedgerEntry
from budgets.selectors.escrow import free_in_escrow
from budgets.services.holds.rooms import get_bands_and_blocks
from config.kernel.inserting import insert_of
from config.kernel.sql import fetch, identifier, locking, moment, some, write

PATHS = "SELECT id, path_ids FROM budgets_budget WHERE deallocated_at IS NULL AND id IN "
ROOMS = """
SELECT id, name, level, unit, gear, "limit", spent, reserved, period_starts_at, period_ends_at, deallocated_at,
       warning_amounts
  FROM budgets_budget WHERE id IN """
OPEN = "SELECT reference FROM budgets_hold WHERE status IN ('reserved', 'dispatched') AND reference IN "
TOLD = """
SELECT budget_id, period_starts_at, kind, level FROM budgets_budgetalert
 WHERE kind IN ('percent', 'amount') AND budget_id IN """
RESERVE = "UPDATE budgets_budget SET reserved = reserved + %s WHERE id = %s"
Decided = tuple[HoldAsk, Admitted, Charge]


def admit_together(asks: Sequence[HoldAsk], *, gear: Gear, now: datetime) -> list[Admitted | Refused]:
    """Decide each ask as if they came one after the other; must be called in a transaction.

    `gear` is what the holds are marked with that no block covers. Locks leases, then budgets deepest
    first. A reference that somebody else takes in the same moment raises IntegrityError.
    """
    if not asks:
        return []
    drafts = decide_together(asks, gear=gear, now=now)
    drafts.write()
    return drafts.answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """What was decided under lock, of which nothing is written yet."""

    answers: list[Admitted | Refused]
    decided: list[Decided]
    situation: Situation

    def write(self) -> None:
        """Write what was admitted; in the same transaction."""
        if self.decided:
            _write(self.decided, self.situation, now=self.situation.now)


def decide_together(asks: Sequence[HoldAsk], *, gear: Gear, now: datetime) -> Drafts:
    """As `admit_together`, without a change: where the answer will not do there is nothing to undo but locks."""
    situation = _situation(asks, gear=gear, now=now)
    answers: list[Admitted | Refused] = []
    decided: list[Decided] = []
    for ask in asks:
        verdict = admit(ask, uuid4(), situation)
        if isinstance(verdict, Refused):
            answers.append(verdict)
        else:
            answers.append(verdict[0])
            decided.append((ask, *verdict))
    return Drafts(answers=answers, decided=decided, situation=situation)


def _situation(asks: Sequence[HoldAsk], *, gear: Gear, now: datetime) -> Situation:
    leaves = list({ask.budget_id for ask in asks})
    paths = {
        identifier(leaf): tuple(map(UUID, json.loads(path))) for leaf, path in fetch(PATHS + some(len(leaves)), leaves)
    }
    bands, has_blocks = get_bands_and_blocks()
    blocks = _locked_blocks(pk for pk, path in paths.items() if len(path) > 1) if has_blocks else {}
    uncovered = needs_ancestors(asks, blocks)
    charged = {step for leaf, path in paths.items() for step in (path if leaf in uncovered else path[:1])}
    above = {step for path in paths.values() for step in path} - charged
    rooms = _rooms(charged, lock=locking()) | _rooms(above)
    if has_blocks:
        for budget_id, free in free_in_escrow(list(rooms)).items():
            rooms[budget_id].free = free
    references = list({ask.reference for ask in asks})
    open_holds = fetch(OPEN + some(len(references)), references)
    _recall_alerts(rooms)
    return Situation(
        paths=paths,
        rooms=rooms,
        blocks=blocks,
        references={reference for (reference,) in open_holds},
        bands=bands,
        now=now,
        gear=gear,
    )


def _locked_blocks(leaves: Iterable[UUID]) -> dict[UUID, Block]:
    ids = list(leaves)
    if not ids:
        return {}
    rows = EscrowLease.objects.filter(budget__in=ids, status=EscrowLease.Status.OPEN).order_by("pk")
    return {
        row.budget_id: Block(id=row.pk, free=Amounts.in_columns(row, "free_"))
        for row in rows.select_for_update(no_key=True)
    }


def _rooms(budget_ids: Collection[UUID], *, lock: str = "") -> dict[UUID, Room]:
    """Budgets as values, by id; deepest first."""
    if not budget_ids:
        return {}
    rows = fetch(f"{ROOMS}{some(len(budget_ids))} ORDER BY depth DESC, id{lock}", list(budget_ids))
    return {identifier(row[0]): _room(*row) for row in rows}


def _room(
    budget_id: Any, name: str, level: str, unit: str, gear: str, limit: int, spent: int, reserved: int, *times: Any
) -> Room:
    starts_at, ends_at, ended_at, amounts = times
    return Room(
        id=identifier(budget_id),
        name=name,
        level=level,
        unit=Unit(unit),
        choice=GearChoice(gear),
        limit=limit,
        spent=spent,
        reserved=reserved,
        period_starts_at=moment(starts_at),  # type: ignore[arg-type]  # never NULL
        period_ends_at=moment(ends_at),
        has_ended=ended_at is not None,
        warning_amounts=json.loads(amounts),
    )


def _recall_alerts(rooms: dict[UUID, Room]) -> None:
    """Note what was told of these budgets in this period, so that it is told once."""
    if not rooms:
        return
    for budget_id, starts_at, kind, level in fetch(TOLD + some(len(rooms)), list(rooms)):
        room = rooms[identifier(budget_id)]
        if room.period_starts_at == moment(starts_at):
            room.recorded.add((kind, level))


def _write(decided: Sequence[Decided], situation: Situation, *, now: datetime) -> None:
    taken = [(ask, admitted, *step) for ask, admitted, charge in decided for step in charge.steps]
    holds = insert_of(
        Hold,
        [
            {
                "id": admitted.hold_id,
                "budget_id": ask.budget_id,
                "escrow_id": charge.block_id,
                "gear": admitted.gear.value,
                "reference": ask.reference,
                "actor": ask.actor,
                "created_at": now,
                "lease_expires_at": ask.lease_expires_at,
                **ask.amounts.columns(),
            }
            for ask, admitted, charge in decided
        ],
    )
    lines = insert_of(
        HoldLine,
        [
            {"hold_id": admitted.hold_id, "budget_id": budget_id, "reserved": steps}
            for _, admitted, budget_id, steps in taken
        ],
    )
    entries = insert_of(
        LedgerEntry,
        [
            {
                "budget_id": budget_id,
                "hold_id": admitted.hold_id,
                "kind": LedgerEntry.Kind.HOLD.value,
                "reserved_delta": steps,
                "at": now,
                "actor": ask.actor,
                "reason": ask.reference,
            }
            for ask, admitted, budget_id, steps in taken
        ],
    )
    write([holds, lines, entries])
    _charge(decided, situation, now=now)


def _charge(decided: Sequence[Decided], situation: Situation, *, now: datetime) -> None:
    """One UPDATE for each lease and budget: all of them are locked, so their order is free."""
    used_blocks = {charge.block_id for _, _, charge in decided}
    for block in situation.blocks.values():
        if block.id not in used_blocks:
            continue
        free = {column: F(column) - steps for column, steps in block.taken.columns("free_").items()}
        used = {column: F(column) + steps for column, steps in block.taken.columns("used_").items()}
        EscrowLease.objects.filter(pk=block.id).update(**free, **used, last_used_at=now)
    charged = {budget_id for _, _, charge in decided for budget_id, _ in charge.steps}
    write((RESERVE, [situation.rooms[budget_id].taken, budget_id]) for budget_id in charged)
    if not situation.news:
        return
    BudgetAlert.objects.bulk_create(
        BudgetAlert(
            budget_id=news.budget_id,
            kind=news.kind,
            level=news.level,
            period_starts_at=news.period_starts_at,
            at=now,
            facts=dict(news.facts),
        )
        for news in situation.news
    )
