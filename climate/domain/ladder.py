"""The ladder: the best that is known of a zone's hour, and why nothing better was.

Live reading, provider's forecast, own forecast, modelled hour, yearly value of the zone, yearly
value of the country, world. Kinds and scopes never mix: every rung is average and lifecycle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import fsum
from typing import TypeVar

from climate.domain.estimates import modelled_signal, world_signal, yearly_signal
from climate.domain.observations import Expectation, Modelled, Reading, YearValue
from climate.domain.overlap import Told, counted_minutes
from climate.domain.preference import preferred, rank
from climate.domain.signal import OWN_FORECAST_SOURCE, Basis, Signal

HOUR = timedelta(hours=1)
OLD_FORECAST = timedelta(hours=12)
Said = TypeVar("Said", Reading, Expectation)
OWN_FORECAST_NEEDS_READING_WITHIN = timedelta(hours=2)
"""Own forecasts start from the last measured hour; with an older one none is made."""
OWN_FORECAST_REACH = timedelta(hours=96)
LEAST_COVERED_MINUTES = 30
"""Of an hour; a preferred source that covers less gives way to one that covers more."""


class Heard:
    """What sources said of one zone, sorted into hours once, however many hours are asked for."""

    def __init__(self, readings: Sequence[Reading] = (), expectations: Sequence[Expectation] = ()):
        self._readings = readings
        self._newest_end = max((each.ends_at for each in readings), default=None)
        self._readings_of = _by_hour(readings)
        self._expectations_of = _by_hour(expectations)

    def readings_of(self, hour: datetime) -> Sequence[Reading]:
        """Those of periods that began in the hour."""
        return self._readings_of.get(hour, ())

    def expectations_of(self, hour: datetime) -> Sequence[Expectation]:
        """Those of periods that begin in the hour."""
        return self._expectations_of.get(hour, ())

    def fresh_readings(self, *, oldest_end: datetime, now: datetime) -> list[Reading]:
        """Those of periods that have begun and did not end before `oldest_end`."""
        return [each for each in self._readings if each.starts_at <= now and each.ends_at >= oldest_end]

    def has_reading_since(self, oldest_end: datetime) -> bool:
        """Whether any period ended then or later."""
        return self._newest_end is not None and self._newest_end >= oldest_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything known of one zone's hour, whatever the rung."""

    heard: Heard = field(default_factory=Heard)
    modelled: Modelled | None = None
    not_modelled_because: str = ""
    zone_year: YearValue | None = None
    country_year: YearValue | None = None
    other_scopes: frozenset[str] = field(default_factory=frozenset)


def floor_hour(at: datetime) -> datetime:
    """The beginning of the hour that holds `at`."""
    return at.replace(minute=0, second=0, microsecond=0)


def _by_hour(said: Sequence[Said]) -> dict[datetime, list[Said]]:
    found: dict[datetime, list[Said]] = defaultdict(list)
    for each in said:
        found[floor_hour(each.starts_at.astimezone(UTC))].append(each)
    return found


def climb(zone: str, hour: datetime, known: Known, *, now: datetime, maximum_age_minutes: float) -> Signal:
    """The best Signal for `hour` (its beginning), as of `now`."""
    skipped: list[str] = []
    live = _live(zone, hour, known.heard, now, maximum_age_minutes, skipped)
    if live is not None:
        return live
    expected = known.heard.expectations_of(hour)
    providers = [each for each in expected if each.source != OWN_FORECAST_SOURCE]
    forecast = _forecast(zone, hour, Basis.FORECAST, providers, now, skipped)
    if forecast is not None:
        return forecast
    skipped.append(f"forecast: {_why_no_forecast(known)}")
    own = [each for each in expected if each.source == OWN_FORECAST_SOURCE]
    forecast = _forecast(zone, hour, Basis.OWN_FORECAST, own, now, skipped)
    if forecast is not None:
        return forecast
    skipped.append(f"own forecast: {_why_no_own_forecast(hour, known, now)}")
    return _estimate(zone, hour, known, now, skipped)


def _estimate(zone: str, hour: datetime, known: Known, now: datetime, skipped: list[str]) -> Signal:
    """The best of the rungs of which nobody said anything about this very hour."""
    if known.modelled is not None:
        return modelled_signal(zone, hour, known.modelled, now, skipped)
    skipped.append(f"modelled: {known.not_modelled_because or 'the zone is not modelled'}")
    for basis, value, words in (
        (Basis.YEARLY_ZONE, known.zone_year, "yearly value of the zone"),
        (Basis.YEARLY_COUNTRY, known.country_year, "yearly value of the country"),
    ):
        if value is not None and value.intensity_g_per_kwh is not None:
            return yearly_signal(zone, hour, basis, value, value.intensity_g_per_kwh, now, skipped)
        skipped.append(f"{words}: {(value.flag if value else '') or 'none is known'}")
    return world_signal(zone, hour, now, skipped)


