"""Grid zones and what was stored of them, as values that cross a door."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import fsum
from typing import Any

from climate.domain.signal import Basis, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFacts:
    """A grid zone with its intensity in this hour. Country and place are None where they are not known."""

    code: str
    name: str
    country_code: str | None
    country_name: str
    latitude: float | None
    longitude: float | None
    signal: Signal

    @property
    def live_source(self) -> str | None:
        """The source whose reading is shown now, or None: it is not live."""
        return self.signal.source if self.signal.basis is Basis.LIVE else None

    def matches(self, words: str) -> bool:
        """Whether every word occurs in the code, the name or the country."""
        text = f"{self.code} {self.name} {self.country_code or ''} {self.country_name}".casefold()
        return all(word in text for word in words.casefold().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReading:
    """A reading as its source says it now, g CO2e/kWh. `revision` counts how often the source has changed it."""

    zone: str
    source: str
    kind: str
    scope: str
    starts_at: datetime
    period_minutes: int
    intensity_g_per_kwh: float
    renewable_share: float | None
    carbon_free_share: float | None
    flag: str
    received_at: datetime
    basis: str
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSource:
    """What one source has lately said of a zone, of one kind and scope. None: nothing of that sort."""

    source: str
    kind: str
    scope: str
    newest_reading_at: datetime | None
    newest_expected_at: datetime | None


ORDERINGS: dict[str, Callable[[ZoneFacts], Any]] = {
    "code": lambda zone: zone.code,
    "name": lambda zone: zone.name.casefold(),
    "country": lambda zone: zone.country_name.casefold(),
    "intensity": lambda zone: zone.signal.intensity_g_per_kwh,
    "as_of": lambda zone: zone.signal.as_of,
}
"""By what zones may be ordered; a minus in front turns the order round."""


def choose_zones(
    zones: Iterable[ZoneFacts],
    *,
    search: str = "",
    country_code: str | None = None,
    is_live: bool | None = None,
    ordering: str = "code",
) -> list[ZoneFacts]:
    """Those that match, in order; equals by code. Raises KeyError for an ordering that is none."""
    found = [
        zone
        for zone in zones
        if zone.matches(search)
        and (country_code is None or zone.country_code == country_code)
        and (is_live is None or (zone.live_source is not None) is is_live)
    ]
    found.sort(key=lambda zone: zone.code)
    found.sort(key=ORDERINGS[ordering.removeprefix("-")], reverse=ordering.startswith("-"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class HourMean:
    """The mean of one source's readings in an hour, g CO2e/kWh, by the minutes that each covers."""

    starts_at: datetime
    intensity_g_per_kwh: float
    source: str
    kind: str
    scope: str


def hourly_means(readings: Iterable[StoredReading]) -> list[HourMean]:
    """The readings of the source and scope that has most of them, by hour, oldest first. None are mixed."""
    by_series: dict[tuple[str, str, str], list[StoredReading]] = defaultdict(list)
    for each in readings:
        by_series[each.source, each.kind, each.scope].append(each)
    if not by_series:
        return []
    (source, kind, scope), fullest = max(by_series.items(), key=lambda item: (len(item[1]), item[0]))
    by_hour: dict[datetime, list[StoredReading]] = defaultdict(list)
    for each in fullest:
        by_hour[each.starts_at.replace(minute=0, second=0, microsecond=0)].append(each)
    return [
        HourMean(
            starts_at=hour,
            intensity_g_per_kwh=fsum(each.intensity_g_per_kwh * each.period_minutes for each in found)
            / sum(each.period_minutes for each in found),
            source=source,
            kind=kind,
            scope=scope,
        )
        for hour, found in sorted(by_hour.items())
    ]
