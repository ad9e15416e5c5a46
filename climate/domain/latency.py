"""Distance and round-trip time: one table of points, straight lines between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One point of the table: kilometres along the great circle, and the round-trip time in ms to expect."""

    distance_km: float
    round_trip_ms: float


def reach_km(round_trip_ms: float, bands: Sequence[Band]) -> float | None:
    """The distance that a round-trip time stands for, km, by the table in order of distance.

    From 0 km at the time of the first point; beyond the last point the last line goes on. None: the
    table has fewer than two points, or does not rise.
    """
    if len(bands) < 2 or any(b.round_trip_ms <= a.round_trip_ms for a, b in pairwise(bands)):
        return None
    upper = next((index for index, each in enumerate(bands) if each.round_trip_ms >= round_trip_ms), len(bands) - 1)
    low, high = bands[max(0, upper - 1)], bands[max(1, upper)]
    slope = (high.distance_km - low.distance_km) / (high.round_trip_ms - low.round_trip_ms)
    return max(0.0, low.distance_km + (round_trip_ms - low.round_trip_ms) * slope)
