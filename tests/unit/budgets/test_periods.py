from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.periods import (
    Period,
    bounds,
    bucket_of,
    bucket_seconds,
    leaves_at,
    periods_missed,
    window_start,
)

AT = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
WINDOWS = st.integers(1, 31 * 24)


def test_a_rolling_period_begins_when_it_is_made_and_nothing_counts_in_it():
    assert bounds(Period.ROLLING, AT) == (AT, None)


@given(at=MOMENTS, window_hours=WINDOWS)
def test_a_slice_counts_until_all_of_it_is_older_than_the_window(at, window_hours):
    starts_at = bucket_of(at, window_hours=window_hours)
    window, length = timedelta(hours=window_hours), timedelta(seconds=bucket_seconds(window_hours))
    assert starts_at <= at < starts_at + length
    assert at + window < leaves_at(starts_at, window_hours=window_hours) <= at + window + length
    assert length * 60 == window


@given(starts_at=MOMENTS, hours=st.integers(0, 10_000), window_hours=WINDOWS)
def test_a_window_moves_by_whole_windows_and_never_past_now(starts_at, hours, window_hours):
    now = starts_at + timedelta(hours=hours)
    moved = window_start(starts_at, now, window_hours=window_hours)
    assert moved <= now < moved + timedelta(hours=window_hours)
    assert (moved - starts_at) % timedelta(hours=window_hours) == timedelta(0)


def test_a_clock_that_was_ahead_moves_no_window_back():
    assert window_start(AT, AT - timedelta(hours=5), window_hours=1) == AT


@pytest.mark.parametrize(
    ("period", "ended_at", "now", "missed"),
    [
        (Period.DAY, datetime(2026, 3, 4, tzinfo=UTC), AT, 0),
        (Period.DAY, datetime(2026, 3, 1, tzinfo=UTC), AT, 3),
        (Period.HOUR, datetime(2026, 3, 4, 8, tzinfo=UTC), AT, 2),
        (Period.WEEK, datetime(2026, 2, 16, tzinfo=UTC), AT, 2),
        (Period.MONTH, datetime(2025, 12, 1, tzinfo=UTC), AT, 3),
    ],
)
def test_periods_that_nobody_looked_at_are_counted(period, ended_at, now, missed):
    assert periods_missed(period, ended_at, now) == missed
