"""When a source is asked: interval, breaker, refusal, quota, gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.sources import (
    Standing,
    breaker,
    next_due_at,
    pause_after,
    requests_in_hour,
    requests_left,
)

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 15), (1, 15), (2, 15), (3, 30), (4, 60), (5, 60), (60, 60), (10_000, 60)]
)
def test_the_pause_doubles_from_the_third_failure_on_up_to_an_hour(failures, minutes):
    assert pause_after(Standing(interval_minutes=15, consecutive_failures=failures)) == minutes * MINUTE


def test_a_long_interval_is_not_made_shorter_by_failures():
    assert pause_after(Standing(interval_minutes=180, consecutive_failures=9)) == 180 * MINUTE


def test_a_refusal_lasts_a_day():
    standing = Standing(interval_minutes=15, last_attempt_at=NOW, consecutive_failures=1, is_refused=True)

    assert next_due_at(standing) == NOW + 24 * HOUR
    assert breaker(standing, now=NOW + 24 * HOUR - MINUTE) == "open"
    assert breaker(standing, now=NOW + 24 * HOUR) == "half_open"


def test_a_source_that_was_never_asked_is_due_at_once():
    assert next_due_at(Standing(interval_minutes=15)) is None
    assert breaker(Standing(interval_minutes=15), now=NOW) == "closed"


@pytest.mark.parametrize(("asked_to_wait", "due"), [(5, 15), (40, 40)])
def test_what_the_source_asked_for_comes_first(asked_to_wait, due):
    standing = Standing(interval_minutes=15, last_attempt_at=NOW, not_before=NOW + asked_to_wait * MINUTE)

    assert next_due_at(standing) == NOW + due * MINUTE


@pytest.mark.parametrize(
    ("failures", "minutes_later", "said"),
    [
        (0, 0, "closed"),
        (2, 0, "closed"),
        (3, 0, "open"),
        (3, 29, "open"),
        (3, 30, "half_open"),
        (4, 59, "open"),
        (4, 60, "half_open"),
    ],
)
def test_the_breaker_opens_at_the_third_failure_and_half_opens_by_itself(failures, minutes_later, said):
    standing = Standing(interval_minutes=15, last_attempt_at=NOW, consecutive_failures=failures)

    assert breaker(standing, now=NOW + minutes_later * MINUTE) == said


def test_requests_count_within_the_hour_that_began_with_the_first():
    def left(minutes, made=50):
        return requests_left(per_hour=60, made=made, hour_at=NOW, now=NOW + minutes * MINUTE)

    assert [left(0), left(59), left(60)] == [10, 10, 60]
    assert left(0, made=61) == 0
    assert requests_in_hour(made=7, hour_at=None, now=NOW) == 0
