"""How a breaker stands after each call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.gateway.breaker import Outcome, after, after_all, reset, tried
from sessions_app.domain.gateway.deployments import BreakerState, HealthFacts
from sessions_app.domain.gateway.terms import Breaker
from sessions_app.domain.gateway.wire import Fault

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
TERMS = Breaker(
    failures_in_a_row=5,
    failure_percent=50,
    least_calls=10,
    window_seconds=60,
    open_seconds=15,
    most_open_seconds=100,
    probe_seconds=30,
)
FAILED = Outcome(deployment_id=1, fault=Fault.UNAVAILABLE, words="status 500")
ANSWERED = Outcome(deployment_id=1)


def test_failures_that_a_window_is_too_old_for_are_not_counted_with_new_ones() -> None:
    health, _ = after_all(HealthFacts(), [FAILED, ANSWERED] * 4, TERMS, now=NOW)
    later = NOW + timedelta(seconds=61)

    health, changes = after_all(health, [FAILED, ANSWERED], TERMS, now=later)

    assert (health.state, changes) == (BreakerState.CLOSED, [])
    assert (health.window_calls, health.window_failures) == (2, 1)


def test_it_stays_open_for_twice_as_long_each_time_in_a_row_up_to_the_most() -> None:
    health, at, lengths = HealthFacts(), NOW, []
    health, _ = after_all(health, [FAILED] * 5, TERMS, now=at)
    for _ in range(5):
        assert health.open_until is not None
        lengths.append((health.open_until - at).total_seconds())
        at = health.open_until
        probe = tried(health, TERMS, now=at)
        assert probe is not None
        health, _ = after(probe[0], replace(FAILED, began_at=at), TERMS, now=at)

    assert lengths == [15, 30, 60, 100, 100]


def test_calls_that_began_before_it_opened_decide_nothing() -> None:
    opened, _ = after_all(HealthFacts(), [FAILED] * 5, TERMS, now=NOW)
    probed = tried(opened, TERMS, now=NOW + timedelta(seconds=15))
    assert probed is not None
    old = NOW - timedelta(seconds=40)

    for outcome in (replace(ANSWERED, began_at=old), replace(FAILED, began_at=old)):
        health, change = after(probed[0], outcome, TERMS, now=NOW + timedelta(seconds=16))
        assert (health.state, change) == (BreakerState.HALF_OPEN, None)


def test_a_clock_that_goes_back_keeps_no_deployment_closed_to_calls_for_longer_than_the_most() -> None:
    opened, _ = after_all(HealthFacts(), [FAILED] * 5, TERMS, now=NOW)
    rested, _ = after(opened, Outcome(deployment_id=1, fault=Fault.RATE_LIMITED), TERMS, now=NOW)
    back = NOW - timedelta(hours=3)

    seen = rested.within(TERMS.longest_wait_seconds, now=back)
    probe = tried(seen, TERMS, now=back)
    assert probe is not None
    closed, change = after(probe[0], replace(ANSWERED, began_at=back), TERMS, now=back + timedelta(seconds=1))

    assert closed.state is BreakerState.CLOSED
    assert change is not None
    assert rested.within(TERMS.longest_wait_seconds, now=NOW) is rested


def test_an_answer_while_it_is_open_does_not_close_it() -> None:
    opened, _ = after_all(HealthFacts(), [FAILED] * 5, TERMS, now=NOW)

    health, change = after(opened, ANSWERED, TERMS, now=NOW + timedelta(seconds=1))

    assert (health.state, change) == (BreakerState.OPEN, None)


def test_a_call_that_was_wrong_itself_is_an_answer_and_a_blocked_address_is_nothing() -> None:
    wrong = Outcome(deployment_id=1, fault=Fault.BAD_REQUEST, first_byte_ms=5.0)
    health, _ = after_all(HealthFacts(first_byte_ms=100.0), [FAILED, FAILED, wrong], TERMS, now=NOW)

    assert (health.consecutive_failures, health.first_byte_ms) == (0, 100.0)
    assert after(health, Outcome(deployment_id=1, fault=Fault.BLOCKED), TERMS, now=NOW) == (health, None)


def test_a_429_in_a_try_lets_the_next_try_wait_as_long_as_the_provider_asks() -> None:
    opened, _ = after_all(HealthFacts(), [FAILED] * 5, TERMS, now=NOW)
    at = NOW + timedelta(seconds=15)
    probed = tried(opened, TERMS, now=at)
    assert probed is not None

    health, _ = after(
        probed[0], Outcome(deployment_id=1, fault=Fault.RATE_LIMITED, retry_after_seconds=9), TERMS, now=at
    )

    assert health.state is BreakerState.HALF_OPEN
    assert health.closed_to_calls_until(at) == at + timedelta(seconds=9)
    assert tried(health, TERMS, now=at + timedelta(seconds=9)) is not None


def test_a_wait_that_a_provider_asks_for_is_bounded() -> None:
    asked = Outcome(deployment_id=1, fault=Fault.RATE_LIMITED, retry_after_seconds=10**9)

    health, _ = after(HealthFacts(), asked, TERMS, now=NOW)

    assert health.cool_until == NOW + timedelta(seconds=100)


def test_a_reset_forgets_what_was_held_against_it_and_keeps_its_speed() -> None:
    opened, _ = after_all(HealthFacts(first_byte_ms=80.0), [FAILED] * 5, TERMS, now=NOW)

    health, (change,) = reset(opened, by="person ada")

    assert (health.state, health.times_opened, health.first_byte_ms) == (BreakerState.CLOSED, 0, 80.0)
    assert change.became is BreakerState.CLOSED
    assert after(health, FAILED, TERMS, now=NOW)[0].state is BreakerState.CLOSED


outcomes = st.builds(
    Outcome,
    deployment_id=st.just(1),
    fault=st.none() | st.sampled_from(list(Fault)),
    first_byte_ms=st.none() | st.floats(0, 1e6),
    retry_after_seconds=st.none() | st.floats(-10, 1e9),
    words=st.text(max_size=300),
)
events = st.lists(st.tuples(st.sampled_from(["call", "try", "reset"]), outcomes, st.integers(0, 200)), max_size=40)


@given(events)
def test_whatever_happens_a_breaker_is_whole_and_is_never_closed_to_calls_for_good(happened) -> None:
    health, at = HealthFacts(), NOW
    for kind, outcome, seconds in happened:
        at += timedelta(seconds=seconds)
        before = health
        if kind == "reset":
            health, changes = reset(health, by="somebody")
        elif kind == "try":
            health, changes = tried(health, TERMS, now=at) or (health, [])
        else:
            health, change = after(health, replace(outcome, began_at=at), TERMS, now=at)
            changes = [change] if change else []
        until = health.closed_to_calls_until(at)
        assert until is None or until <= at + timedelta(seconds=TERMS.most_open_seconds)
        assert (health.state is not before.state) <= bool(changes)
        assert (health.state is BreakerState.OPEN) <= (health.open_until is not None)
        assert (health.state is BreakerState.CLOSED) <= (health.times_opened == 0)
        assert 0 <= health.window_failures <= health.window_calls
        assert len(health.last_error) <= 120
        assert all(len(each.reason) <= 200 for each in changes)


@given(st.lists(st.booleans(), max_size=30))
def test_below_ten_calls_only_a_row_of_five_failures_opens_it(fails) -> None:
    health = HealthFacts()
    row = 0
    for number, has_failed in enumerate(fails[:9]):
        health, _ = after(health, FAILED if has_failed else ANSWERED, TERMS, now=NOW)
        row = row + 1 if has_failed else 0
        if row == 5:
            assert health.state is BreakerState.OPEN, number
            return
        assert health.state is BreakerState.CLOSED
