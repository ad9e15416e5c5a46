from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.handoff.transitions import (
    Action,
    Standing,
    Votes,
    needed,
    next_step,
    rest_seconds,
    sane_deadline,
)
from sessions_app.domain.terms import Handoffs
from sessions_app.domain.words import Phase, Protocol

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
TERMS = Handoffs(
    coordinate_seconds=60,
    transfer_seconds=300,
    emergency_seconds=5,
    focus_percent=60,
    most_rounds=3,
    quorum_percent={Protocol.COORDINATED: 100, Protocol.GRACEFUL: 51, Protocol.EMERGENCY: 0},
)
STANDING = Standing(
    protocol=Protocol.COORDINATED,
    phase=Phase.PREPARING,
    votes=Votes(ready=0, refused=0, agents=4),
    quorum_percent=100,
    deadline_at=NOW + timedelta(seconds=60),
    rounds=0,
    has_moved=False,
    has_passed=None,
)


def step(**changes):
    return next_step(replace(STANDING, **changes), terms=TERMS, now=NOW).action


@pytest.mark.parametrize(
    ("agents", "percent", "quorum"), [(4, 100, 4), (3, 51, 2), (2, 51, 2), (1, 51, 1), (100, 51, 51), (5, 0, 0)]
)
def test_a_quorum_of_more_than_half_is_more_than_half(agents, percent, quorum):
    assert needed(agents, percent) == quorum


def test_it_waits_for_its_quorum_only_while_that_can_be_reached():
    coordinating = {"phase": Phase.COORDINATING}
    assert step(**coordinating, votes=Votes(ready=3, refused=0, agents=4)) == Action.WAIT
    assert step(**coordinating, votes=Votes(ready=4, refused=0, agents=4)) == Action.TRANSFER
    assert step(**coordinating, votes=Votes(ready=3, refused=1, agents=4)) == Action.ABORT


def test_validation_comes_before_the_switch_and_again_after_each_transfer():
    validating = {"phase": Phase.VALIDATING, "rounds": 1}
    assert step(**validating) == Action.CHECK
    assert step(**validating, has_passed=True) == Action.SWITCH
    assert step(**validating, has_passed=False) == Action.ABORT
    assert step(**validating, has_moved=True, has_passed=True) == Action.TRANSFER
    assert step(phase=Phase.VALIDATING, rounds=3, has_moved=True) == Action.SWITCH_PAUSED


def test_an_emergency_does_not_end_by_its_deadline_but_stops_repeating():
    late = {"protocol": Protocol.EMERGENCY, "quorum_percent": 0, "deadline_at": NOW}
    assert step(**late, phase=Phase.COORDINATING) == Action.TRANSFER
    assert step(**late, phase=Phase.VALIDATING, rounds=1, has_moved=True) == Action.SWITCH_PAUSED
    dead = {**late, "deadline_at": NOW - timedelta(seconds=300)}
    assert step(**dead, phase=Phase.COORDINATING) == Action.ABORT


@given(
    protocol=st.sampled_from(Protocol),
    phase=st.sampled_from([Phase.PREPARING, Phase.COORDINATING, Phase.TRANSFERRING, Phase.VALIDATING]),
    ready=st.integers(0, 4),
    rounds=st.integers(0, 9),
    moves=st.lists(st.booleans(), min_size=60, max_size=60),
    passes=st.booleans(),
    waits=st.lists(st.integers(-100, 400), min_size=60, max_size=60),
)
def test_every_handoff_ends(protocol, phase, ready, rounds, moves, passes, waits):
    """Whatever moves meanwhile and whatever the clock does: a bounded number of steps, then one of the two ends."""
    now, quorum = NOW, TERMS.quorum_percent[protocol]
    standing = replace(STANDING, protocol=protocol, phase=phase, rounds=rounds, quorum_percent=quorum)
    standing = replace(standing, votes=Votes(ready=ready, refused=0, agents=4))
    for has_moved, wait in zip(moves, waits, strict=True):
        action = next_step(replace(standing, has_moved=has_moved), terms=TERMS, now=now).action
        if action in (Action.SWITCH, Action.SWITCH_PAUSED, Action.ABORT):
            return
        changes = {
            Action.PREPARE: {"phase": Phase.COORDINATING},
            Action.TRANSFER: {"phase": Phase.TRANSFERRING},
            Action.COPY: {"phase": Phase.VALIDATING, "rounds": standing.rounds + 1, "has_passed": None},
            Action.CHECK: {"has_passed": passes},
            Action.WAIT: {},
        }[action]
        standing = replace(standing, **changes)
        now += timedelta(seconds=abs(wait) if action == Action.WAIT else wait)
        standing = replace(standing, deadline_at=sane_deadline(standing.deadline_at, seconds=300, now=now))
    assert standing.phase == Phase.COORDINATING, "only who waits for votes may take more steps"
    later = next_step(standing, terms=TERMS, now=standing.deadline_at)
    assert later.action == Action.ABORT


@pytest.mark.parametrize("phase", [Phase.COMPLETE, Phase.ABORTED])
def test_what_has_ended_stays_so(phase):
    assert step(phase=phase, deadline_at=NOW - timedelta(days=1)) == Action.NOTHING


def test_nothing_goes_on_in_a_session_that_has_ended():
    assert step(phase=Phase.VALIDATING, has_passed=True, is_session_open=False) == Action.ABORT


def test_the_more_handoffs_failed_in_a_row_the_longer_the_next_one_waits():
    assert [rest_seconds(tries, TERMS) for tries in range(1, 9)] == [0, 60, 180, 420, 900, 1860, 3600, 3600]
    assert rest_seconds(10_000, TERMS) == 3600
