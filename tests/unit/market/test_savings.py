"""Settled work beside the same work run at once at home, as far as home had room."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from market.domain.savings import (
    HomeHour,
    SettledWork,
    expected_savings,
    is_measured,
    measured_savings,
    room_at_home,
)

HOUR = datetime(2026, 3, 4, 11, tzinfo=UTC)
HOME = HomeHour(region="aws-eu-central-1", model_class="L", hour=HOUR, capacity_tokens=1000)
WORK = SettledWork(
    tokens=1000,
    location_g=10.0,
    home_g=40.0,
    ran=("SE", HOUR + timedelta(hours=3)),
    intensity_g_per_kwh=50.0,
    home=HOME,
    at_home=("DE", HOUR),
    home_intensity_g_per_kwh=200.0,
)


def test_what_home_had_room_for_is_compared_whole():
    told = expected_savings([WORK], room_at_home([WORK]))
    assert (told.tokens, told.location_g, told.compared_g, told.reference_g) == (1000, 10.0, 10.0, 40.0)
    assert (told.saved_g, told.saved_share, told.reference_missed_tokens) == (30.0, 0.75, 0)


def test_work_that_home_could_not_have_served_saves_nothing_there():
    twice = [WORK, WORK]
    told = expected_savings(twice, room_at_home(twice))
    assert told.location_g == 20.0
    assert (told.compared_g, told.reference_g, told.saved_g) == (10.0, 40.0, 30.0)
    assert told.reference_missed_tokens == 1000


def test_measured_hours_count_the_same_energy_at_their_own_intensity():
    measured = {WORK.ran: 100.0, WORK.at_home: 150.0}
    told = measured_savings([WORK], room_at_home([WORK]), measured)
    assert (told.location_g, told.reference_g) == pytest.approx((20.0, 30.0))
    assert told.saved_share == pytest.approx(1 / 3)


def test_work_is_measured_only_where_both_hours_are_and_it_ran_in_one():
    both = {WORK.ran: 100.0, WORK.at_home: 150.0}
    assert is_measured(WORK, both)
    assert not is_measured(WORK, {WORK.ran: 100.0})
    assert not is_measured(replace(WORK, ran=None), both)


def test_a_plan_that_emits_more_than_home_says_so():
    told = expected_savings([replace(WORK, location_g=50.0)], {HOME: 1.0})
    assert told.saved_g == -10.0


def test_of_nothing_nothing_is_claimed():
    told = expected_savings([], {})
    assert (told.saved_g, told.saved_share) == (0, None)
