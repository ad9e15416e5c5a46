"""The forecast of exhaustion, and a backtest of its band on series of four tempers."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from math import log, pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.exhaustion import (
    HISTORY_HOURS,
    Burn,
    Outlook,
    SpendSlice,
    burn_of,
    burnt,
    busy_hours,
    cross,
    hours_before,
    outlook_of,
)

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AHEAD = 400
TRIALS = 120


def steady(draw: random.Random, hours: int) -> list[float]:
    return [draw.lognormvariate(log(1000), 0.4) for _ in range(hours)]


def daily(draw: random.Random, hours: int) -> list[float]:
    return [1000 * (1 + sin(2 * pi * hour / 24)) * draw.lognormvariate(0, 0.5) for hour in range(hours)]


def in_bursts(draw: random.Random, hours: int) -> list[float]:
    """Busy for six hours in the mean, then quiet for ten."""
    is_busy, spent = True, []
    for _ in range(hours):
        if draw.random() < (1 / 6 if is_busy else 1 / 10):
            is_busy = not is_busy
        quiet = 0.0 if draw.random() < 0.7 else 50.0
        spent.append(draw.lognormvariate(log(1000), 0.8) if is_busy else quiet)
    return spent


def rare(draw: random.Random, hours: int) -> list[float]:
    return [draw.lognormvariate(log(5000), 1) if draw.random() < 0.12 else 0.0 for _ in range(hours)]


def burn(spent: list[float]) -> Burn:
    return burn_of(spent, busy=sum(each > 0 for each in spent))


def hours_until(spent: list[float], room: float) -> float | None:
    before = 0.0
    for hour, each in enumerate(spent):
        if before + each >= room:
            return hour + (room - before) / each
        before += each
    return None


@cache
def backtest(series: Callable[[random.Random, int], list[float]], *, mean_hours: int) -> tuple[float, float]:
    """Share of true hours within the band, and the median relative error of the central hour."""
    draw, inside, errors = random.Random(20261121), [], []
    for _ in range(TRIALS):
        spent = series(draw, HISTORY_HOURS + AHEAD)
        room = mean_hours * sum(spent) / len(spent)
        true = hours_until(spent[HISTORY_HOURS:], room)
        told = cross(burn(spent[HISTORY_HOURS - 1 :: -1]), room=room, leaving=[], hours=AHEAD)
        assert told.central is not None
        if true is None:
            continue
        earliest = told.earliest if told.earliest is not None else AHEAD
        latest = told.latest if told.latest is not None else AHEAD
        inside.append(earliest <= true <= latest)
        errors.append(abs(told.central - true) / true)
    return sum(inside) / len(inside), sorted(errors)[len(errors) // 2]


@pytest.mark.parametrize("mean_hours", [6, 24, 72])
@pytest.mark.parametrize("series", [steady, daily, in_bursts, rare])
def test_the_band_holds_the_true_hour_in_most_cases(series, mean_hours):
    share, _ = backtest(series, mean_hours=mean_hours)
    assert 0.65 <= share <= 1.0


def test_over_all_tempers_the_band_holds_about_what_it_is_meant_to():
    shares = [backtest(each, mean_hours=hours)[0] for each in (steady, daily, in_bursts, rare) for hours in (6, 24, 72)]
    assert 0.75 <= sum(shares) / len(shares) <= 0.92


@pytest.mark.parametrize(("series", "most"), [(steady, 0.10), (daily, 0.20), (in_bursts, 0.60)])
def test_the_central_hour_is_near_where_spending_is_regular(series, most):
    assert backtest(series, mean_hours=24)[1] <= most


def test_a_slice_is_spread_over_the_hours_it_lies_in():
    clock_hour = SpendSlice(starts_at=NOW - timedelta(minutes=80), seconds=3600, spent=600)
    running = SpendSlice(starts_at=NOW - timedelta(minutes=20), seconds=3600, spent=100)
    spent = hours_before([clock_hour, running], now=NOW, hours=3)
    assert spent == pytest.approx([100 + 400, 200, 0])


def test_busy_hours_are_those_of_the_clock():
    minutes = [
        SpendSlice(starts_at=NOW - timedelta(minutes=age), seconds=60, spent=age % 3) for age in (1, 2, 3, 21, 80)
    ]
    assert busy_hours(minutes) == 2


@given(
    ages=st.lists(st.integers(min_value=0, max_value=100 * 3600), max_size=30),
    seconds=st.sampled_from([60, 1440, 3600, 44_640]),
)
def test_nothing_is_lost_or_made_by_spreading(ages, seconds):
    slices = [SpendSlice(starts_at=NOW - timedelta(seconds=age), seconds=seconds, spent=7) for age in ages if age]
    assert sum(hours_before(slices, now=NOW, hours=120)) == pytest.approx(7 * len(slices))


def test_recent_hours_weigh_more():
    growing = [200.0] * 24 + [100.0] * 72
    assert burn(growing).per_hour > burn(growing[::-1]).per_hour


def test_an_even_burn_runs_out_at_the_hour_that_division_says():
    told = cross(burn([100.0] * 24), room=1_050, leaving=[], hours=100)
    assert (told.earliest, told.central, told.latest) == (10.5, 10.5, 10.5)


def test_a_wider_spread_gives_a_wider_band_around_the_same_middle():
    even, uneven = burn([100.0, 100.0] * 24), burn([190.0, 10.0] * 24)
    told = cross(uneven, room=1_000, leaving=[], hours=100)
    assert told.earliest < cross(even, room=1_000, leaving=[], hours=100).central < told.latest


@pytest.mark.parametrize("spent", [[], [100.0] * 5, [100.0, 100.0] + [0.0] * 100, [0.0] * 100])
def test_too_little_is_unknown(spent):
    known = burn(spent)
    told = cross(known, room=1_000, leaving=[], hours=100)
    assert (told.earliest, told.central, told.latest) == (None, None, None)
    assert outlook_of(known, told, room=1_000, ends=True) is Outlook.UNKNOWN


@pytest.mark.parametrize(
    ("room", "hours", "outlook"),
    [(0, 50, Outlook.EXHAUSTED), (1_000, 50, Outlook.RUNS_OUT), (10_000, 50, Outlook.RESETS_FIRST)],
)
def test_the_end_of_the_period_is_respected(room, hours, outlook):
    known = burn([100.0] * 24)
    assert outlook_of(known, cross(known, room=room, leaving=[], hours=hours), room=room, ends=True) is outlook


def test_what_leaves_a_rolling_window_makes_room_meanwhile():
    known = burn([100.0] * 24)
    fills = cross(known, room=500, leaving=[0.0] * 24, hours=24)
    steady_state = cross(known, room=500, leaving=[100.0] * 24, hours=24)
    leaves_late = cross(known, room=500, leaving=[0.0] * 4 + [100.0] * 20, hours=24)
    assert fills.central == 5
    assert steady_state.central is None
    assert leaves_late.central is None


@given(spent=st.lists(st.floats(min_value=0, max_value=1e12), min_size=6, max_size=200), room=st.floats(1, 1e15))
def test_searching_finds_the_same_hour_as_walking(spent, room):
    known = burn(spent)
    assert cross(known, room=room, leaving=[], hours=300) == cross(known, room=room, leaving=[0.0] * 300, hours=300)


@given(spent=st.lists(st.floats(min_value=0, max_value=1e9), min_size=6, max_size=100), room=st.floats(1, 1e12))
def test_the_band_is_in_order_and_burning_takes_nothing_back(spent, room):
    known = burn(spent)
    told = cross(known, room=room, leaving=[], hours=300)
    times = [each if each is not None else 301.0 for each in (told.earliest, told.central, told.latest)]
    assert times == sorted(times)
    assert burnt(known, 10, -1) <= burnt(known, 10, 0) <= burnt(known, 10, 1)
