"""Deltas that are written from what this process wrote last: as if they had been read, or refused."""

from __future__ import annotations

from collections import OrderedDict
from unittest.mock import Mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import in_transaction
from sessions_app.domain.deltas import digest_of
from sessions_app.models import Event, Session, StateBody, StateItem
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.lives import end_session
from sessions_app.services.log import Draft, Writer, append, locked, patch_state, recent, unlocked
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, load_world, make_team

pytestmark = pytest.mark.django_db(transaction=True)
TASKS = {"tasks": {"t1": {"n": 1}, "t2": {"n": 1}}}


@pytest.fixture
def team():
    load_world()
    return make_team()


def _patch(session_id, team, base, delta, **changes):
    return patch_state(
        session_id=session_id,
        team_id=team.team_id,
        base_seq=base,
        format="patch" if isinstance(delta, list) else "merge",
        delta=delta,
        writer=Writer(actor="key test"),
        now=NOW,
        **changes,
    ).seq


def _elsewhere(session_id, delta):
    """A change that another process makes: nothing of it is remembered here."""
    draft = Draft(kind="state.changed", actor="key other", format="merge", delta=delta)
    return in_transaction(lambda: append(locked(session_id), draft, now=NOW))


def _read_back(session_id):
    """The state, which agrees with its digest and with its log."""
    facts = get_state(session_id)
    assert digest_of(facts.state).hex() == facts.digest
    assert get_state_at(session_id, facts.seq) == facts
    return facts.state


def test_who_has_written_an_item_writes_it_again_without_reading(team, monkeypatch):
    session_id = open_desk(team, state=TASKS)
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}}})
    read = Mock(wraps=unlocked.read_unlocked)
    monkeypatch.setattr(unlocked, "read_unlocked", read)
    with CaptureQueriesContext(connection) as asked:
        _patch(session_id, team, 2, {"tasks": {"t1": {"n": 3, "m": None}}})
    assert not read.called
    assert not [each["sql"] for each in asked if each["sql"].startswith("SELECT")]
    _patch(session_id, team, 3, {"tasks": {"t2": {"m": 4}}})
    assert read.call_count == 1
    assert _read_back(session_id) == {"tasks": {"t1": {"n": 3}, "t2": {"n": 1, "m": 4}}}


def test_what_another_process_wrote_meanwhile_is_kept(team):
    session_id = open_desk(team, state=TASKS)
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}}})
    _elsewhere(session_id, {"tasks": {"t1": {"other": True}}})
    with pytest.raises(Conflict) as refused:
        _patch(session_id, team, 2, {"tasks": {"t1": {"n": 3}}})
    assert (refused.value.code, refused.value.facts["head_seq"]) == ("stale_sequence", 3)
    _patch(session_id, team, 3, {"tasks": {"t1": {"n": 3}}})
    assert _read_back(session_id)["tasks"]["t1"] == {"n": 3, "other": True}
    assert session_id in recent._recent  # read anew, without the lock


def test_who_is_first_elsewhere_lets_a_rebased_delta_fold_into_what_is_there(team):
    session_id = open_desk(team, state=TASKS)
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}}})
    _elsewhere(session_id, {"focus": "roads"})
    assert _patch(session_id, team, 2, {"tasks": {"t1": {"n": 3}}}, may_rebase=True) == 4
    assert _read_back(session_id) == {"focus": "roads", "tasks": {"t1": {"n": 3}, "t2": {"n": 1}}}


def test_a_head_of_the_same_number_and_another_digest_is_another_head(team):
    """As after a database was put back from a copy, and went on."""
    session_id = open_desk(team, state=TASKS)
    then = Session.objects.filter(pk=session_id).values("head_seq", "digest", "state_bytes", "delta_bytes").get()
    items = list(StateItem.objects.filter(session=session_id))
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}, "t3": {"n": 1}}})
    Event.objects.filter(session=session_id, seq=2).delete()
    StateItem.objects.filter(session=session_id).delete()
    StateItem.objects.bulk_create(items)
    Session.objects.filter(pk=session_id).update(**then)
    _elsewhere(session_id, {"tasks": {"t1": {"other": True}}})
    _patch(session_id, team, 2, {"tasks": {"t1": {"n": 5}}})
    assert _read_back(session_id) == {"tasks": {"t1": {"n": 5, "other": True}, "t2": {"n": 1}}}


def test_nothing_is_written_to_a_session_that_another_process_ended(team):
    session_id = open_desk(team, state=TASKS)
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}}})
    end_session(session_id=session_id, team_id=team.team_id, actor="key other", now=NOW)
    head = session_of(session_id).head_seq
    with pytest.raises(Conflict) as refused:
        _patch(session_id, team, head, {"tasks": {"t1": {"n": 3}}})
    assert (refused.value.code, session_of(session_id).head_seq) == ("session_ended", head)


def test_another_team_gets_nothing_of_what_is_remembered(team):
    session_id = open_desk(team, state=TASKS)
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}}})
    with pytest.raises(NotFound):
        _patch(session_id, make_team("Other"), 2, {"tasks": {"t1": {"n": 3}}})
    assert _read_back(session_id)["tasks"]["t1"] == {"n": 2}


def test_a_delta_that_is_refused_leaves_nothing_to_be_remembered(team):
    session_id = open_desk(team, state=TASKS)
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}}})
    for delta in ([{"op": "remove", "path": "/tasks/none"}], {"tasks": {"a" * 500: 1}}):
        with pytest.raises(InvalidInput):
            _patch(session_id, team, 2, delta)
    _patch(session_id, team, 2, {"tasks": {"t1": {"n": 3}}})
    assert _read_back(session_id)["tasks"]["t1"] == {"n": 3}


def test_a_crash_at_any_statement_of_a_whole_state_leaves_it_stored_with_its_event_or_neither(team):
    session_id = open_desk(team, state=TASKS)
    Session.objects.filter(pk=session_id).update(
        overrides={"checkpoints.body_events": 2, "checkpoints.body_percent": 1}
    )
    _patch(session_id, team, 1, {"tasks": {"t1": {"n": 2}}})
    bodies = StateBody.objects.filter(session=session_id)
    there, statement = bodies.count(), 0
    while bodies.count() == there:
        statement += 1
        head = session_of(session_id).head_seq
        try:
            with crashing_at(statement):
                _patch(session_id, team, head, {"tasks": {"t1": {"n": 100 + statement}}})
        except Crash:
            assert (session_of(session_id).head_seq, bodies.count()) == (head, there)
    assert statement > 3
    assert session_of(session_id).body_seq == session_of(session_id).head_seq == bodies.latest("seq").seq
    assert _read_back(session_id)["tasks"]["t1"] == {"n": 100 + statement}


def test_what_is_remembered_has_bounds(team, monkeypatch):
    monkeypatch.setattr(recent, "_recent", OrderedDict())
    monkeypatch.setattr(recent, "MOST_SESSIONS", 2)
    sessions = [open_desk(team, state={"n": 0}) for _ in range(4)]
    for base in (1, 2):
        for session_id in sessions:
            _patch(session_id, team, base, {"n": base})
    assert len(recent._recent) == 2
    assert [_read_back(session_id) for session_id in sessions] == [{"n": 2}] * 4
    monkeypatch.setattr(recent, "MOST_BYTES", 20)
    _patch(sessions[3], team, 3, {"n": "x" * 30})
    monkeypatch.setattr(recent, "MOST_KEYS", 1)
    _patch(sessions[2], team, 3, {"n": 1, "m": 1})
    assert not {sessions[2], sessions[3]} & set(recent._recent)
