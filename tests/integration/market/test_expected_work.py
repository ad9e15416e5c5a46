"""Learning from stored requests what usually comes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from climate.domain.ladder import floor_hour
from market import tasks
from market.domain.placement.expected import HISTORY_HOURS, ArrivalKind
from market.models import AllocationRequest, ArrivalHour, Policy, Purpose
from market.services import count_arrivals, load_reference
from market.services.expected_work import MOST_HOURS_AT_ONCE, get_expected_work
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
THIS_HOUR = floor_hour(NOW)
INTERACTIVE = ArrivalKind(model_class="L", origin_code="KE", latency_class="interactive", window_hours=0)


def asked(team: Team, at: datetime, *, wait: timedelta = timedelta(0), **changes) -> AllocationRequest:
    values = {
        "organisation_id": team.organisation_id,
        "team_id": team.team_id,
        "policy": Policy.objects.order_by("pk").first(),
        "purpose": Purpose.objects.order_by("pk").first(),
        "actor": "test",
        "origin_code": "KE",
        "scored_code": "KE",
        "model_class": "L",
        "tokens": 100,
        "tokens_basis": "stated",
        "mode": "",
        "earliest_at": at,
        "latest_at": at + wait,
        "latency_class": "interactive",
        "status": AllocationRequest.Status.DENIED,
        "created_at": at,
        "is_simulated": False,
    }
    return AllocationRequest(**{**values, **changes})


def store(requests: list[AllocationRequest], team: Team) -> None:
    budget = make_budget(team)
    for request in requests:
        request.budget_id = budget
    AllocationRequest.objects.bulk_create(requests)


def expected(now: datetime = NOW):
    return get_expected_work(first_hour=floor_hour(now), hour_count=48, now=now)


def tokens_of(kind: ArrivalKind, hour: int = 24) -> float:
    work = expected()
    return float(work.tokens[work.kinds.index(kind), hour]) if kind in work.kinds else 0.0


@pytest.fixture
def team(db) -> Team:
    """A team with policies and purposes; what comes is counted without places."""
    load_reference(now=NOW)
    return make_team()


@pytest.fixture
def busy(team: Team) -> Team:
    """Two days in which somebody asked for a hundred tokens, at once, every hour."""
    store([asked(team, THIS_HOUR - back * HOUR + timedelta(minutes=40)) for back in range(48, -1, -1)], team)
    return team


def test_what_came_every_hour_is_expected_every_hour_and_of_the_running_one_the_rest(busy):
    assert count_arrivals(now=NOW) == 48

    work = expected()
    assert work.is_known
    assert work.kinds == (INTERACTIVE,)
    assert work.tokens[0, 1:] == pytest.approx([100] * 47)
    assert work.tokens[0, 0] == pytest.approx(75)  # it is twenty past: three quarters of an hour


def test_the_hour_that_runs_is_counted_when_it_is_over_and_stored(busy):
    count_arrivals(now=NOW)
    assert not ArrivalHour.objects.filter(starts_at=THIS_HOUR).exists()

    assert count_arrivals(now=THIS_HOUR + HOUR + timedelta(minutes=4)) == 0
    assert count_arrivals(now=THIS_HOUR + HOUR + timedelta(minutes=5)) == 1
    assert ArrivalHour.objects.get(starts_at=THIS_HOUR).arrivals == [["L", "KE", "interactive", 0, 100]]


def test_counting_again_changes_nothing(busy):
    count_arrivals(now=NOW)
    before = list(ArrivalHour.objects.order_by("starts_at").values())

    assert count_arrivals(now=NOW) == 0
    assert list(ArrivalHour.objects.order_by("starts_at").values()) == before


def test_work_is_told_apart_by_origin_and_by_how_long_it_can_wait(busy):
    at = THIS_HOUR - 24 * HOUR + timedelta(minutes=10)
    few = [asked(busy, at, wait=3 * HOUR, tokens=50), asked(busy, at, wait=3 * HOUR, tokens=70)]
    store([*few, asked(busy, at, origin_code="BD", tokens=30)], busy)

    count_arrivals(now=NOW)

    assert ArrivalHour.objects.get(starts_at=THIS_HOUR - 24 * HOUR).arrivals == [
        ["L", "BD", "interactive", 0, 30],
        ["L", "KE", "interactive", 0, 100],
        ["L", "KE", "interactive", 3, 120],
    ]
    waiting = ArrivalKind(model_class="L", origin_code="KE", latency_class="interactive", window_hours=3)
    assert tokens_of(waiting, hour=24) > tokens_of(waiting, hour=25) > 0


def test_trials_announced_work_and_work_that_can_wait_long_are_not_expected(busy):
    at = THIS_HOUR - 24 * HOUR
    store(
        [
            asked(busy, at, is_simulated=True, tokens=9_000),
            asked(busy, at, wait=7 * HOUR, tokens=9_000),
            asked(busy, at, earliest_at=at + 2 * HOUR, latest_at=at + 3 * HOUR, tokens=9_000),
        ],
        busy,
    )

    count_arrivals(now=NOW)

    assert expected().kinds == (INTERACTIVE,)
    assert tokens_of(INTERACTIVE) == pytest.approx(100)


def test_before_anybody_asked_nothing_is_known_and_nothing_expected(team):
    assert count_arrivals(now=NOW) == 0

    assert not expected().is_known
    assert expected().tokens.sum() == 0


def test_hours_before_the_first_request_are_not_taken_for_quiet_ones(team):
    store([asked(team, THIS_HOUR - 5 * HOUR)], team)

    assert count_arrivals(now=NOW) == 5
    assert not expected().is_known


def test_quiet_hours_after_the_first_request_are_counted_as_quiet(team):
    store([asked(team, THIS_HOUR - 48 * HOUR)], team)

    count_arrivals(now=NOW)

    assert expected().is_known
    assert 0 < expected().tokens[0, 1:].max() < 50


def test_a_long_past_is_counted_week_by_week_and_four_weeks_are_looked_at(team):
    store([asked(team, THIS_HOUR - 2 * HISTORY_HOURS * HOUR), asked(team, THIS_HOUR - HISTORY_HOURS * HOUR)], team)

    assert [count_arrivals(now=NOW) for _ in range(5)] == [MOST_HOURS_AT_ONCE] * 4 + [0]
    assert expected().hours_counted == HISTORY_HOURS


def test_hours_that_are_no_longer_looked_at_are_removed(busy):
    ArrivalHour.objects.create(starts_at=THIS_HOUR - 2 * HISTORY_HOURS * HOUR)
    ArrivalHour.objects.create(starts_at=THIS_HOUR - 2 * HOUR)

    count_arrivals(now=NOW)

    assert ArrivalHour.objects.earliest("starts_at").starts_at == THIS_HOUR - 2 * HOUR


def test_the_task_counts_and_tolerates_newer_callers(busy):
    tasks.count_arrivals(of_a_later_version=True)

    assert ArrivalHour.objects.exists()
