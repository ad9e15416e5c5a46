"""Grids that behave in a way a test can reason about."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from climate.domain.forecast import HORIZON_HOURS, Place, Prior, Trace
from climate.domain.forecast.features import FEATURES

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
MADRID = Place(latitude=40.4, longitude=-3.7)


def constant(days: int = 40, value: float = 300.0, **more) -> Trace:
    return Trace(first_hour=MONDAY, values=np.full(days * 24, value), **more)


def daily(days: int = 40, **more) -> Trace:
    """The same sine curve every day, 200 to 400 g/kWh."""
    return Trace(first_hour=MONDAY, values=300 + 100 * np.sin(np.arange(days * 24) * 2 * np.pi / 24), **more)


def wild(days: int = 60, seed: int = 1, place: Place | None = MADRID) -> Trace:
    """A day's curve under weather that lasts for about a day."""
    steps = np.random.default_rng(seed).normal(0, 0.03, days * 24)
    weather = np.zeros(days * 24)
    for hour in range(1, days * 24):
        weather[hour] = 0.97 * weather[hour - 1] + steps[hour]
    return Trace(first_hour=MONDAY, values=daily(days).values * np.exp(weather), place=place)


def prior(**weights: float) -> Prior:
    """The same weights for every hour ahead; features that are not named weigh nothing."""
    row = np.array([weights.get(name, 0.0) for name in FEATURES])
    return Prior(
        weights=np.tile(row, (HORIZON_HOURS, 1)), low=np.full(HORIZON_HOURS, -1.0), high=np.full(HORIZON_HOURS, 1.0)
    )
