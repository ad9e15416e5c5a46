"""Where the sun stands. Spencer (1971): declination and equation of time; good to about half a degree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
DAYS_OF_YEAR = 365.0


def sines_at(seconds: Array, *, latitude: float, longitude: float) -> Array:
    """Sine of the sun's elevation, -1..1, at moments in seconds since 1970 at one place, degrees."""
    days = seconds / 86_400
    year_starts = days.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.float64)
    day_angle = (np.floor(days) - year_starts) * (2 * np.pi / DAYS_OF_YEAR)
    solar_hour = local_solar_hour(days % 1.0 * 24.0, np.array([longitude]), day_angle)
    sines: Array = sine_of_elevation(solar_hour, np.array([latitude]), day_angle)[0]
    return sines


def local_solar_hour(hour_utc: Array, longitude: Array, day_angle: Array) -> Array:
    """Hour of the sun's own clock (12 is noon), of shape zones x hours."""
    minutes = 229.18 * (
        0.000075
        + 0.001868 * np.cos(day_angle)
        - 0.032077 * np.sin(day_angle)
        - 0.014615 * np.cos(2 * day_angle)
        - 0.040849 * np.sin(2 * day_angle)
    )
    hours: Array = (hour_utc[None, :] + longitude[:, None] / 15.0 + minutes[None, :] / 60.0) % 24.0
    return hours


def sine_of_elevation(solar_hour: Array, latitude: Array, day_angle: Array) -> Array:
    """Sine of the sun's elevation, -1..1; `solar_hour` of shape zones x hours, degrees of latitude per zone."""
    declination = (
        0.006918
        - 0.399912 * np.cos(day_angle)
        + 0.070257 * np.sin(day_angle)
        - 0.006758 * np.cos(2 * day_angle)
        + 0.000907 * np.sin(2 * day_angle)
    )
    phi = np.radians(latitude)[:, None]
    hour_angle = (solar_hour - 12.0) * (np.pi / 12.0)
    sine: Array = np.sin(phi) * np.sin(declination)[None, :] + np.cos(phi) * np.cos(declination)[None, :] * np.cos(
        hour_angle
    )
    return sine
