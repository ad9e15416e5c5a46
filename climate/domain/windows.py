"""The greenest stretches of consecutive hours, and what each saves against running now.

Ranges are of the means: the lowest mean is that of the hours' lows, the highest that of their highs,
as if all hours erred the same way. An hour that a source reported is its own low and high; an hour
that is expected without a range leaves the range of its window unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum

from climate.domain.signal import Basis, Signal

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive hours of a grid: mean intensity in g CO2e/kWh with its range, None where unknown."""

    starts_at: datetime
    ends_at: datetime
    mean_g_per_kwh: float
    low_g_per_kwh: float | None
    high_g_per_kwh: float | None
    bases: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What one stretch saves against another: percent and g CO2e/kWh, negative where it costs.

    The lowest saving is the window at its highest against now at its lowest; None where unknown.
    """

    percent: float
    g_per_kwh: float
    low_percent: float | None
    high_percent: float | None
    low_g_per_kwh: float | None
    high_g_per_kwh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenWindow:
    """A window of a region, against the same work begun now: there, and in the named home region."""

    region: str
    zone: str
    window: Stretch
    now: Stretch
    saving: Saving
    home_region: str | None
    home_now: Stretch | None
    home_saving: Saving | None


def mean_of_window(intensities_g_per_kwh: Sequence[float], start: int, duration_hours: int) -> float:
    """Mean intensity of `duration_hours` hours from index `start`, g CO2e/kWh."""
    return fsum(intensities_g_per_kwh[start : start + duration_hours]) / duration_hours


def greenest_start(intensities_g_per_kwh: Sequence[float], duration_hours: int) -> int:
    """Index at which the stretch with the least mean intensity begins; the earliest among equals.

    Raises ValueError if the duration is not between one hour and all of them.
    """
    starts = _starts(len(intensities_g_per_kwh), duration_hours)
    return min(starts, key=lambda start: (mean_of_window(intensities_g_per_kwh, start, duration_hours), start))


def best_starts(
    intensities_g_per_kwh: Mapping[str, Sequence[float]], duration_hours: int, count: int
) -> list[tuple[str, int]]:
    """The `count` best windows over all regions, greenest first; those of one region share no hour.

    Among equals the earlier, then the region whose code comes first. Raises ValueError as `greenest_start`.
    """
    ranked = sorted(
        (mean_of_window(hours, start, duration_hours), start, region)
        for region, hours in intensities_g_per_kwh.items()
        for start in _starts(len(hours), duration_hours)
    )
    chosen: list[tuple[str, int]] = []
    for _, start, region in ranked:
        if len(chosen) == count:
            break
        if all(other != region or abs(start - taken) >= duration_hours for other, taken in chosen):
            chosen.append((region, start))
    return chosen


def stretch_of(signals: Sequence[Signal]) -> Stretch:
    """The mean of consecutive hours with its range, rungs and sources."""
    return Stretch(
        starts_at=signals[0].starts_at,
        ends_at=signals[-1].starts_at + HOUR,
        mean_g_per_kwh=fsum(each.intensity_g_per_kwh for each in signals) / len(signals),
        low_g_per_kwh=_mean([_edge(each, each.low_g_per_kwh) for each in signals]),
        high_g_per_kwh=_mean([_edge(each, each.high_g_per_kwh) for each in signals]),
        bases=tuple(sorted({each.basis.value for each in signals})),
        sources=tuple(sorted({each.source for each in signals})),
    )


def saving_of(window: Stretch, *, against: Stretch) -> Saving:
    """What `window` saves against the other stretch. One hour range for both: a window that is now saves nothing."""
    if window == against:
        return Saving(percent=0.0, g_per_kwh=0.0, low_percent=0.0, high_percent=0.0, low_g_per_kwh=0, high_g_per_kwh=0)
    low_percent, low = _difference(against.low_g_per_kwh, window.high_g_per_kwh)
    high_percent, high = _difference(against.high_g_per_kwh, window.low_g_per_kwh)
    grams = against.mean_g_per_kwh - window.mean_g_per_kwh
    return Saving(
        percent=100 * grams / against.mean_g_per_kwh,
        g_per_kwh=grams,
        low_percent=low_percent,
        high_percent=high_percent,
        low_g_per_kwh=low,
        high_g_per_kwh=high,
    )


def _difference(before: float | None, after: float | None) -> tuple[float | None, float | None]:
    if before is None or after is None:
        return None, None
    return 100 * (before - after) / before, before - after


def _edge(signal: Signal, edge: float | None) -> float | None:
    return signal.intensity_g_per_kwh if edge is None and signal.basis is Basis.LIVE else edge


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if len(known) == len(values) else None


def _starts(hours: int, duration_hours: int) -> range:
    if not 1 <= duration_hours <= hours:
        raise ValueError("a window is between one hour and all of the hours")
    return range(hours - duration_hours + 1)
