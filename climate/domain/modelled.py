"""The modelled hour: what a grid probably emits in an hour when nobody measures it.

An hourly shape is built from what is known for certain (the yearly mix of sources, the sun's
elevation, a demand curve of the day) and scaled so that its mean over the year is the yearly value.
Weather is not known: wind is its seasonal mean. Deterministic; vectorised over zones and hours.
The measured error stands in `docs/methodology.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from climate.domain.factors import LIFECYCLE_G_PER_KWH
from climate.domain.signal import HIGHEST_PLAUSIBLE_G_PER_KWH, LOWEST_PLAUSIBLE_G_PER_KWH
from climate.domain.sun import local_solar_hour, sine_of_elevation

Array = npt.NDArray[np.float64]

SOURCES = ("coal", "gas", "oil", "nuclear", "hydro", "solar", "wind", "biofuel", "other_renewable")
COAL, GAS, OIL, NUCLEAR, HYDRO, SOLAR, WIND, BIOFUEL, OTHER = range(len(SOURCES))
RENEWABLE_COLUMNS = [HYDRO, SOLAR, WIND, BIOFUEL, OTHER]
FACTORS = np.array([LIFECYCLE_G_PER_KWH[source] for source in SOURCES])

DEMAND_BY_SOLAR_HOUR = np.array(
    [
        *(0.86, 0.83, 0.81, 0.80, 0.81, 0.85, 0.92, 1.00, 1.05, 1.07, 1.07, 1.07),
        *(1.07, 1.06, 1.05, 1.05, 1.06, 1.09, 1.12, 1.13, 1.10, 1.05, 0.98, 0.91),
    ]
)
"""Assumed: a day of mixed residential, office and industrial demand; low before dawn, highest in the evening."""
WEEKEND_DEMAND = 0.93
"""Assumed: demand of a Saturday or Sunday relative to a working day."""
DEMAND_MET_AT_HOME = 0.6
"""Fitted: share of the swing of demand that a zone's own plants follow; trade and storage take the rest."""
WINTER_WIND = 0.2
"""Fitted: seasonal swing of wind, at latitudes beyond 30 degrees only."""
LOWEST_HYDRO = 0.2
"""Assumed: hydro stays within this share of its yearly mean and as far above it."""
LOWEST_FOSSIL = 0.4
"""Fitted: fossil plants never fall below this share of their yearly mean (heat, reserve, minimum load)."""
MERIT_EXPONENTS = np.array([0.8, 1.2, 1.2])
"""Assumed: coal runs flatter than the fossil total, gas and oil follow it more than in proportion."""
SHAPE_TRUST = 0.7
"""Fitted: how much of the shape is kept. Weather that the model cannot know makes the whole shape too bold."""
DAYS_OF_YEAR = 365.0
_CALIBRATION_STEP_DAYS = 5
_NOTHING = 1e-9
_ROUNDING = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class GridYear:
    """What is known of a zone's year. `shares` by source sum to one; `yearly_g_per_kwh` is lifecycle."""

    latitude: float
    longitude: float
    shares: Mapping[str, float]
    yearly_g_per_kwh: float


@dataclass(frozen=True, slots=True)
class ModelledHours:
    """Intensity g/kWh, renewable and carbon-free share 0..1, each zones x hours."""

    intensity_g_per_kwh: Array
    renewable_share: Array
    carbon_free_share: Array


@dataclass(frozen=True, slots=True)
class _Grids:
    latitude: Array
    longitude: Array
    shares: Array
    yearly: Array

    @classmethod
    def of(cls, grids: Sequence[GridYear]) -> _Grids:
        return cls(
            latitude=np.array([grid.latitude for grid in grids]),
            longitude=np.array([grid.longitude for grid in grids]),
            shares=np.array([[grid.shares.get(source, 0.0) for source in SOURCES] for grid in grids]),
            yearly=np.array([grid.yearly_g_per_kwh for grid in grids]),
        )


