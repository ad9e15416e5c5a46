"""A continuous order book in memory: the rule of `matching.py`, fast.

A property test holds this and the rule together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from market.domain.trading.matching import BUY, FILL_OR_KILL, LIMIT, Fill

_NOBODY = 1 << 62
_COMPACT_FROM = 1024
_new = tuple.__new__  # a named tuple's own constructor takes twice as long, and there is one for each fill


class Level(NamedTuple):
    """What rests at one price."""

    ticks: int
    lots: int


class Depth(NamedTuple):
    """Levels of both sides, the best price first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


_Row = list[int]
"""An order that rests: number, lots left (0: cancelled, still in line), team, key, ticks."""


class _Side:
    """One side of a book. Keys are prices, of bids below zero, so that the best key is the least on both sides.

    `heap` has the keys of `levels`, each once. A level may be empty until it would be the best; the first
    row of a level that is not empty has lots. `best` is the least key of such a level.
    """

    __slots__ = ("best", "heap", "levels")

    def __init__(self) -> None:
        self.levels: dict[int, deque[_Row]] = {}
        self.heap: list[int] = []
        self.best = _NOBODY

    def begin(self, row: _Row) -> None:
        """Let an order rest where no other does."""
        key = row[3]
        level = self.levels.get(key)
        if level is None:
            self.levels[key] = deque((row,))
            heappush(self.heap, key)
        else:
            level.append(row)
        if key < self.best:
            self.best = key

    def settle(self, level: deque[_Row]) -> None:
        """After the first row of a level is done with: the next with lots comes first, or the next level."""
        while level and not level[0][1]:
            level.popleft()
        if not level:
            heap, levels = self.heap, self.levels
            while heap and not levels[heap[0]]:
                del levels[heappop(heap)]
            self.best = heap[0] if heap else _NOBODY

    def rows(self, reach: int = _NOBODY) -> Iterator[_Row]:
        """What rests down to a key, first come first."""
        for key in sorted(key for key in self.levels if key <= reach):
            yield from (row for row in self.levels[key] if row[1])


class Book:
    """All that rests in one instrument, prices between two ticks. A tick and lots are whole numbers from one on.

    Placing and cancelling cost a few steps, however wide the collar and however long the lines.
    """

    __slots__ = ("_asks", "_bids", "_dead", "_high", "_low", "_rows")

    def __init__(self, low_ticks: int, high_ticks: int) -> None:
        if not 1 <= low_ticks <= high_ticks:
            raise ValueError("A collar has a lowest price of at least one tick, and none below it.")
        self._low, self._high = low_ticks, high_ticks
        self._bids, self._asks = _Side(), _Side()
        self._rows: dict[int, _Row] = {}
        self._dead = 0

    def place(
        self, number: int, side: str, lots: int, limit_ticks: int | None, kind: str = LIMIT, team: int = 0
    ) -> list[Fill]:
        """Match an order; what is left of a limit order rests, unless it would have met one of its own team.

        Fills come in the order they were made. Raises ValueError, and changes nothing, for a number that rests
        already, lots below one, or a limit outside the collar.
        """
        rows = self._rows
        if limit_ticks is None:
            limit_ticks = self._high if side == BUY else self._low
        if lots < 1 or number in rows or not self._low <= limit_ticks <= self._high:
            raise ValueError("An order has lots, a number of its own, and a limit inside the collar.")
        if side == BUY:
            own, other, key = self._bids, self._asks, -limit_ticks
        else:
            own, other, key = self._asks, self._bids, limit_ticks
        fills: list[Fill] = []
        if other.best <= -key:
            if kind == FILL_OR_KILL and not _fills_whole(other, -key, lots, team):
                return fills
            lots = self._take(other, -key, number, lots, team, fills)
        if lots and kind == LIMIT:
            rows[number] = row = [number, lots, team, key, limit_ticks]
            if level := own.levels.get(key):
                level.append(row)
            else:
                own.begin(row)
        return fills

    def _take(self, other: _Side, reach: int, number: int, lots: int, team: int, fills: list[Fill]) -> int:
        """Lots that are left; 0 too where the next in line is of the same team."""
        levels = other.levels
        level = levels[other.best]
        while lots:
            row = level[0]
            maker, there, owner, _, ticks = row
            if owner == team:
                return 0
            if there > lots:
                row[1] = there - lots
                fills.append(_new(Fill, (number, maker, ticks, lots)))
                return 0
            fills.append(_new(Fill, (number, maker, ticks, there)))
            lots -= there
            del self._rows[maker]
            level.popleft()
            if not level or not level[0][1]:
                other.settle(level)
                if other.best > reach:
                    return lots
                level = levels[other.best]
        return 0

    def cancel(self, number: int) -> int:
        """Take an order off the book; how many lots of it rested (0: none by that number)."""
        row = self._rows.pop(number, None)
        if row is None:
            return 0
        _, lots, _, key, _ = row
        row[1] = 0
        side = self._bids if key < 0 else self._asks
        level = side.levels[key]
        if level[0] is row:
            self._leave(side, level, key)
        else:
            self._dead += 1
            if self._dead > len(self._rows) + _COMPACT_FROM:
                self._compact()
        return lots

    @staticmethod
    def _leave(side: _Side, level: deque[_Row], key: int) -> None:
        """The first of a line is gone. Only at the best price does an empty line change anything else."""
        while level and not level[0][1]:
            level.popleft()
        if key == side.best and not level:
            side.settle(level)

    def _compact(self) -> None:
        """Drop cancelled rows that still stand in line: at most every so many cancels as there are orders."""
        for side in (self._bids, self._asks):
            for key, level in side.levels.items():
                side.levels[key] = deque(row for row in level if row[1])
        self._dead = 0

    def lots_of(self, number: int) -> int:
        """How many lots of an order rest."""
        row = self._rows.get(number)
        return row[1] if row else 0

    def __len__(self) -> int:
        return len(self._rows)

    def depth(self) -> Depth:
        """Lots by price."""
        return Depth(bids=_levels(self._bids), asks=_levels(self._asks))


def _fills_whole(other: _Side, reach: int, lots: int, team: int) -> bool:
    for _, there, owner, _, _ in other.rows(reach):
        if owner == team:
            return False
        lots -= there
        if lots <= 0:
            return True
    return False


def _levels(side: _Side) -> tuple[Level, ...]:
    levels: dict[int, int] = {}
    for _, lots, _, _, ticks in side.rows():
        levels[ticks] = levels.get(ticks, 0) + lots
    return tuple(Level(ticks, lots) for ticks, lots in levels.items())
