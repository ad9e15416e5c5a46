"""The drawing of the world, made by `deploy/map`, and where a place lies on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dashboard.domain.equal_earth import MapFrame, project

_FILE = Path(__file__).resolve().parent.parent / "data" / "world_map.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """A country on the map: a path, or a dot at x, y where it is too small to be drawn."""

    id: str
    name: str
    d: str = ""
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldMap:
    """The whole drawing. `id` of a country is its ISO 3166-1 numeric code, or its name without one."""

    width: int
    height: int
    frame: MapFrame
    graticule: str
    countries: tuple[Land, ...]
    islands: tuple[Land, ...]

    def place(self, longitude: float, latitude: float) -> tuple[str, str]:
        """Where a place in degrees lies on the drawing, as SVG numbers."""
        x, y = project(longitude, latitude, self.frame)
        return f"{x:.1f}", f"{y:.1f}"


@lru_cache(maxsize=1)
def get_world_map() -> WorldMap:
    """The drawing, read once per process."""
    raw = json.loads(_FILE.read_text(encoding="utf-8"))
    return WorldMap(
        width=raw["width"],
        height=raw["height"],
        frame=MapFrame(
            scale=raw["scale"],
            translate_x=raw["translate"][0],
            translate_y=raw["translate"][1],
            central_meridian_degrees=raw["central_meridian"],
        ),
        graticule=raw["graticule"],
        countries=tuple(Land(**country) for country in raw["countries"]),
        islands=tuple(Land(**island) for island in raw["islands"]),
    )
