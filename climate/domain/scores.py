"""How wrong forecasts were: an error per hour, and what is shown of many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from climate.domain.observations import Reading
from climate.domain.overlap import Told, counted_minutes
from climate.domain.preference import preferred

HOUR = timedelta(hours=1)
PATIENCE_FOR_WHOLE_PERIODS = 6 * HOUR
"""After this a period counts as measured if half of it was."""
LAST_CHANCE = timedelta(days=7)
"""A period that was not measured by then is given up."""
LEAST_COVERED_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScoreFacts:
    """Error of a source's forecasts of a zone at one lead time, over `hours` scored hours.

    `coverage_percent` is the share of hours measured within the forecast's band; None: it gave none.
    """

    zone: str
    source: str
    kind: str
    scope: str
    lead: str
    hours: int
    mape_percent: float
    mae_g_per_kwh: float
    coverage_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourScore:
    """Error of one forecast hour, relative to what was measured. `is_covered` None: it came without a band."""

    absolute_error_g_per_kwh: float
    relative_error: float
    is_covered: bool | None


def score(
    *, expected_g_per_kwh: float, low_g_per_kwh: float | None, high_g_per_kwh: float | None, measured_g_per_kwh: float
) -> HourScore | None:
    """How far one forecast hour was off. None where 0 was measured: nothing is relative to it."""
    if measured_g_per_kwh <= 0:
        return None
    error = abs(expected_g_per_kwh - measured_g_per_kwh)
    is_covered = None
    if low_g_per_kwh is not None and high_g_per_kwh is not None:
        is_covered = low_g_per_kwh <= measured_g_per_kwh <= high_g_per_kwh
    return HourScore(absolute_error_g_per_kwh=error, relative_error=error / measured_g_per_kwh, is_covered=is_covered)


def measured_in(
    readings: Iterable[Reading], *, starts_at: datetime, period_minutes: int, now: datetime
) -> float | None:
    """Mean of what the preferred source measured in a period, g CO2e/kWh; None where it is not known (yet).

    For six hours it waits for readings of the whole period, then half of it is enough.
    """
    ends_at = starts_at + timedelta(minutes=period_minutes)
    parts: dict[str, list[tuple[Told, float]]] = {}
    for each in readings:
        part = Told(max(each.starts_at, starts_at), min(each.ends_at, ends_at), each.received_at)
        if part.ends_at > part.starts_at:
            parts.setdefault(each.source, []).append((part, each.intensity_g_per_kwh))
    minutes = {source: counted_minutes([part for part, _ in told]) for source, told in parts.items()}
    needed = period_minutes * (1.0 if now < ends_at + PATIENCE_FOR_WHOLE_PERIODS else LEAST_COVERED_SHARE)
    covered = {source: sum(counted) for source, counted in minutes.items()}
    enough = [source for source, total in covered.items() if total >= needed]
    if not enough:
        return None
    source = preferred(enough)
    values = [value for _, value in parts[source]]
    return sum(part * value for part, value in zip(minutes[source], values, strict=True)) / covered[source]
