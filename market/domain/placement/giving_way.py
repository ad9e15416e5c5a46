"""Who gives way in an emergency: no more than the work that waits can use, lightest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

Cell = tuple[int, int]
"""A site and an hour of the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Lifted work that did not get all it asked for: its tokens, and the cells it may use, the cleanest first.

    `placed` is what the plan gives it already, by cell: another plan may place that elsewhere.
    """

    request_id: UUID
    tokens: int
    may_split: bool
    cells: Sequence[Cell]
    placed: Mapping[Cell, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A grant that has not begun and may give way: its weight, and its tokens by cell."""

    request_id: UUID
    weight: float
    tokens: Mapping[Cell, int]


def who_gives_way(
    needs: Iterable[Need], promises: Sequence[Promise], free_tokens: Mapping[Cell, int]
) -> dict[UUID, UUID]:
    """Which promises are taken back, each with the waiting request that it makes room for.

    Needs go in the order they are given. Work that may not be split needs one cell with room for all
    of it: the one where the fewest tokens must be given back, of several the cleanest. Work that may
    be split takes cell after cell. In a cell the lightest promises go first, and none that can stay.
    Where nothing helps, nobody gives way. `free_tokens` is the room that cells have anyway.
    """
    pool = _Pool(promises, free_tokens)
    for need in needs:
        if not pool.is_empty:
            pool.serve(need)
    return pool.given


class _Pool:
    """Promises that still stand, and the room there is."""

    def __init__(self, promises: Sequence[Promise], free_tokens: Mapping[Cell, int]):
        self.given: dict[UUID, UUID] = {}
        self._free = defaultdict(int, free_tokens)
        self._standing: dict[Cell, list[Promise]] = defaultdict(list)
        for promise in sorted(promises, key=lambda each: (each.weight, each.request_id)):
            for cell in promise.tokens:
                self._standing[cell].append(promise)

    @property
    def is_empty(self) -> bool:
        """Nobody is left who could give way."""
        return not self._standing

    def serve(self, need: Need) -> None:
        """Make room for one request, or leave everything as it is."""
        usable = [cell for cell in need.cells if cell in self._standing]
        if need.may_split:
            self._serve_in_parts(need, usable)
            return
        ways = [way for cell in usable if (way := self._way(cell, need.tokens - need.placed.get(cell, 0))) is not None]
        if ways:
            cell, promises = min(ways, key=lambda way: sum(each.tokens[way[0]] for each in way[1]))
            self._take(promises, need)
            self._free[cell] -= need.tokens - need.placed.get(cell, 0)

    def _serve_in_parts(self, need: Need, usable: Sequence[Cell]) -> None:
        wanted = need.tokens - sum(need.placed.values())
        wanted -= self._use(need.cells, wanted)
        for cell in usable:
            if wanted <= 0:
                return
            room = sum(each.tokens[cell] for each in self._standing.get(cell, ()))
            way = self._way(cell, min(wanted, room)) if room else None
            if way is not None:
                self._take(way[1], need)
                wanted -= self._use((cell,), wanted)

    def _use(self, cells: Iterable[Cell], tokens: int) -> int:
        """Fill the room that cells have; how many tokens of these found some."""
        left = tokens
        for cell in cells:
            taken = min(left, max(0, self._free[cell]))
            self._free[cell] -= taken
            left -= taken
        return tokens - left

    def _way(self, cell: Cell, tokens: int) -> tuple[Cell, list[Promise]] | None:
        """Who would have to go for so much room in a cell: lightest first, then without those who can stay."""
        short = tokens - max(0, self._free[cell])
        chosen: list[Promise] = []
        for promise in self._standing[cell]:
            if short <= 0:
                break
            chosen.append(promise)
            short -= promise.tokens[cell]
        if short > 0:
            return None
        for promise in sorted(chosen, key=lambda each: (-each.weight, -each.tokens[cell], each.request_id)):
            if short + promise.tokens[cell] <= 0:
                chosen.remove(promise)
                short += promise.tokens[cell]
        return cell, chosen

    def _take(self, promises: Sequence[Promise], need: Need) -> None:
        for promise in promises:
            self.given[promise.request_id] = need.request_id
            for cell, tokens in promise.tokens.items():
                self._free[cell] += tokens
                self._standing[cell].remove(promise)
                if not self._standing[cell]:
                    del self._standing[cell]
