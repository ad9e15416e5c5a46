"""A crash between any two steps of a checkpoint leaves everything or nothing; the next try does it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from sessions_app.domain.words import Reason
from sessions_app.models import Archive, Checkpoint, Event, Session
from sessions_app.selectors.checkpoints import get_checkpoint
from sessions_app.selectors.state import get_state
from sessions_app.services.checkpoints import make_checkpoint, make_due_checkpoints, restore
from sessions_app.services.lives import end_session
from sessions_app.services.log import Writer, locked, patch_state
from sessions_app.services.policies import activate_policy, create_policy_version
from sessions_app.services.reference import load_reference
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db(transaction=True)
WRITER = Writer(actor="key test")


@pytest.fixture
def team():
    """Under a policy that keeps two checkpoints hot, so that every one archives another."""
    load_reference(now=NOW)
    team = make_team()
    session = session_of(open_desk(team))
    body = {**session.policy.body, "checkpoints": {**session.policy.body["checkpoints"], "keep_hot": 2}}
    policy_id = create_policy_version(name="default", body=body, rationale="small", author_id=None, now=NOW)
    activate_policy(policy_id=policy_id, now=NOW, actor="test")
    return team


def _write(session_id, team, delta, now=NOW):
    base = session_of(session_id).head_seq
    values = {"format": "merge", "delta": delta, "writer": WRITER, "now": now}
    return patch_state(session_id=session_id, team_id=team.team_id, base_seq=base, **values).seq


def _make(session_id):
    with transaction.atomic():
        return make_checkpoint(locked(session_id), reason=Reason.MANUAL, actor="key test", now=NOW)


def _seen(session_id):
    """All that a crash must not half change."""
    return [
        list(model.objects.filter(session=session_id).order_by("pk").values()) for model in (Checkpoint, Archive, Event)
    ] + [Session.objects.filter(pk=session_id).values().get(), get_state(session_id)]


def _crash_everywhere(session_id, work):
    """Crash at every statement of `work`, then let it pass; returns how many statements it has."""
    before = _seen(session_id)
    for statement in range(1, 200):
        try:
            with crashing_at(statement):
                work()
        except Crash:
            assert _seen(session_id) == before
        else:
            return statement - 1
    raise AssertionError("It never ends.")


def test_of_a_checkpoint_that_archives_an_older_one(team):
    session_id = open_desk(team, "a")
    made = [_make(session_id) for _ in range(2)]
    _write(session_id, team, {"focus": "tents"})
    statements = _crash_everywhere(session_id, lambda: _make(session_id))
    assert statements > 10
    tiers = Checkpoint.objects.filter(session=session_id).order_by("seq").values_list("tier", flat=True)
    assert list(tiers) == ["archived", "hot", "hot"]
    for each in made:
        assert get_checkpoint(session_id, each.pk).document == each.document


def test_of_the_way_back(team):
    session_id = open_desk(team)
    seq = _write(session_id, team, {"focus": "tents", "tasks": {"a": 1}})
    _write(session_id, team, {"focus": None, "tasks": {"a": 2, "b": 3}})

    def back():
        restore(session_id=session_id, team_id=team.team_id, to_seq=seq, writer=WRITER, now=NOW)

    assert _crash_everywhere(session_id, back) >= 5
    assert get_state(session_id).state == {"focus": "tents", "tasks": {"a": 1}}


def test_the_tender_makes_those_that_time_has_made_due_and_no_others(team):
    busy, idle, young, over = (open_desk(team) for _ in range(4))
    _make(idle)
    end_session(session_id=over, team_id=team.team_id, actor="key test", now=NOW)
    later = NOW + timedelta(minutes=20)
    with transaction.atomic():
        make_checkpoint(locked(young), reason=Reason.MANUAL, actor="key test", now=later - timedelta(minutes=5))
    _write(young, team, {"n": 1}, now=later)
    before = {each: _seen(each) for each in (idle, young, over)}

    assert make_due_checkpoints(now=later) == 2  # of the session that the fixture opened, and of the busy one
    assert Checkpoint.objects.get(session=busy).reason == "time"
    assert {each: _seen(each) for each in before} == before
    assert make_due_checkpoints(now=later + timedelta(hours=1)) == 1  # the young one has a change by now


def test_a_clock_that_steps_back_makes_no_time_fall(team):
    session_id = open_desk(team)
    first = _make(session_id)
    with transaction.atomic():
        early = NOW - timedelta(hours=1)
        second = make_checkpoint(locked(session_id), reason=Reason.MANUAL, actor="key test", now=early)
    assert second.at == first.at
    assert session_of(session_id).last_checkpoint_at == first.at