@dataclass(frozen=True, slots=True)
class _Clock:
    """Hours as the formulas need them: hour of day UTC, angle of the year, day of the week."""

    hour_utc: Array
    day_angle: Array
    is_weekend: Array

    @classmethod
    def of(cls, hours: Sequence[datetime]) -> _Clock:
        # The middle of the hour stands for the hour.
        middles = [hour.astimezone(UTC) + timedelta(minutes=30) for hour in hours]
        return cls(
            hour_utc=np.array([m.hour + m.minute / 60 for m in middles]),
            day_angle=np.array([(m.timetuple().tm_yday - 1) * 2 * np.pi / DAYS_OF_YEAR for m in middles]),
            is_weekend=np.array([m.weekday() >= 5 for m in middles], dtype=float),
        )


class HourModel:
    """The model of some grids, calibrated once; ask it for any hours.

    Raises ValueError for a yearly value outside the plausible bounds or shares that do not sum to one.
    """

    def __init__(self, grids: Sequence[GridYear]):
        self._grids = _Grids.of(grids)
        self._check()
        year = _Clock.of(_calibration_hours())
        # Scale the sun first, so that solar's mean share is the published one.
        self._sun_mean = np.maximum(_sun(self._grids, year).mean(axis=1), _NOTHING)
        generation = self._generation(year)
        raw = _intensity(generation)
        self._raw_mean = raw.mean(axis=1)
        self._damping = self._largest_damping(raw / self._raw_mean[:, None])
        renewable, carbon_free = _clean_shares(generation)
        self._renewable_mean, self._carbon_free_mean = renewable.mean(axis=1), carbon_free.mean(axis=1)

    def at(self, hours: Sequence[datetime], *, rows: npt.NDArray[np.int_] | None = None) -> ModelledHours:
        """Every grid (or those of `rows`, by number) in every hour. Pass the beginnings of hours."""
        if rows is not None:
            return self._only(rows).at(hours)
        generation = self._generation(_Clock.of(hours))
        damping, shares = self._damping[:, None], self._grids.shares
        shape = _intensity(generation) / self._raw_mean[:, None]
        value = self._grids.yearly[:, None] * (1 + damping * (shape - 1))
        renewable, carbon_free = _clean_shares(generation)
        yearly_renewable = shares[:, RENEWABLE_COLUMNS].sum(axis=1)
        yearly_carbon_free = yearly_renewable + shares[:, NUCLEAR]

        def damped(hourly: Array, mean: Array, yearly: Array) -> Array:
            share: Array = np.clip(yearly[:, None] + damping * (hourly - mean[:, None]), 0.0, 1.0)
            return share

        return ModelledHours(
            intensity_g_per_kwh=np.clip(value, LOWEST_PLAUSIBLE_G_PER_KWH, HIGHEST_PLAUSIBLE_G_PER_KWH),
            renewable_share=damped(renewable, self._renewable_mean, yearly_renewable),
            carbon_free_share=damped(carbon_free, self._carbon_free_mean, yearly_carbon_free),
        )

    def _only(self, rows: npt.NDArray[np.int_]) -> HourModel:
        """The same model of fewer grids; calibration is per grid, so nothing is computed again."""
        chosen = copy(self)
        chosen._grids = _Grids(
            latitude=self._grids.latitude[rows],
            longitude=self._grids.longitude[rows],
            shares=self._grids.shares[rows],
            yearly=self._grids.yearly[rows],
        )
        for name in ("_sun_mean", "_raw_mean", "_damping", "_renewable_mean", "_carbon_free_mean"):
            setattr(chosen, name, getattr(self, name)[rows])
        return chosen

    def _check(self) -> None:
        yearly, sums = self._grids.yearly, self._grids.shares.sum(axis=1)
        if np.any((yearly < LOWEST_PLAUSIBLE_G_PER_KWH) | (yearly > HIGHEST_PLAUSIBLE_G_PER_KWH)):
            raise ValueError("a yearly value is outside the plausible bounds")
        if np.any(np.abs(sums - 1) > _ROUNDING):
            raise ValueError("the shares of a mix do not sum to one")

    def _largest_damping(self, shape: Array) -> Array:
        """How much of the shape is kept: SHAPE_TRUST, or what fits between the plausible bounds."""
        yearly = self._grids.yearly
        above = (HIGHEST_PLAUSIBLE_G_PER_KWH / yearly - 1) / np.maximum(shape.max(axis=1) - 1, _NOTHING)
        below = (1 - LOWEST_PLAUSIBLE_G_PER_KWH / yearly) / np.maximum(1 - shape.min(axis=1), _NOTHING)
        damping: Array = np.clip(np.minimum(above, below), 0.0, SHAPE_TRUST)
        return damping

    def _generation(self, clock: _Clock) -> Array:
        """Output by source relative to the mean total, zones x hours x sources."""
        shares = self._grids.shares
        solar = shares[:, SOLAR, None] * _sun(self._grids, clock) / self._sun_mean[:, None]
        wind = shares[:, WIND, None] * (1 + WINTER_WIND * _winter(self._grids, clock))
        steady = shares[:, [NUCLEAR, BIOFUEL, OTHER]].sum(axis=1)[:, None]
        left_open = _demand(self._grids, clock) - solar - wind - steady
        hydro_share, fossil_shares = shares[:, HYDRO, None], shares[:, COAL : OIL + 1]
        fossil_share = fossil_shares.sum(axis=1)[:, None]
        level = left_open / np.maximum(hydro_share + fossil_share, _NOTHING)
        hydro = hydro_share * np.clip(level, LOWEST_HYDRO, 2 - LOWEST_HYDRO)
        fossil_level = np.maximum((left_open - hydro) / np.maximum(fossil_share, _NOTHING), LOWEST_FOSSIL)
        # Without fossil plants there is nothing to follow: keep the powers below finite.
        fossil_level = np.where(fossil_share > 0, fossil_level, 1.0)
        generation = np.empty((*left_open.shape, len(SOURCES)))
        generation[:, :, COAL : OIL + 1] = fossil_shares[:, None, :] * fossil_level[:, :, None] ** MERIT_EXPONENTS
        generation[:, :, [NUCLEAR, BIOFUEL, OTHER]] = shares[:, None, [NUCLEAR, BIOFUEL, OTHER]]
        generation[:, :, HYDRO], generation[:, :, SOLAR], generation[:, :, WIND] = hydro, solar, wind
        return generation


