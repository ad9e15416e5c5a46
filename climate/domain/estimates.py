"""Signals of hours that nobody measured or forecast: modelled, a yearly value, the world's mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from climate.domain.observations import Modelled, YearValue
from climate.domain.signal import (
    HIGHEST_PLAUSIBLE_G_PER_KWH,
    LOWEST_PLAUSIBLE_G_PER_KWH,
    WORLD_AVERAGE_G_PER_KWH,
    Basis,
    Signal,
)

WORLD_SOURCE = "Ember, world average of 2023"
WORLD_KNOWN_SINCE = datetime(2024, 1, 1, tzinfo=UTC)
MODELLED_RANGE = (0.55, 1.28)
"""Measured: the true hour lies between these multiples of the modelled one in 82-86 % of the hours."""
YEARLY_RANGE = (0.52, 1.30)
"""Measured: the true hour lies between these multiples of the yearly value in at least 80 % of the hours."""


def modelled_signal(zone: str, hour: datetime, modelled: Modelled, now: datetime, why: Sequence[str]) -> Signal:
    """Of a modelled hour, with the range in which most true hours lay."""
    low, high = _around(modelled.intensity_g_per_kwh, MODELLED_RANGE)
    return Signal(
        zone=zone,
        starts_at=hour,
        period_minutes=60,
        intensity_g_per_kwh=modelled.intensity_g_per_kwh,
        basis=Basis.MODELLED,
        source=modelled.source,
        as_of=min(modelled.known_since, now),
        low_g_per_kwh=low,
        high_g_per_kwh=high,
        renewable_share=modelled.renewable_share,
        carbon_free_share=modelled.carbon_free_share,
        skipped=tuple(why),
    )


def yearly_signal(
    zone: str, hour: datetime, basis: Basis, value: YearValue, intensity: float, now: datetime, why: Sequence[str]
) -> Signal:
    """Of a yearly value, with the range in which most true hours lay."""
    low, high = _around(intensity, YEARLY_RANGE)
    return Signal(
        zone=zone,
        starts_at=hour,
        period_minutes=60,
        intensity_g_per_kwh=intensity,
        basis=basis,
        source=value.source,
        as_of=min(value.known_since, now),
        low_g_per_kwh=low,
        high_g_per_kwh=high,
        renewable_share=value.renewable_share,
        carbon_free_share=value.carbon_free_share,
        flags=(value.flag,) if value.flag else (),
        skipped=tuple(why),
    )


def world_signal(zone: str, hour: datetime, now: datetime, why: Sequence[str]) -> Signal:
    """Of the world's mean, the last resort."""
    return Signal(
        zone=zone,
        starts_at=hour,
        period_minutes=60,
        intensity_g_per_kwh=WORLD_AVERAGE_G_PER_KWH,
        basis=Basis.WORLD,
        source=WORLD_SOURCE,
        as_of=min(WORLD_KNOWN_SINCE, now),
        skipped=tuple(why),
    )


def _around(central: float, multiples: tuple[float, float]) -> tuple[float, float]:
    low, high = (central * multiple for multiple in multiples)
    return (
        min(central, max(low, LOWEST_PLAUSIBLE_G_PER_KWH)),
        max(central, min(high, HIGHEST_PLAUSIBLE_G_PER_KWH)),
    )
