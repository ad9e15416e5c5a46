"""What ending many holds moves, added up in memory and written with a handful of statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from budgets.domain.bands import Bands, percentages_passed
from budgets.domain.ending import HoldReturn, HoldUse, LockedHold
from budgets.domain.periods import bucket_of, leaves_at
from budgets.events import BudgetsChanged
from budgets.models import BudgetAlert, Hold, LedgerEntry
from budgets.selectors.escrow import free_in_escrow
from budgets.services.alerting import alert_of, note_passed
from budgets.services.holds.rooms import Room, get_bands_and_blocks
from config.kernel.events import publish
from config.kernel.raw import Statement
from config.kernel.sql import insert, marks, some, write

ENTRY = (
    "budget_id",
    "hold_id",
    "kind",
    "limit_delta",
    "spent_delta",
    "reserved_delta",
    "overdraft_delta",
    "tradeable_delta",
    "at",
    "actor",
    "reason",
)
END = "UPDATE budgets_hold SET status = %s, resolved_at = %s, fence = fence + 1 WHERE id IN "
SETTLE_LINES = """
UPDATE budgets_holdline SET settled = v.column2 FROM (VALUES {}) AS v WHERE budgets_holdline.id = v.column1"""
MOVE = """
UPDATE budgets_budget
   SET reserved = budgets_budget.reserved - v.column2, spent = budgets_budget.spent + v.column3
  FROM (VALUES {}) AS v WHERE budgets_budget.id = v.column1"""
LEAVE = """
UPDATE budgets_budget SET period_ends_at = %s
 WHERE id = %s AND (period_ends_at IS NULL OR period_ends_at > %s)"""
ADD = """
ON CONFLICT (budget_id, starts_at) DO UPDATE SET spent = budgets_spendbucket.spent + EXCLUDED.spent"""


@dataclass(slots=True, kw_only=True)
class Tally:
    """The moves of holds that end, one after the other, on locked budgets. Nothing is written before `write`."""

    rooms: dict[UUID, Room]
    now: datetime
    settled: list[UUID] = field(default_factory=list)
    released: list[UUID] = field(default_factory=list)
    lines: list[tuple[int, int]] = field(default_factory=list)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    freed: Counter[UUID] = field(default_factory=Counter)
    spent: Counter[UUID] = field(default_factory=Counter)
    _watch: Watch | None = None

    def settle(self, use: HoldUse) -> int | None:
        """Charge what a hold used, which fits; the highest threshold that its path is past."""
        self.settled.append(use.hold.id)
        for line in use.hold.lines:
            used = use.amounts.of(line.unit)
            room = self.rooms[line.budget_id]
            room.reserved -= line.reserved
            room.spent += used
            self.freed[room.id] += line.reserved
            self.spent[room.id] += used
            self.lines.append((line.id, used))
            kind = LedgerEntry.Kind.SETTLE.value
            self._enter(room, use.hold, kind, used, line.reserved, use.actor, use.hold.reference)
        return self._watched().look([self.rooms[line.budget_id] for line in use.hold.lines])

    def release(self, back: HoldReturn) -> None:
        """Give back what a hold reserved."""
        self.released.append(back.hold.id)
        for line in back.hold.lines:
            room = self.rooms[line.budget_id]
            room.reserved -= line.reserved
            self.freed[room.id] += line.reserved
            self._enter(room, back.hold, LedgerEntry.Kind.RELEASE.value, 0, line.reserved, back.actor, back.reason)

    def write(self) -> None:
        """Write all of it, tell of thresholds that were newly passed, and publish once."""
        if not self.entries:
            return
        write(self._statements())
        if self._watch is not None:
            note_passed(list(self._watch.passed.values()), now=self.now)
        publish(BudgetsChanged(budget_ids=tuple(self.freed), at=self.now))

    def _enter(self, room: Room, hold: LockedHold, kind: str, spent: int, freed: int, actor: str, reason: str) -> None:
        self.entries.append((room.id, hold.id, kind, 0, spent, -freed, 0, 0, self.now, actor, reason))

    def _watched(self) -> Watch:
        if self._watch is None:
            self._watch = Watch.over(self.rooms, now=self.now)
        return self._watch

    def _statements(self) -> Iterable[Statement]:
        ends = ((Hold.Status.SETTLED.value, self.settled), (Hold.Status.RELEASED.value, self.released))
        for status, hold_ids in ends:
            if hold_ids:
                yield END + some(len(hold_ids)), [status, self.now, *hold_ids]
        if self.lines:
            yield SETTLE_LINES.format(marks(self.lines)), [value for line in self.lines for value in line]
        yield insert("budgets_ledgerentry", ENTRY, self.entries)
        moves = [(budget_id, freed, self.spent[budget_id]) for budget_id, freed in self.freed.items()]
        yield MOVE.format(marks(moves)), [value for move in moves for value in move]
        yield from self._slices()

    def _slices(self) -> Iterable[Statement]:
        """Spending by slices of time; a rolling budget learns when its oldest stops counting."""
        spent = [(self.rooms[budget_id], steps) for budget_id, steps in self.spent.items() if steps > 0]
        if not spent:
            return
        rows = [(room.id, bucket_of(self.now, window_hours=room.window_hours), steps, 0) for room, steps in spent]
        yield insert("budgets_spendbucket", ("budget_id", "starts_at", "spent", "refusals"), rows, after=ADD)
        for room, _ in spent:
            if room.window_hours:
                starts_at = bucket_of(self.now, window_hours=room.window_hours)
                leaves = leaves_at(starts_at, window_hours=room.window_hours)
                yield LEAVE, [leaves, room.id, leaves]


@dataclass(slots=True, kw_only=True)
class Watch:
    """Which thresholds budgets are past, as `alerting.note_crossings` sees it after each hold."""

    rooms: dict[UUID, Room]
    now: datetime
    bands: Bands
    free: dict[UUID, int]
    passed: dict[tuple[UUID, str, int], BudgetAlert] = field(default_factory=dict)

    @classmethod
    def over(cls, rooms: dict[UUID, Room], *, now: datetime) -> Watch:
        """With the thresholds in force, and what blocks in escrow hold free at these budgets."""
        bands, has_blocks = get_bands_and_blocks()
        return cls(rooms=rooms, now=now, bands=bands, free=free_in_escrow(list(rooms)) if has_blocks else {})

    def look(self, rooms: Iterable[Room]) -> int | None:
        """The highest percentage that any of these is past; what they passed is noted."""
        highest = 0
        for room in rooms:
            used = room.spent + room.reserved - self.free.get(room.id, 0)
            percentages = percentages_passed(used=used, limit=room.limit, bands=self.bands)
            highest = max([highest, *percentages])
            for percent in percentages:
                self._note(room, BudgetAlert.Kind.PERCENT, percent)
            for steps in room.warning_amounts:
                if used >= steps:
                    self._note(room, BudgetAlert.Kind.AMOUNT, steps)
        return highest or None

    def _note(self, room: Room, kind: BudgetAlert.Kind, level: int) -> None:
        key = (room.id, kind.value, level)
        if key not in self.passed:
            row = room.as_row(free_in_blocks=self.free.get(room.id, 0))
            self.passed[key] = alert_of(row, kind, level, now=self.now)
