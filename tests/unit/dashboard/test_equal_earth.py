from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.domain.equal_earth import MapFrame, project
from dashboard.presentation.world import get_world_map

RAW = json.loads((Path(__file__).parents[3] / "dashboard" / "data" / "world_map.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("probe", RAW["probes"], ids=lambda probe: f"{probe['lon']},{probe['lat']}")
def test_a_place_lands_where_d3_puts_it(probe: dict[str, float]) -> None:
    x, y = project(probe["lon"], probe["lat"], get_world_map().frame)
    assert x == pytest.approx(probe["x"], abs=0.01)
    assert y == pytest.approx(probe["y"], abs=0.01)


def test_north_is_up_and_east_is_right() -> None:
    frame = MapFrame(scale=100.0, translate_x=0.0, translate_y=0.0, central_meridian_degrees=0.0)
    assert project(0.0, 10.0, frame)[1] < project(0.0, -10.0, frame)[1]
    assert project(-10.0, 0.0, frame)[0] < project(10.0, 0.0, frame)[0]


def test_the_drawing_leaves_antarctica_out_and_keeps_everything_on_the_sheet() -> None:
    world = get_world_map()
    assert "010" not in {land.id for land in (*world.countries, *world.islands)}
    assert {"276", "840", "356"} <= {land.id for land in world.countries}
    assert all(0 <= isle.x <= world.width and 0 <= isle.y <= world.height for isle in world.islands)
