"""What a connector brings back: values in the project's own units, and what it had to leave out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from climate.domain.alerts import CollectedAlert
from climate.domain.signal import Kind, Scope


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
