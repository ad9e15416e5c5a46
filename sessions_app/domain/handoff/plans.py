"""Whose package is made first, and which items successors begin with: both from measured history.

An item is worth loading if its successor will probably use it. How probable that is, is learnt by kind and
by whether the item was used lately; before anything was measured, lately used items are used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PRIOR_WEIGHT = 4.0
"""Measured items that the prior weighs as much as."""
PRIOR_RECENT = 0.8
PRIOR_OLD = 0.2
LEAST_CHANCE = 0.5
"""From here on loading beforehand is expected to waste less than it saves."""
PRIOR_BYTES_PER_MS = 20_000.0
PRIOR_BYTES = 200_000.0
"""The first speed that is believed, and how many measured bytes it weighs as much as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How many items of a sort successors had, and how many of them they used."""

    items: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was measured in earlier handoffs: use by sort of item (`sort_of`), and bytes and time of packing."""

    use: Mapping[str, Seen]
    bytes: int = 0
    ms: float = 0.0
    handoffs: int = 0

    @property
    def bytes_per_ms(self) -> float:
        """Speed of packing; the prior counts as much as PRIOR_BYTES measured bytes."""
        prior_ms = PRIOR_BYTES / PRIOR_BYTES_PER_MS
        return (self.bytes + PRIOR_BYTES) / (self.ms + prior_ms)

    def chance(self, sort: str) -> float:
        """How probable it is that a successor uses an item of that sort."""
        seen = self.use.get(sort, Seen())
        prior = PRIOR_RECENT if sort.endswith(RECENT) else PRIOR_OLD
        return (seen.used + PRIOR_WEIGHT * prior) / (seen.items + PRIOR_WEIGHT)


RECENT = "/recent"
OLD = "/old"


def sort_of(kind: str, *, is_recent: bool) -> str:
    """The sort that an item is counted under."""
    return kind + (RECENT if is_recent else OLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An item that may be loaded; `tokens` in the window."""

    key: str
    sort: str
    tokens: int
    is_pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preload:
    """Keys to load, and what the plan gains in expected tokens.

    `wasted_*`: loaded and never used; `reloaded_*`: used and not loaded. Against loading all (which reloads
    nothing) and loading only what is pinned (which wastes nothing).
    """

    keys: frozenset[str]
    tokens_all: int
    tokens_planned: int
    wasted_all: int
    wasted_planned: int
    reloaded_none: int
    reloaded_planned: int


def plan_preload(items: Iterable[Candidate], history: History, *, room_tokens: int) -> Preload:
    """What is pinned, and then what will most probably be used, while there is room."""
    known = list(items)
    chances = {each.key: 1.0 if each.is_pinned else history.chance(each.sort) for each in known}
    chosen = {each.key for each in known if each.is_pinned}
    left = room_tokens - sum(each.tokens for each in known if each.is_pinned)
    for each in sorted(known, key=lambda item: (-chances[item.key], item.tokens, item.key)):
        if each.key not in chosen and chances[each.key] >= LEAST_CHANCE and each.tokens <= left:
            chosen.add(each.key)
            left -= each.tokens
    free = [each for each in known if not each.is_pinned]
    return Preload(
        keys=frozenset(chosen),
        tokens_all=sum(each.tokens for each in known),
        tokens_planned=sum(each.tokens for each in known if each.key in chosen),
        wasted_all=round(sum(each.tokens * (1 - chances[each.key]) for each in free)),
        wasted_planned=round(sum(each.tokens * (1 - chances[each.key]) for each in free if each.key in chosen)),
        reloaded_none=round(sum(each.tokens * chances[each.key] for each in free)),
        reloaded_planned=round(sum(each.tokens * chances[each.key] for each in free if each.key not in chosen)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Agents in the order in which their packages are made, and how long that is expected to take."""

    agents: tuple[str, ...]
    ms_planned: float
    ms_by_name: float
    ms_one_by_one: float


def plan_order(bytes_of: Mapping[str, int], history: History, *, workers: int) -> Order:
    """Longest first, so that no long package is begun when the others are done; against the order of names."""
    speed = history.bytes_per_ms
    expected = {agent: size / speed for agent, size in bytes_of.items()}
    by_name = sorted(expected)
    longest_first = sorted(expected, key=lambda agent: (-expected[agent], agent))
    return Order(
        agents=tuple(longest_first),
        ms_planned=makespan([expected[each] for each in longest_first], workers),
        ms_by_name=makespan([expected[each] for each in by_name], workers),
        ms_one_by_one=sum(expected.values()),
    )


def makespan(durations: Sequence[float], workers: int) -> float:
    """When the last of some jobs is done if each free worker takes the next one."""
    busy = [0.0] * max(1, workers)
    for each in durations:
        first = min(range(len(busy)), key=busy.__getitem__)
        busy[first] += each
    return max(busy)
