"""From when on a source is asked, and which zone first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.reach import asking_order, earliest_of, gaps_wanted_from, in_turn, revisions_wanted_from

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EARLIEST = NOW.replace(minute=0) - 7 * DAY


def test_a_source_is_asked_for_whole_hours_that_it_still_answers_for():
    assert earliest_of(NOW, 2 * DAY) == datetime(2026, 3, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "wanted_from"),
    [
        (None, EARLIEST),
        (NOW - 15 * MINUTE, None),
        (NOW - 20 * MINUTE, None),
        (NOW - 21 * MINUTE, datetime(2026, 3, 2, 10, tzinfo=UTC)),
        (NOW - 10 * HOUR, datetime(2026, 3, 2, 10, tzinfo=UTC)),
        (NOW - 11 * HOUR, EARLIEST),
    ],
)
def test_gaps_are_asked_for_hourly_and_old_ones_daily(last, wanted_from):
    assert gaps_wanted_from(earliest=EARLIEST, last=last, now=NOW) == wanted_from


def test_gaps_are_not_asked_for_beyond_what_the_source_answers_for():
    earliest = NOW.replace(minute=0) - 20 * HOUR
    assert gaps_wanted_from(earliest=earliest, last=NOW - HOUR, now=NOW) == earliest


@pytest.mark.parametrize(
    ("last", "days", "wanted_from"),
    [
        (NOW - 15 * MINUTE, 0.25, NOW - 15 * MINUTE - 6 * HOUR),
        (NOW - 5 * HOUR, 0.25, NOW - 11 * HOUR),
        (NOW - 15 * MINUTE, 3, NOW - 15 * MINUTE - 6 * HOUR),
        (NOW - 260 * MINUTE, 3, NOW - 260 * MINUTE - 6 * HOUR),
        (NOW - 261 * MINUTE, 3, datetime(2026, 3, 1, 0, tzinfo=UTC)),
        (NOW - 5 * DAY, 3, datetime(2026, 2, 24, 6, tzinfo=UTC)),
        (NOW - 15 * MINUTE, 0.125, NOW - 15 * MINUTE - 3 * HOUR),
    ],
)
def test_late_revisions_are_asked_for_once_in_six_hours_and_since_the_last_time(last, days, wanted_from):
    assert revisions_wanted_from(last=last, now=NOW, revised_within=days * DAY) == wanted_from


def test_zones_had_longest_ago_come_first_and_every_second_place_goes_to_those_that_lack():
    had = {"A": NOW - HOUR, "B": NOW - 3 * HOUR, "C": NOW - 2 * HOUR}
    order = asking_order(["A", "B", "C", "X", "Y"], had, now=NOW)
    assert (order[0], order[2], order[4]) == ("B", "C", "A")
    assert {order[1], order[3]} == {"X", "Y"}
    assert asking_order([], {}, now=NOW) == ()


@pytest.mark.parametrize("broken", [("Z0", "Z1"), ("Z3", "Z7"), ("Z8", "Z9")])
def test_two_zones_that_cannot_be_had_are_not_asked_one_after_the_other_before_all_others(broken):
    zones = [f"Z{number}" for number in range(10)]
    had = {zone: NOW - (5 * HOUR if zone in broken else MINUTE) for zone in zones}
    order = asking_order(zones, had, now=NOW)
    assert order[0] in broken
    assert order[1] not in broken


def test_with_requests_for_a_third_of_the_zones_all_are_had_in_turn():
    zones = [f"Z{number}" for number in range(90)]
    had: dict[str, datetime] = {}
    for run in range(24):
        now = NOW + run * HOUR
        had |= dict.fromkeys(asking_order(zones, had, now=now)[:30], now)
    oldest = NOW + 23 * HOUR - min(had.values())
    assert set(had) == set(zones)
    assert oldest <= 6 * HOUR


@pytest.mark.parametrize("count", [0, 1, 3, 5, 22, 35, 54, 385])
def test_over_time_every_name_is_first_in_turn(count):
    names = [str(number) for number in range(count)]
    turns = [in_turn(names, NOW + 15 * quarter * MINUTE) for quarter in range(count)]
    assert all(sorted(turn) == sorted(names) for turn in turns)
    assert {turn[0] for turn in turns} == set(names)
