from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from climate.domain.latency import Band, reach_km

SHIPPED = Path(__file__).parents[3] / "climate" / "data" / "latency_bands.csv"
ROWS = list(csv.DictReader(SHIPPED.open(encoding="utf-8")))
BANDS = [Band(distance_km=float(row["distance_km"]), round_trip_ms=float(row["round_trip_ms"])) for row in ROWS]


def test_the_shipped_table_follows_from_light_in_fibre_and_says_so():
    for row, band in zip(ROWS, BANDS, strict=True):
        assert band.round_trip_ms == pytest.approx(4 + 2 * band.distance_km * 1.7 / 200, abs=0.051)
        assert row["unit"] == "ms"
        assert "200 km/ms" in row["source"]


@given(st.sampled_from(range(len(BANDS))))
def test_a_point_of_the_table_comes_back(index):
    assert reach_km(BANDS[index].round_trip_ms, BANDS) == pytest.approx(BANDS[index].distance_km)


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_a_longer_time_never_stands_for_a_shorter_distance(one, other):
    near, far = (reach_km(ms, BANDS) for ms in sorted((one, other)))
    assert near is not None
    assert far is not None
    assert 0 <= near <= far


def test_between_points_the_line_is_straight_and_beyond_the_last_it_goes_on():
    table = [Band(distance_km=0, round_trip_ms=4), Band(distance_km=1000, round_trip_ms=24)]
    assert reach_km(14, table) == 500
    assert reach_km(44, table) == 2000
    assert reach_km(1, table) == 0


def test_a_table_that_says_nothing_gives_no_distance():
    assert reach_km(20, []) is None
    assert reach_km(20, [Band(distance_km=0, round_trip_ms=4)]) is None
    assert reach_km(20, [Band(distance_km=0, round_trip_ms=4), Band(distance_km=10, round_trip_ms=4)]) is None
