"""How much this process asks of each leaf and root of late, and the gear chosen by it.

Kept in memory, for each process apart: a gear is a matter of speed, never of the answer. The clock
here is the monotonic one of the machine: durations are measured, no time of day is stored.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from budgets.domain.gears import Gear, GearChoice, Load, choose_gear, shares_commits

MEMORY_SECONDS = 2.0
"""Asks this long ago count a third of those that come now."""
WEIGHT = 0.1
"""How much of a mean the newest ask is."""
MOST_GAUGES = 20_000
"""Budgets that are remembered; then the process starts to measure anew."""


@dataclass(slots=True)
class _Gauge:
    rate: float = 0.0
    in_flight: int = 0
    mean_in_flight: float = 0.0
    wait_seconds: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def come(self, at: float) -> None:
        self.in_flight += 1
        self.rate = self._faded(at) + 1 / MEMORY_SECONDS
        self.mean_in_flight += WEIGHT * (self.in_flight - self.mean_in_flight)
        self.at = at

    def go(self, seconds: float) -> None:
        self.in_flight -= 1
        self.wait_seconds += WEIGHT * (seconds - self.wait_seconds)

    def load(self, at: float) -> Load:
        return Load(asks_per_second=self._faded(at), in_flight=self.mean_in_flight, wait_seconds=self.wait_seconds)

    def _faded(self, at: float) -> float:
        return self.rate * math.exp((self.at - at) / MEMORY_SECONDS)


@dataclass(slots=True)
class _Leaf:
    path: tuple[UUID, ...]
    choice: GearChoice
    gear: Gear = Gear.DIRECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the next ask goes: its gear, whose commits it shares if any, and how busy its leaf is.

    `line` is where it stands in line with others at a door that has no thread for each of them:
    there it shares a commit with those that are there already, unless it is pinned to go directly.
    """

    gear: Gear = Gear.DIRECT
    queue: UUID | None = None
    line: UUID | None = None
    asks_per_second: float = 0.0


class Meter:
    """Measures asks by leaf and root."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gauges: dict[UUID, _Gauge] = {}
        self._leaves: dict[UUID, _Leaf] = {}

    def learn(self, leaf_id: UUID, path: tuple[UUID, ...], choice: GearChoice) -> None:
        """Note what an answer said of a leaf."""
        with self._lock:
            if len(self._leaves) > MOST_GAUGES or len(self._gauges) > MOST_GAUGES:
                self._leaves.clear()
                self._gauges.clear()
            leaf = self._leaves.setdefault(leaf_id, _Leaf(path, choice))
            leaf.choice = choice

    @contextmanager
    def measured(self, leaf_id: UUID) -> Iterator[Way]:
        """The way for an ask of this leaf; what happens inside is measured. The first goes directly."""
        started = time.monotonic()
        with self._lock:
            gauges, way = self._come(leaf_id, started)
        try:
            yield way
        finally:
            seconds = time.monotonic() - started
            with self._lock:
                for gauge in gauges:
                    gauge.go(seconds)

    def _come(self, leaf_id: UUID, at: float) -> tuple[list[_Gauge], Way]:
        leaf = self._leaves.get(leaf_id)
        if leaf is None:
            return [], Way()
        root_id = leaf.path[-1]
        gauges = [self._gauges.setdefault(budget_id, _Gauge(at=at)) for budget_id in {leaf_id, root_id}]
        for gauge in gauges:
            gauge.come(at)
        of_leaf = self._gauges[leaf_id].load(at)
        leaf.gear = choose_gear(
            choice=leaf.choice,
            current=leaf.gear,
            levels=len(leaf.path),
            root=self._gauges[root_id].load(at),
            leaf=of_leaf,
        )
        line = leaf_id if leaf.gear is Gear.LEASED else root_id
        way = Way(
            gear=leaf.gear,
            queue=line if shares_commits(leaf.gear, of_leaf) else None,
            line=None if leaf.choice is GearChoice.DIRECT else line,
            asks_per_second=of_leaf.asks_per_second,
        )
        return gauges, way


METER = Meter()
