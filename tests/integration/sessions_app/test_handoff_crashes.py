"""Handoffs that crash at any statement, or lose the database on any COMMIT: the next one brings them to their end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from sessions_app.models import Archive, Event, Handoff, Session
from sessions_app.services.handoffs import advance, carry_on
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of, open_desk
from tests.integration.sessions_app.handing import (
    STATE,
    assert_sound,
    begin,
    fill,
    open_holds,
    patch,
    reserve_for,
    say,
)
from tests.integration.sessions_app.losing import losing_commit
from tests.integration.world import NOW, Team, load_world, make_budget, make_team, undone

AGENTS = ("a1", "a2", "a3")
PARTS = 4
"""Statements are taken by turns in so many tests, none of which takes long."""
STRIDE = 1 if connection.vendor == "sqlite" else 6
"""A server takes several times as long for each: there every sixth of them."""
Work = Callable[[Handoff], Any]


@pytest.fixture
def team(db: None) -> Team:
    load_world()
    return make_team()


@pytest.fixture
def session_id(team: Team) -> UUID:
    return _desk(team)


def _desk(team: Team) -> UUID:
    opened = open_desk(team, *AGENTS, state=STATE, budget_id=make_budget(team, 100_000))
    for agent in AGENTS:
        fill(opened, agent)
    return opened


def _voted(session_id: UUID) -> Handoff:
    handoff = begin(session_id)
    for agent in AGENTS:
        say(handoff, agent)
    return handoff


def _moved(session_id: UUID) -> Handoff:
    """A handoff whose session was written to after its last transfer: the rest goes over within the switch."""
    Session.objects.filter(pk=session_id).update(overrides={"handoffs.most_rounds": 1})
    handoff = _voted(session_id)
    for _ in range(4):
        advance(handoff_id=handoff.pk, now=NOW)
    patch(session_id, {"focus": "evacuate the harbour district, now with buses"})
    return handoff


def _statements(work: Callable[[], Any]) -> int:
    before = len(connection.queries_log)
    connection.force_debug_cursor = True
    try:
        work()
    finally:
        connection.force_debug_cursor = False
    return len(connection.queries_log) - before


def _count(session_id: UUID, made: Callable[[UUID], Handoff], now: Any = NOW) -> int:
    with undone():
        handoff = made(session_id)
        return _statements(lambda: carry_on(handoff_id=handoff.pk, now=now))


def _events(session_id: UUID, kind: str) -> int:
    return Event.objects.filter(session=session_id, kind=kind).count()


def _assert_complete(session_id: UUID) -> None:
    assert_sound(session_id)
    assert [instance_of(session_id, agent).epoch for agent in AGENTS] == [2, 2, 2]
    assert Archive.objects.filter(session=session_id, kind="item").count() == 2 * len(AGENTS)
    assert (_events(session_id, "handoff.completed"), _events(session_id, "handoff.aborted")) == (1, 0)


@pytest.mark.parametrize("part", range(PARTS))
def test_wherever_it_crashes_the_next_one_brings_it_to_its_end(session_id: UUID, part: int) -> None:
    count = _count(session_id, _voted)
    assert count > 100
    for statement in range(1 + part, count + 1, PARTS * STRIDE):
        with undone():
            handoff = _voted(session_id)
            with suppress(Crash), crashing_at(statement):
                carry_on(handoff_id=handoff.pk, now=NOW)
            assert_sound(session_id)
            assert carry_on(handoff_id=handoff.pk, now=NOW) == "complete"
            _assert_complete(session_id)


def test_wherever_it_crashes_in_a_switch_that_transfers_the_rest_too(session_id: UUID) -> None:
    count = _count(session_id, _moved)
    assert count > 50
    for statement in range(1, count + 1, 2 + STRIDE):
        with undone():
            handoff = _moved(session_id)
            with suppress(Crash), crashing_at(statement):
                carry_on(handoff_id=handoff.pk, now=NOW)
            assert_sound(session_id)
            assert carry_on(handoff_id=handoff.pk, now=NOW) == "complete"
            _assert_complete(session_id)


def test_wherever_it_crashes_while_it_is_given_up_the_next_one_gives_it_up_and_rungs_are_armed(
    session_id: UUID,
) -> None:
    late = NOW + timedelta(hours=1)
    instance = instance_of(session_id, "a1")
    instance.fired_rungs = ["warn", "checkpoint"]
    instance.save(update_fields=["fired_rungs"])
    count = _count(session_id, _started, now=late)
    for statement in range(1, count + 1):
        with undone():
            handoff = _started(session_id)
            with suppress(Crash), crashing_at(statement):
                carry_on(handoff_id=handoff.pk, now=late)
            assert_sound(session_id)
            assert carry_on(handoff_id=handoff.pk, now=late) == "aborted"
            assert_sound(session_id)
            assert _events(session_id, "handoff.aborted") == 1
            assert instance_of(session_id, "a1").fired_rungs == ["warn"]


def _started(session_id: UUID) -> Handoff:
    """A handoff that waits for votes."""
    handoff = begin(session_id)
    carry_on(handoff_id=handoff.pk, now=NOW)
    return handoff


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_stored", [True, False])
def test_whichever_commit_is_lost_the_next_one_brings_it_to_its_end(transactional_db: None, is_stored: bool) -> None:
    load_world()
    team = make_team()
    complete_when_lost, number = 0, 0
    while True:
        number += 1
        session_id = _desk(team)
        hold_id = reserve_for(session_id, "a1", 1)
        handoff = _voted(session_id)
        try:
            with losing_commit(number, is_stored=is_stored) as asked:
                carry_on(handoff_id=handoff.pk, now=NOW)
        except OperationalError:
            assert len(asked) == number
            complete_when_lost += _events(session_id, "handoff.completed")
        assert carry_on(handoff_id=handoff.pk, now=NOW) == "complete"
        _assert_complete(session_id)
        assert open_holds(session_id) == {hold_id: ("a1", 2)}
        if len(asked) < number:
            break
    assert number > 8
    assert complete_when_lost == 1 + is_stored, "the last of all found nothing to do, the one before was the switch"
