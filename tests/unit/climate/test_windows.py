from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from climate.domain.signal import Basis, Signal
from climate.domain.windows import best_starts, greenest_start, mean_of_window, saving_of, stretch_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def hour(index: int, value: float, *, band: float | None = None, basis: Basis = Basis.OWN_FORECAST) -> Signal:
    return Signal(
        zone="DE",
        starts_at=NOON + timedelta(hours=index),
        period_minutes=60,
        intensity_g_per_kwh=value,
        basis=basis,
        source="test",
        as_of=NOON,
        low_g_per_kwh=None if band is None else value - band,
        high_g_per_kwh=None if band is None else value + band,
    )


def test_the_greenest_window_has_the_least_mean_and_is_the_earliest_of_equals():
    assert greenest_start([5, 1, 9, 1, 2, 1, 2], 2) == 3
    assert greenest_start([5, 1, 9], 1) == 1
    assert mean_of_window([5, 1, 9], 0, 3) == 5


@pytest.mark.parametrize("duration", [0, 4])
def test_a_window_longer_than_the_hours_or_empty_is_refused(duration):
    with pytest.raises(ValueError, match="window"):
        greenest_start([1, 2, 3], duration)
    with pytest.raises(ValueError, match="window"):
        best_starts({"a": [1, 2, 3]}, duration, 1)


def test_the_best_windows_of_all_regions_share_no_hour_of_a_region():
    hours = {"a": [1, 1, 1, 9], "b": [2, 2, 9, 9]}
    assert best_starts(hours, 2, 3) == [("a", 0), ("b", 0), ("a", 2)]


@given(
    hours=st.dictionaries(
        st.sampled_from("abc"), st.lists(st.floats(10, 1300), min_size=6, max_size=12), min_size=1, max_size=3
    ),
    duration=st.integers(1, 6),
    count=st.integers(1, 8),
)
def test_best_windows_never_overlap_come_greenest_first_and_begin_with_the_greenest_of_all(hours, duration, count):
    found = best_starts(hours, duration, count)
    means = [mean_of_window(hours[region], start, duration) for region, start in found]
    assert means == sorted(means)
    taken = [(region, start + step) for region, start in found for step in range(duration)]
    assert len(taken) == len(set(taken))
    assert means[0] == min(
        mean_of_window(values, greenest_start(values, duration), duration) for values in hours.values()
    )


def test_a_window_has_the_mean_of_its_hours_lows_and_highs():
    found = stretch_of([hour(0, 200, band=20), hour(1, 300, band=40)])
    assert (found.low_g_per_kwh, found.mean_g_per_kwh, found.high_g_per_kwh) == (220, 250, 280)
    assert (found.starts_at, found.ends_at) == (NOON, NOON + timedelta(hours=2))


def test_one_hour_without_a_range_leaves_the_range_of_the_window_unknown():
    found = stretch_of([hour(0, 200, band=20), hour(1, 300, basis=Basis.FORECAST)])
    assert (found.low_g_per_kwh, found.high_g_per_kwh) == (None, None)


def test_a_reported_hour_is_its_own_range():
    found = stretch_of([hour(0, 200, basis=Basis.LIVE), hour(1, 300, band=40)])
    assert (found.low_g_per_kwh, found.high_g_per_kwh) == (230, 270)
    assert found.bases == ("live", "own_forecast")


def test_the_lowest_saving_is_the_window_at_its_highest_against_now_at_its_lowest():
    now, window = stretch_of([hour(0, 400, band=40)]), stretch_of([hour(5, 200, band=50)])
    saving = saving_of(window, against=now)
    assert (saving.percent, saving.g_per_kwh) == (50, 200)
    assert saving.low_g_per_kwh == 360 - 250
    assert saving.high_g_per_kwh == 440 - 150
    assert saving.low_percent == pytest.approx(100 * 110 / 360)
    assert saving.high_percent == pytest.approx(100 * 290 / 440)


def test_a_saving_with_an_unknown_end_has_no_range_and_a_worse_window_saves_less_than_nothing():
    now, window = stretch_of([hour(0, 400, basis=Basis.FORECAST)]), stretch_of([hour(5, 500, band=50)])
    saving = saving_of(window, against=now)
    assert saving.percent == -25
    assert (saving.low_percent, saving.high_percent, saving.low_g_per_kwh) == (None, None, None)


def test_a_window_that_is_now_saves_exactly_nothing():
    now = stretch_of([hour(0, 400, band=40)])
    saving = saving_of(now, against=now)
    assert (saving.percent, saving.low_percent, saving.high_percent) == (0, 0, 0)
