"""Which values of a source are believed. The others go to the quarantine with the reason and are used for nothing."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.signal import HIGHEST_PLAUSIBLE_G_PER_KWH, LOWEST_PLAUSIBLE_G_PER_KWH, Kind, Scope

LONGEST_PERIOD_MINUTES = 60
FURTHEST_AHEAD = timedelta(days=8)
"""Of a forecast: nobody forecasts a grid by the hour for longer, so a later time is an error of the source."""
JUMP_FACTOR = 3.0
JUMP_G_PER_KWH = 100.0
JUMP_WITHIN = timedelta(hours=2)
"""A reading is compared with the one before it, unless that is older than this."""
JUMPED = "jumped from"

Value = CollectedReading | CollectedForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A value that is not believed, and why."""

    value: Value
    reason: str

    @property
    def what(self) -> str:
        """The kind of row that it would have become."""
        return "reading" if isinstance(self.value, CollectedReading) else "forecast"

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.value.zone} {self.value.starts_at:%Y-%m-%d %H:%M}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is believed of a collection, and what is not. `problems` says what was left out of what is believed."""

    readings: tuple[CollectedReading, ...]
    forecasts: tuple[CollectedForecast, ...]
    doubts: tuple[Doubt, ...]
    problems: tuple[str, ...] = ()


def judge(collected: Collected, *, zones: Collection[str], archived_before: datetime, now: datetime) -> Judged:
    """Part what can be from what cannot. `zones` are those known; readings before `archived_before` are not at hand."""
    readings, forecasts, doubts, problems = [], [], [], []
    for reading in collected.readings:
        reason = _doubt(reading, zones) or _doubt_of_time(reading, archived_before, now)
        if reason:
            doubts.append(Doubt(value=reading, reason=reason))
        else:
            readings.append(reading)
    for forecast in collected.forecasts:
        if reason := _doubt(forecast, zones) or _doubt_of_reach(forecast, now):
            doubts.append(Doubt(value=forecast, reason=reason))
        elif _is_band(forecast):
            forecasts.append(forecast)
        else:
            forecasts.append(replace(forecast, low_g_per_kwh=None, high_g_per_kwh=None))
            problems.append(f"{forecast.zone} {forecast.starts_at:%Y-%m-%d %H:%M}: {_words_of_band(forecast)}")
    return Judged(readings=tuple(readings), forecasts=tuple(forecasts), doubts=tuple(doubts), problems=tuple(problems))


def can_be(intensity_g_per_kwh: float, *, kind: Kind, scope: Scope) -> bool:
    """Whether a grid can have this intensity. A chimney, or the plant at the margin, may emit nothing."""
    is_whole = kind == Kind.AVERAGE and scope == Scope.LIFECYCLE
    return (LOWEST_PLAUSIBLE_G_PER_KWH if is_whole else 0.0) <= intensity_g_per_kwh <= HIGHEST_PLAUSIBLE_G_PER_KWH


def jump(before_g_per_kwh: float, after_g_per_kwh: float) -> str:
    """Words for a step that is seldom real; empty where there is none."""
    low, high = sorted((before_g_per_kwh, after_g_per_kwh))
    if high - low <= JUMP_G_PER_KWH or high <= JUMP_FACTOR * low:
        return ""
    return f"{JUMPED} {before_g_per_kwh:.0f} to {after_g_per_kwh:.0f} g/kWh"


def _doubt(value: Value, zones: Collection[str]) -> str:
    """Why such a value cannot be, whenever it is; empty if it can."""
    if value.zone not in zones:
        return "the zone is not known"
    if not can_be(value.intensity_g_per_kwh, kind=value.kind, scope=value.scope):
        return f"{value.intensity_g_per_kwh:g} g/kWh cannot be"
    if not 1 <= value.period_minutes <= LONGEST_PERIOD_MINUTES:
        return f"a period of {value.period_minutes} minutes is not 1 to {LONGEST_PERIOD_MINUTES}"
    if value.starts_at.tzinfo is None or value.starts_at.timestamp() % (value.period_minutes * 60):
        return f"does not begin on a whole period of {value.period_minutes} minutes"
    shares = (value.renewable_share, value.carbon_free_share) if isinstance(value, CollectedReading) else ()
    if impossible := next((share for share in shares if share is not None and not _is_share(share)), None):
        return f"a share of {impossible * 100:g} % cannot be"
    return ""


def _is_share(share: float) -> bool:
    """Rounding may make a hair more than all of it."""
    return math.isfinite(share) and 0.0 <= share <= 1.001


def _is_band(forecast: CollectedForecast) -> bool:
    """Whether the value lies within its band; no band, or one that is open on a side, is one too."""
    low, high = forecast.low_g_per_kwh, forecast.high_g_per_kwh
    ends = [end for end in (low, high) if end is not None]
    value = forecast.intensity_g_per_kwh
    is_around = (low is None or low <= value) and (high is None or value <= high)
    return is_around and all(math.isfinite(end) and end >= 0.0 for end in ends)


def _words_of_band(forecast: CollectedForecast) -> str:
    low, high = forecast.low_g_per_kwh, forecast.high_g_per_kwh
    return f"the band of {low} to {high} around {forecast.intensity_g_per_kwh:g} g/kWh cannot be; it was left out"


def _doubt_of_reach(forecast: CollectedForecast, now: datetime) -> str:
    return f"lies more than {FURTHEST_AHEAD.days} days ahead" if forecast.starts_at > now + FURTHEST_AHEAD else ""


def _doubt_of_time(reading: CollectedReading, archived_before: datetime, now: datetime) -> str:
    if reading.starts_at > now + timedelta(minutes=reading.period_minutes):
        return "lies in the future"
    if reading.starts_at < archived_before:
        return "is of a period that is in the archive already"
    return ""
