"""Measured hours of a zone, with what is known of any hour beforehand: the sun and the day of the week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from climate.domain.sun import sines_at

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
HORIZON_HOURS = 96
"""What is promised, learnt from and scored."""
REACH_HOURS = HORIZON_HOURS + 4
"""What is computed: forecasts begin at the first unmeasured hour, up to three before the running one."""
SATURDAY = 5
THURSDAY = 3
"""Day of the week on which the epoch of 1970 began, Monday being 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a zone is, degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Hourly means of a zone from `first_hour` (UTC) on, g CO2e/kWh; NaN where nothing was measured.

    Without a place the sun is left out and the week is that of UTC.
    """

    first_hour: datetime
    values: Array
    place: Place | None = None

    @cached_property
    def logarithms(self) -> Array:
        """Natural logarithms of the values."""
        logarithms: Array = np.log(self.values)
        return logarithms

    @cached_property
    def sun(self) -> Array:
        """Sine of the sun's elevation in the middle of the hour, 0 at night; as far as a forecast may reach."""
        if self.place is None:
            return np.zeros(len(self._seconds))
        sines = sines_at(self._seconds, latitude=self.place.latitude, longitude=self.place.longitude)
        above: Array = np.maximum(sines, 0.0)
        return above

    @cached_property
    def is_weekend(self) -> Mask:
        """Whether the hour lies in a Saturday or Sunday of the sun's own calendar there."""
        local = self._seconds + (self.place.longitude * 240.0 if self.place else 0.0)
        weekend: Mask = (np.floor(local / 86_400) + THURSDAY) % 7 >= SATURDAY
        return weekend

    @cached_property
    def _seconds(self) -> Array:
        """Middles of the hours, seconds since 1970, to the end of the farthest forecast."""
        first = self.first_hour.astimezone(UTC).timestamp() + 1800
        return first + 3600.0 * np.arange(len(self.values) + REACH_HOURS, dtype=np.float64)
