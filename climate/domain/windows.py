"""The greenest stretch of consecutive hours."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum


def mean_of_window(intensities_g_per_kwh: Sequence[float], start: int, duration_hours: int) -> float:
    """Mean intensity of `duration_hours` hours from index `start`, g CO2e/kWh."""
    return fsum(intensities_g_per_kwh[start : start + duration_hours]) / duration_hours


def greenest_start(intensities_g_per_kwh: Sequence[float], duration_hours: int) -> int:
    """Index at which the stretch with the least mean intensity begins; the earliest among equals.

    Raises ValueError if the duration is not between one hour and all of them.
    """
    if not 1 <= duration_hours <= len(intensities_g_per_kwh):
        raise ValueError("a window is between one hour and all of the hours")
    starts = range(len(intensities_g_per_kwh) - duration_hours + 1)
    return min(starts, key=lambda start: (mean_of_window(intensities_g_per_kwh, start, duration_hours), start))
