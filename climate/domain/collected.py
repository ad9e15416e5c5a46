"""What a connector brings back: values in the project's own units, and what it had to leave out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from climate.domain.alerts import CollectedAlert
from climate.domain.signal import HIGHEST_PLAUSIBLE_G_PER_KWH, LOWEST_PLAUSIBLE_G_PER_KWH, Kind, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedReading:
    """Intensity of a zone in a past or present period, g CO2e/kWh; shares 0..1, None unknown.

    `flag` says in words what a reader must know, for example that the source estimated the value.
    """

    zone: str
    starts_at: datetime
    period_minutes: int
    intensity_g_per_kwh: float
    scope: Scope
    kind: Kind = Kind.AVERAGE
    renewable_share: float | None = None
    carbon_free_share: float | None = None
    flag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedForecast:
    """Intensity a source expects of a zone in a coming period, g CO2e/kWh.

    `issued_at` None: the source does not say; the time of asking is taken. `low` and `high` bound
    what it expects in 80 % of the cases, where it says so.
    """

    zone: str
    starts_at: datetime
    period_minutes: int
    intensity_g_per_kwh: float
    scope: Scope
    kind: Kind = Kind.AVERAGE
    issued_at: datetime | None = None
    low_g_per_kwh: float | None = None
    high_g_per_kwh: float | None = None
    flag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One collection of one source. `problems` says in words what could not be had or not be believed."""

    readings: tuple[CollectedReading, ...] = ()
    forecasts: tuple[CollectedForecast, ...] = ()
    alerts: tuple[CollectedAlert, ...] = ()
    is_complete_alert_list: bool = False
    """Whether `alerts` are all events the feed holds current, so that one left out is over."""
    problems: tuple[str, ...] = ()

    def plus(self, other: Collected) -> Collected:
        """Both together."""
        return Collected(
            readings=self.readings + other.readings,
            forecasts=self.forecasts + other.forecasts,
            alerts=self.alerts + other.alerts,
            is_complete_alert_list=self.is_complete_alert_list or other.is_complete_alert_list,
            problems=self.problems + other.problems,
        )


def is_plausible(intensity_g_per_kwh: float) -> bool:
    """Whether a grid can have this average intensity; NaN cannot."""
    return LOWEST_PLAUSIBLE_G_PER_KWH <= intensity_g_per_kwh <= HIGHEST_PLAUSIBLE_G_PER_KWH


def without_implausible(collected: Collected) -> Collected:
    """The same without values that no grid has; each one left out becomes a problem in words."""
    readings = tuple(each for each in collected.readings if is_plausible(each.intensity_g_per_kwh))
    forecasts = tuple(each for each in collected.forecasts if is_plausible(each.intensity_g_per_kwh))
    said: list[CollectedReading | CollectedForecast] = [*collected.readings, *collected.forecasts]
    left_out = [
        f"{each.zone} {each.starts_at:%Y-%m-%d %H:%M}: {each.intensity_g_per_kwh:g} g/kWh cannot be"
        for each in said
        if not is_plausible(each.intensity_g_per_kwh)
    ]
    return replace(collected, readings=readings, forecasts=forecasts, problems=(*collected.problems, *left_out))
