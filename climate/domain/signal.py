"""What is known about a grid in an hour, and how well it is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LOWEST_PLAUSIBLE_G_PER_KWH = 10.0
HIGHEST_PLAUSIBLE_G_PER_KWH = 1300.0
WORLD_AVERAGE_G_PER_KWH = 480.0
DEFAULT_MAXIMUM_AGE_MINUTES = 90
OWN_FORECAST_SOURCE = "commonwatt"
"""The source of forecasts that Commonwatt makes itself from the readings there are."""


class Basis(StrEnum):
    """The step of the ladder a value came from, best first. SIMULATED is a caller's what-if."""

    LIVE = "live"
    FORECAST = "forecast"
    OWN_FORECAST = "own_forecast"
    MODELLED = "modelled"
    YEARLY_ZONE = "yearly_zone"
    YEARLY_COUNTRY = "yearly_country"
    WORLD = "world"
    SIMULATED = "simulated"


class Kind(StrEnum):
    """Average and marginal intensities answer different questions and are never mixed."""

    AVERAGE = "average"
    MARGINAL = "marginal"


class Scope(StrEnum):
    """Lifecycle counts building and fuel supply, direct counts the chimney; never mixed."""

    LIFECYCLE = "lifecycle"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Carbon intensity of a zone in one period, with everything needed to trust or doubt it.

    Intensities in g CO2e/kWh, shares 0..1, `None` is unknown. `as_of` is when the source last
    said so; `measured_until` is the end of the newest measured period that was used, None for what
    was not measured; `skipped` says, best rung first, why no better rung of the ladder was taken.
    """

    zone: str
    starts_at: datetime
    period_minutes: int
    intensity_g_per_kwh: float
    basis: Basis
    source: str
    as_of: datetime
    kind: Kind = Kind.AVERAGE
    scope: Scope = Scope.LIFECYCLE
    low_g_per_kwh: float | None = None
    high_g_per_kwh: float | None = None
    renewable_share: float | None = None
    carbon_free_share: float | None = None
    flags: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    measured_until: datetime | None = None

    @property
    def dated_at(self) -> datetime:
        """What its age counts from: the end of what was measured, else when the source said it."""
        return self.measured_until or self.as_of
