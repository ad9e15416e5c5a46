"""What sources reported: as they said it, or the hourly and daily means that remain of it.

Readings become hourly means, and these daily ones, by whole UTC days (`climate.services.retention`).
A day that was brought back from the archive has both; then the finer one is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import F, Value

from climate.domain.ladder import floor_hour
from climate.domain.observations import Reading
from climate.domain.signal import Kind, Scope
from climate.models import CarbonReading, CarbonReadingMean

# The database lets no retention policy take younger readings.
YOUNGEST_MEAN = timedelta(days=32)
Tier = CarbonReadingMean.Tier
READING = "reading"
MINUTES = {Tier.HOUR.value: 60, Tier.DAY.value: 1440}


class Row(NamedTuple):
    """The columns that readings and means share; `minutes` is the period, or how much of it is covered."""

    zone_id: str
    source: str
    starts_at: datetime
    minutes: int
    intensity_g_per_kwh: float
    renewable_share: float | None
    carbon_free_share: float | None
    flag: str
    received_at: datetime
    scope: str
    rung: str
    """READING, or of a mean its tier."""

    @property
    def whole_minutes(self) -> int:
        """The period: of a mean the hour or day that it stands for."""
        return MINUTES.get(self.rung, self.minutes)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The flag, and how much of a mean is known."""
        part = f"readings cover {self.minutes} of {self.whole_minutes:,} minutes"
        return tuple(each for each in (self.flag, part if self.minutes < self.whole_minutes else "") if each)


def list_readings_by_zone(
    zone_codes: Sequence[str], *, start: datetime, end: datetime, now: datetime
) -> dict[str, list[Reading]]:
    """Average lifecycle readings of periods that begin in [start, end), known at `now`, by zone.

    One query; two where hours are asked for that are old enough to be means. An hourly mean is
    given as a reading that is as long as the minutes it covers.
    """
    which = {"kind": Kind.AVERAGE, "scope": Scope.LIFECYCLE, "zone_id__in": zone_codes}
    period = {"starts_at__gte": start, "starts_at__lt": end, "received_at__lte": now}
    rows = _readings({**which, **period})
    if start < now - YOUNGEST_MEAN:
        known = {(row.zone_id, row.source, floor_hour(row.starts_at)) for row in rows}
        means = _means({**which, **period, "tier": Tier.HOUR})
        rows += [mean for mean in means if (mean.zone_id, mean.source, mean.starts_at) not in known]
    found: dict[str, list[Reading]] = defaultdict(list)
    for row in rows:
        found[row.zone_id].append(_as_reading(row))
    return found


def _as_reading(row: Row) -> Reading:
    return Reading(
        source=row.source,
        starts_at=row.starts_at,
        period_minutes=row.minutes,
        intensity_g_per_kwh=row.intensity_g_per_kwh,
        renewable_share=row.renewable_share,
        carbon_free_share=row.carbon_free_share,
        flag=row.flag,
        received_at=row.received_at,
    )


def means_left(which: dict[str, Any], known: Sequence[tuple[str, str, datetime]]) -> list[Row]:
    """Hourly means of hours, and daily ones of days, of which no reading is `known` by source, scope and begin.

    `which` are conditions that readings and means share; of one zone and one kind.
    """
    means = _means(which)
    hours = {(source, scope, floor_hour(at)) for source, scope, at in known}
    hourly = [row for row in means if row.rung == Tier.HOUR and (row.source, row.scope, row.starts_at) not in hours]
    days = {(source, scope, at.date()) for source, scope, at in known}
    days |= {(row.source, row.scope, row.starts_at.date()) for row in hourly}
    daily = [row for row in means if row.rung == Tier.DAY and (row.source, row.scope, row.starts_at.date()) not in days]
    return hourly + daily


def _readings(which: dict[str, Any]) -> list[Row]:
    rows = CarbonReading.objects.filter(**which).annotate(minutes=F("period_minutes"), rung=Value(READING))
    return list(map(Row._make, rows.values_list(*Row._fields)))


def _means(which: dict[str, Any]) -> list[Row]:
    rows = CarbonReadingMean.objects.filter(**which).annotate(minutes=F("covered_minutes"), rung=F("tier"))
    return list(map(Row._make, rows.values_list(*Row._fields)))
