"""Of periods that a source told more than once, every minute counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from climate.domain.overlap import Told, counted_minutes

HOUR = datetime(2026, 3, 4, 10, tzinfo=UTC)


def told(minute: int, minutes: int, *, received: int = 0) -> Told:
    begins = HOUR + timedelta(minutes=minute)
    return Told(begins, begins + timedelta(minutes=minutes), HOUR + timedelta(hours=2, minutes=received))


QUARTERS = [told(15 * number, 15) for number in range(4)]


def test_periods_that_follow_each_other_count_whole_in_the_order_given():
    assert counted_minutes([]) == []
    assert counted_minutes([told(30, 30), told(0, 15), told(60, 60)]) == [30, 15, 60]


def test_what_was_received_last_counts_for_the_minutes_it_covers():
    assert counted_minutes([*QUARTERS, told(0, 60, received=1)]) == [0, 0, 0, 0, 60]
    assert counted_minutes([told(0, 60), told(15, 15, received=1)]) == [45, 15]
    assert counted_minutes([told(0, 30), told(20, 40, received=1)]) == [20, 40]


def test_of_what_was_received_together_the_shorter_counts():
    assert counted_minutes([told(0, 60), *QUARTERS]) == [0, 15, 15, 15, 15]
    assert counted_minutes([told(0, 60), told(45, 15)]) == [45, 15]


def test_groups_that_do_not_touch_are_told_apart():
    later = [told(120, 60), told(120, 15, received=1)]
    assert counted_minutes([*QUARTERS, told(0, 60, received=1), *later]) == [0, 0, 0, 0, 60, 45, 15]
