"""Equal Earth, so that a region lands on the map that was drawn at development time.

Formula: Šavrič, Patterson and Jenny (2018), "The Equal Earth map projection", equations 1-3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
M = math.sqrt(3) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFrame:
    """Where the projected globe lies on the drawing, in units of its view box."""

    scale: float
    translate_x: float
    translate_y: float
    central_meridian_degrees: float


def project(longitude: float, latitude: float, frame: MapFrame) -> tuple[float, float]:
    """The point on the drawing of a place in degrees; y grows downwards."""
    turned = (longitude - frame.central_meridian_degrees + 180.0) % 360.0 - 180.0
    theta = math.asin(M * math.sin(math.radians(latitude)))
    squared = theta * theta
    sixth = squared**3
    x = math.radians(turned) * math.cos(theta) / (M * (A1 + 3 * A2 * squared + sixth * (7 * A3 + 9 * A4 * squared)))
    y = theta * (A1 + A2 * squared + sixth * (A3 + A4 * squared))
    return frame.translate_x + frame.scale * x, frame.translate_y - frame.scale * y