def _calibration_hours() -> list[datetime]:
    """Every hour of every fifth day of a common year: 73 days meet every weekday and every height of the sun."""
    start = datetime(2023, 1, 1, tzinfo=UTC)
    days = range(0, 365, _CALIBRATION_STEP_DAYS)
    return [start + timedelta(days=day, hours=hour) for day in days for hour in range(24)]


def _intensity(generation: Array) -> Array:
    intensity: Array = generation @ FACTORS / generation.sum(axis=2)
    return intensity


def _clean_shares(generation: Array) -> tuple[Array, Array]:
    """Renewable and carbon-free share of each hour, 0..1."""
    total = generation.sum(axis=2)
    renewable = generation[:, :, RENEWABLE_COLUMNS].sum(axis=2) / total
    return renewable, renewable + generation[:, :, NUCLEAR] / total


def _sun(grids: _Grids, clock: _Clock) -> Array:
    solar_hour = local_solar_hour(clock.hour_utc, grids.longitude, clock.day_angle)
    sine: Array = np.maximum(sine_of_elevation(solar_hour, grids.latitude, clock.day_angle), 0.0)
    return sine


def _winter(grids: _Grids, clock: _Clock) -> Array:
    """1 in the middle of winter, -1 in the middle of summer, 0 within 30 degrees of the equator."""
    hemisphere = np.sign(grids.latitude) * (np.abs(grids.latitude) > 30.0)
    winter: Array = hemisphere[:, None] * np.cos(clock.day_angle - 2 * np.pi * 14 / DAYS_OF_YEAR)[None, :]
    return winter


def _demand(grids: _Grids, clock: _Clock) -> Array:
    """What the zone's own plants are asked for, relative to the yearly mean, zones x hours."""
    solar_hour = local_solar_hour(clock.hour_utc, grids.longitude, clock.day_angle)
    day = np.interp(solar_hour.ravel(), np.arange(25), np.append(DEMAND_BY_SOLAR_HOUR, DEMAND_BY_SOLAR_HOUR[0]))
    by_day = day.reshape(solar_hour.shape) / DEMAND_BY_SOLAR_HOUR.mean()
    by_week = np.where(clock.is_weekend > 0, WEEKEND_DEMAND, 1.0) / ((5 + 2 * WEEKEND_DEMAND) / 7)
    demand: Array = 1 + DEMAND_MET_AT_HOME * (by_day * by_week[None, :] - 1)
    return demand
