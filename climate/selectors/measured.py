"""Hourly means of what was measured, as forecasts need them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from climate.domain.forecast import Place, Trace
from climate.domain.ladder import HOUR, OWN_FORECAST_NEEDS_READING_WITHIN, floor_hour
from climate.domain.observations import Reading
from climate.domain.overlap import Told, counted_minutes
from climate.domain.signal import Kind, Scope
from climate.models import CarbonReading, GridZone
from climate.selectors.readings import list_readings_by_zone

LEAST_COVERED_MINUTES = 30
"""Of an hour, without which its mean is not known."""


class Series(NamedTuple):
    """What one source measures of one zone."""

    zone: str
    source: str


def list_last_hours(*, now: datetime) -> dict[Series, datetime]:
    """The last measured hour (its beginning) of every zone and source that reported it lately enough. One query."""
    earliest = floor_hour(now.astimezone(UTC)) - OWN_FORECAST_NEEDS_READING_WITHIN - HOUR
    rows = CarbonReading.objects.filter(
        kind=Kind.AVERAGE, scope=Scope.LIFECYCLE, starts_at__gte=earliest, starts_at__lt=now, received_at__lte=now
    )
    minutes: dict[tuple[Series, datetime], int] = defaultdict(int)
    for zone, source, starts_at, period in rows.values_list("zone_id", "source", "starts_at", "period_minutes"):
        minutes[Series(zone, source), floor_hour(starts_at)] += period
    last: dict[Series, datetime] = {}
    for (series, hour), covered in minutes.items():
        is_over = hour + HOUR <= now
        is_recent = now - (hour + HOUR) <= OWN_FORECAST_NEEDS_READING_WITHIN
        if is_over and is_recent and covered >= LEAST_COVERED_MINUTES:
            last[series] = max(hour, last.get(series, hour))
    return last


def list_traces(
    zone_codes: Sequence[str], *, last_hours: dict[Series, datetime], days: int, now: datetime
) -> dict[Series, Trace]:
    """The hourly means of so many days up to each last hour, of the zones and sources in `last_hours`.

    Three queries. Only what was received by `now` is read.
    """
    wanted = {series: last for series, last in last_hours.items() if series.zone in zone_codes}
    if not wanted:
        return {}
    end = max(wanted.values()) + HOUR
    start = end - timedelta(days=days)
    readings = list_readings_by_zone(zone_codes, start=start, end=end, now=now)
    places = _places(zone_codes)
    return {
        series: Trace(
            first_hour=start,
            values=_hourly_means(
                [each for each in readings[series.zone] if each.source == series.source],
                start,
                round((last + HOUR - start) / HOUR),
            ),
            place=places.get(series.zone),
        )
        for series, last in wanted.items()
    }


def _places(zone_codes: Sequence[str]) -> dict[str, Place]:
    rows = GridZone.objects.filter(pk__in=zone_codes).values_list("pk", "latitude", "longitude")
    return {
        zone: Place(latitude=latitude, longitude=longitude)
        for zone, latitude, longitude in rows
        if latitude is not None and longitude is not None
    }


def _hourly_means(
    readings: Sequence[Reading], start: datetime, hours: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """NaN where less than half of the hour is known."""
    minutes, sums = [0.0] * hours, [0.0] * hours
    first = start.timestamp()
    counted = counted_minutes([Told(each.starts_at, each.ends_at, each.received_at) for each in readings])
    for each, part in zip(readings, counted, strict=True):
        hour = int((each.starts_at.timestamp() - first) // 3600)
        if hour < hours:
            minutes[hour] += part
            sums[hour] += part * each.intensity_g_per_kwh
    known = np.array(minutes)
    return np.where(known >= LEAST_COVERED_MINUTES, np.array(sums) / np.maximum(known, 1.0), np.nan)
