"""Breakers as all processes see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sessions_app.domain.gateway.breaker import Outcome
from sessions_app.domain.gateway.deployments import BreakerState, HealthFacts
from sessions_app.domain.gateway.wire import Fault
from sessions_app.models import BreakerEvent, Deployment, DeploymentHealth
from sessions_app.selectors.gateway.deployments import list_breaker_events, list_health
from sessions_app.services.gateway import health, registry
from tests.integration.world import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(loaded_world: None) -> Iterator[None]:
    registry.forget()
    health.flush_outcomes(now=NOW - timedelta(days=1))
    health._gathered.written_at.clear()
    yield
    registry.forget()
    health._gathered.waiting.clear()


def test_five_failures_in_a_row_open_a_breaker_for_everybody() -> None:
    where = _deployment()

    health.note_outcomes([_failure(where)] * 4, now=NOW)
    assert _health(where).state is BreakerState.CLOSED
    health.note_outcomes([_failure(where)], now=NOW)

    found = _health(where)
    assert found.state is BreakerState.OPEN
    assert found.open_until == NOW + timedelta(seconds=15)
    (event,) = list_breaker_events(where)
    assert (event.was, event.became) == ("closed", "open")
    assert "5 failures in a row: no answer" in event.reason


def test_an_open_breaker_gives_one_try_when_its_time_is_over() -> None:
    where = _open()

    assert not health.may_try(where, now=NOW + timedelta(seconds=14))
    later = NOW + timedelta(seconds=16)
    assert [health.may_try(where, now=later) for _ in range(3)] == [True, False, False]
    assert _health(where).state is BreakerState.HALF_OPEN
    assert health.may_try(where, now=later + timedelta(seconds=31)), "a try that never ended blocks nobody for good"


def test_a_try_that_is_answered_closes_it_and_one_that_fails_keeps_it_open_for_twice_as_long() -> None:
    where = _open()
    first = NOW + timedelta(seconds=16)
    health.may_try(where, now=first)
    health.note_outcomes([_failure(where)], now=first)
    assert _health(where).open_until == first + timedelta(seconds=30)

    second = first + timedelta(seconds=31)
    assert health.may_try(where, now=second)
    health.note_outcomes([Outcome(deployment_id=where, first_byte_ms=80.0, began_at=second)], now=second)

    assert _health(where).state is BreakerState.CLOSED
    assert health.may_try(where, now=second)
    became = [each.became for each in reversed(list_breaker_events(where))]
    assert became == ["open", "half_open", "open", "half_open", "closed"]


def test_a_429_rests_a_deployment_without_holding_it_against_it() -> None:
    where = _deployment()

    health.note_outcomes([Outcome(deployment_id=where, fault=Fault.RATE_LIMITED, retry_after_seconds=40)] * 9, now=NOW)

    found = _health(where)
    assert (found.state, found.consecutive_failures) == (BreakerState.CLOSED, 0)
    assert found.cool_until == NOW + timedelta(seconds=40)
    assert not health.may_try(where, now=NOW + timedelta(seconds=2))
    assert not BreakerEvent.objects.filter(deployment=where).exists()


def test_a_clock_that_goes_back_leaves_a_deployment_to_a_try_and_to_a_new_rest() -> None:
    where = _open()
    health.note_outcomes([Outcome(deployment_id=where, fault=Fault.RATE_LIMITED, retry_after_seconds=600)], now=NOW)
    back = NOW - timedelta(hours=3)
    registry.forget()

    assert health.may_try(where, now=back)
    health.note_outcomes([Outcome(deployment_id=where, began_at=back)], now=back + timedelta(seconds=1))
    assert _health(where).state is BreakerState.CLOSED

    health.note_outcomes([Outcome(deployment_id=where, fault=Fault.RATE_LIMITED, retry_after_seconds=20)], now=back)
    assert _health(where).cool_until == back + timedelta(seconds=20)


def test_calm_successes_are_written_once_a_second_and_a_failure_takes_them_along(
    django_assert_num_queries: object,
) -> None:
    where = _deployment()
    health.note_outcomes([_success(where, 100.0)], now=NOW)
    registry.snapshot(NOW + timedelta(milliseconds=500))

    with django_assert_num_queries(0):  # type: ignore[operator]
        health.note_outcomes([_success(where, 50.0)] * 7, now=NOW + timedelta(milliseconds=500))
    assert _health(where).window_calls == 1

    health.note_outcomes([_failure(where)], now=NOW + timedelta(milliseconds=600))
    found = _health(where)
    assert (found.window_calls, found.window_failures, found.consecutive_failures) == (9, 1, 1)
    assert found.first_byte_ms == pytest.approx(50 + 50 * 0.8**7)


def test_what_is_gathered_is_written_before_a_process_ends() -> None:
    where = _deployment()
    health.note_outcomes([_success(where)], now=NOW)
    health.note_outcomes([_success(where)] * 3, now=NOW)

    health.flush_outcomes(now=NOW)

    assert _health(where).window_calls == 4


def test_half_of_ten_calls_that_fail_open_it() -> None:
    where = _deployment()

    for _ in range(5):
        health.note_outcomes([_success(where), _failure(where)], now=NOW)

    assert _health(where).state is BreakerState.OPEN
    assert "5 of 10 calls failed" in list_breaker_events(where)[0].reason


def test_a_person_can_close_it() -> None:
    where = _open()

    health.reset_breaker(deployment_id=where, actor="person ada", now=NOW)

    assert _health(where).state is BreakerState.CLOSED
    assert list_breaker_events(where)[0].reason == "Reset by person ada."


def test_outcomes_of_a_deployment_that_is_gone_are_dropped() -> None:
    health.note_outcomes([_failure(10**9)], now=NOW)

    assert not DeploymentHealth.objects.exists()
    assert not health.may_try(10**9, now=NOW)


def test_routing_sees_within_a_second_what_another_process_wrote() -> None:
    where = _deployment()
    registry.snapshot(NOW)
    DeploymentHealth.objects.create(
        deployment_id=where, state="open", open_until=NOW + timedelta(minutes=1), updated_at=NOW
    )

    seen = registry.snapshot(NOW + timedelta(seconds=1))

    (candidate,) = [each for each in seen.all if each.deployment.id == where]
    assert candidate.health.state is BreakerState.OPEN


def _deployment() -> int:
    return Deployment.objects.get(name="echo-stockholm").pk


def _open() -> int:
    where = _deployment()
    health.note_outcomes([_failure(where)] * 5, now=NOW)
    return where


def _health(where: int) -> HealthFacts:
    registry.forget()  # as the commit does, which a test's transaction never reaches
    return list_health([where])[where]


def _failure(where: int) -> Outcome:
    return Outcome(deployment_id=where, fault=Fault.TIMEOUT, words="no answer")


def _success(where: int, first_byte_ms: float | None = None) -> Outcome:
    return Outcome(deployment_id=where, first_byte_ms=first_byte_ms)