def _live(
    zone: str, hour: datetime, heard: Heard, now: datetime, maximum_age_minutes: float, why: list[str]
) -> Signal | None:
    if hour > now:
        why.append("live: this hour has not come yet")
        return None
    if hour + HOUR <= now:
        found = _preferred_source(heard.readings_of(hour))
        if not found:
            why.append("live: no source reported this hour")
            return None
    else:
        oldest_end = now - timedelta(minutes=maximum_age_minutes)
        fresh = heard.fresh_readings(oldest_end=oldest_end, now=now)
        if not fresh:
            why.append(f"live: no reading of the last {maximum_age_minutes:g} minutes")
            return None
        newest = max(each.starts_at for each in fresh)
        found = [min((each for each in fresh if each.starts_at == newest), key=lambda each: rank(each.source))]
    return _of_readings(zone, hour, found, is_over=hour + HOUR <= now)


def _of_readings(zone: str, hour: datetime, found: Sequence[Reading], *, is_over: bool) -> Signal:
    counted = counted_minutes([Told(each.starts_at, each.ends_at, each.received_at) for each in found])
    weighed = [(each, minutes) for each, minutes in zip(found, counted, strict=True) if minutes]
    found, minutes = [each for each, _ in weighed], sum(counted)
    flags = {each.flag for each in found if each.flag}
    if is_over and minutes < 60:
        flags.add(f"readings cover {minutes:g} of 60 minutes")
    # A period that is not over yet was measured no further than to when it was heard of.
    measured_until = max(min(each.ends_at, each.received_at) for each in found)
    if not is_over and measured_until <= hour:
        flags.add(f"carried over from the period that ended {measured_until.astimezone(UTC):%H:%M} UTC")
    return Signal(
        zone=zone,
        starts_at=hour,
        period_minutes=60,
        intensity_g_per_kwh=fsum(each.intensity_g_per_kwh * part for each, part in weighed) / minutes,
        basis=Basis.LIVE,
        source=found[0].source,
        as_of=max(each.received_at for each in found),
        measured_until=measured_until,
        renewable_share=_mean([each.renewable_share for each in found]),
        carbon_free_share=_mean([each.carbon_free_share for each in found]),
        flags=tuple(sorted(flags)),
    )


def _why_no_forecast(known: Known) -> str:
    if known.other_scopes:
        return f"only one of {' and '.join(sorted(known.other_scopes))} emissions, which is not mixed"
    return "no provider covers this hour"


def _why_no_own_forecast(hour: datetime, known: Known, now: datetime) -> str:
    if hour > now + OWN_FORECAST_REACH:
        return f"it reaches {OWN_FORECAST_REACH / HOUR:.0f} hours ahead"
    if hour + HOUR <= now:
        return "none was made of this hour"
    oldest_end = now - OWN_FORECAST_NEEDS_READING_WITHIN
    if known.heard.has_reading_since(oldest_end):
        return "not made yet: it needs 48 measured hours of the last four weeks"
    return f"no reading of the last {OWN_FORECAST_NEEDS_READING_WITHIN / HOUR:.0f} hours to start from"


def _forecast(
    zone: str, hour: datetime, basis: Basis, expectations: Sequence[Expectation], now: datetime, why: Sequence[str]
) -> Signal | None:
    newest: dict[tuple[str, datetime], Expectation] = {}
    for each in sorted(expectations, key=lambda one: one.issued_at):
        newest[each.source, each.starts_at] = each
    if not newest:
        return None
    found = _preferred_source(list(newest.values()))
    issued_at = min(each.issued_at for each in found)
    age = now - issued_at
    flags = {each.flag for each in found if each.flag}
    if age > OLD_FORECAST:
        flags.add(f"forecast issued {age / HOUR:.0f} hours ago")
    return Signal(
        zone=zone,
        starts_at=hour,
        period_minutes=60,
        intensity_g_per_kwh=fsum(each.intensity_g_per_kwh for each in found) / len(found),
        basis=basis,
        source=found[0].source,
        as_of=issued_at,
        low_g_per_kwh=_mean([each.low_g_per_kwh for each in found]),
        high_g_per_kwh=_mean([each.high_g_per_kwh for each in found]),
        flags=tuple(sorted(flags)),
        skipped=tuple(why),
    )


def _preferred_source(said: Sequence[Said]) -> list[Said]:
    """What the most preferred source said of an hour; sources are never averaged with each other.

    One that covers less than half of the hour counts only where none covers more.
    """
    by_source: dict[str, list[Said]] = defaultdict(list)
    for each in said:
        by_source[each.source].append(each)
    minutes = {source: sum(each.period_minutes for each in found) for source, found in by_source.items()}
    enough = min(LEAST_COVERED_MINUTES, max(minutes.values(), default=0))
    return by_source[preferred(source for source in by_source if minutes[source] >= enough)] if by_source else []


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known and len(known) == len(values) else None
