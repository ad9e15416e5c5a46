"""When the dashboard must say that nothing answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from climate.domain.outage import Outage, find_outage
from climate.domain.sources import SourceState

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def source(name: str = "energy-charts", **changes: Any) -> SourceState:
    values: dict[str, Any] = {
        "name": name,
        "title": name,
        "home": "",
        "licence": "",
        "state": "ok",
        "is_enabled": True,
        "is_stale": False,
        "is_running": False,
        "age_minutes": None,
        "interval_minutes": 15,
        "last_attempt_at": None,
        "last_success_at": NOW - timedelta(minutes=10),
        "latest_period_at": None,
        "next_due_at": None,
        "not_before": None,
        "consecutive_failures": 0,
        "breaker": "closed",
        "requests_in_hour": 0,
        "requests_per_hour": 60,
        "needs": (),
        "last_error": "",
    }
    return SourceState(**{**values, **changes})


def failing(name: str, minutes: float | None) -> SourceState:
    last = None if minutes is None else NOW - timedelta(minutes=minutes)
    return source(name, state="failing", last_success_at=last)


def test_while_one_source_answers_there_is_no_outage():
    assert find_outage([failing("a", 400), source("b")], now=NOW) is None


def test_when_the_last_one_fails_the_outage_began_with_the_last_good_answer_of_any():
    found = find_outage([failing("a", 400), failing("b", 16), source("c", state="refused")], now=NOW)
    assert found == Outage(since=NOW - timedelta(minutes=10), sources=3)


@pytest.mark.parametrize(("minutes", "is_outage"), [(15, False), (20, False), (20.1, True)])
def test_a_source_that_nobody_asks_any_more_is_down_soon_after_its_interval(minutes, is_outage):
    states = [source(last_success_at=NOW - timedelta(minutes=minutes))]
    assert bool(find_outage(states, now=NOW)) is is_outage


@pytest.mark.parametrize(("minutes_ago", "is_outage"), [(-20, False), (4, False), (6, True)])
def test_while_our_own_limit_is_used_up_no_answer_is_due(minutes_ago, is_outage):
    waiting = source(last_success_at=NOW - timedelta(minutes=50), limit_ends_at=NOW - timedelta(minutes=minutes_ago))
    assert bool(find_outage([waiting], now=NOW)) is is_outage
    assert find_outage([source(state="failing", limit_ends_at=waiting.limit_ends_at)], now=NOW) is not None


@pytest.mark.parametrize("changes", [{"is_enabled": False}, {"state": "unconfigured", "needs": ("KEY",)}])
def test_a_source_that_is_not_asked_counts_neither_way(changes):
    assert find_outage([source("a", **changes), source("b")], now=NOW) is None
    assert find_outage([source("a", **changes), failing("b", 30)], now=NOW) == Outage(
        since=NOW - timedelta(minutes=30), sources=1
    )
    assert find_outage([source("a", **changes)], now=NOW) == Outage(since=None, sources=0)


def test_a_feed_of_alerts_that_answers_does_not_hide_the_outage():
    assert find_outage([source("gdacs"), failing("b", None)], now=NOW) == Outage(since=None, sources=1)
