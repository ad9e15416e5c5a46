"""Deltas that are written without a lock first: as if each writer had been alone, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.kernel import events
from config.kernel.errors import Conflict, InvalidInput, NotFound
from sessions_app.domain.deltas import digest_of
from sessions_app.events import SessionChanged
from sessions_app.models import Event, Session
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.lives import end_session
from sessions_app.services.log import Writer, patch_state, unlocked
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, load_world, make_team

pytestmark = pytest.mark.django_db(transaction=True)
DELTAS = (
    {"focus": "a", "tasks": {"t1": {"n": 1}, "t2": "x" * 2000}},
    {"tasks": {"t1": None, "t3": [None, 1.5, "é"]}},
    {"focus": None},
    [{"op": "add", "path": "/tasks/t4", "value": {"deep": True}}, {"op": "remove", "path": "/tasks/t2"}],
    {"tasks": "one text"},
    {"tasks": {"a/b": {"m~n": 1}}},
    [{"op": "replace", "path": "", "value": {"all": {"anew": 1}}}],
)


@pytest.fixture
def team():
    load_world()
    return make_team()


@pytest.fixture
def told(monkeypatch):
    """Numbers of the events that were told."""
    heard = []
    monkeypatch.setitem(events._subscribers, SessionChanged, [lambda event: heard.append(event.seq)])
    return heard


def _patch(session_id, team, base, delta, **changes):
    values = {"format": "patch" if isinstance(delta, list) else "merge", "now": NOW, **changes}
    return patch_state(
        session_id=session_id,
        team_id=changes.pop("team_id", team.team_id),
        base_seq=base,
        delta=delta,
        writer=Writer(actor="key test"),
        **{name: value for name, value in values.items() if name != "team_id"},
    )


def _first(monkeypatch, act):
    """Let somebody act between what a writer reads and what it writes, once."""
    read = unlocked.read_unlocked

    def overtaken(*args):
        found = read(*args)
        monkeypatch.setattr(unlocked, "read_unlocked", read)
        act()
        return found

    monkeypatch.setattr(unlocked, "read_unlocked", overtaken)


def test_every_kind_of_delta_leaves_a_log_that_tells_every_state_and_is_told_once(team, told):
    session_id = open_desk(team)
    del told[:]
    Session.objects.filter(pk=session_id).update(
        overrides={"checkpoints.body_events": 3, "checkpoints.body_percent": 1}
    )
    for base, delta in enumerate(DELTAS, start=1):
        assert _patch(session_id, team, base, delta, now=NOW - timedelta(seconds=base)).seq == base + 1
        facts = get_state(session_id)
        assert bytes.fromhex(facts.digest) == digest_of(facts.state)
        assert get_state_at(session_id, base + 1) == facts
    head = session_of(session_id)
    assert (head.head_seq, head.last_event_at) == (len(DELTAS) + 1, NOW)
    assert head.body_seq > 0
    assert told == list(range(2, len(DELTAS) + 2))


def test_who_is_overtaken_between_reading_and_writing_is_refused_with_nothing_stored(team, told, monkeypatch):
    session_id = open_desk(team, state={"focus": "a", "n": 0})
    _first(monkeypatch, lambda: _patch(session_id, team, 1, {"n": 1}))
    del told[:]
    with pytest.raises(Conflict) as refused:
        _patch(session_id, team, 1, {"focus": "b", "mine": 1})
    assert (refused.value.code, refused.value.facts["head_seq"]) == ("stale_sequence", 2)
    assert get_state(session_id).state == {"focus": "a", "n": 1}
    assert told == [2]


def test_who_is_overtaken_elsewhere_in_the_state_is_rebased_if_allowed(team, monkeypatch):
    session_id = open_desk(team, state={"focus": "a", "n": 0})
    _first(monkeypatch, lambda: _patch(session_id, team, 1, {"n": 1}))
    done = _patch(session_id, team, 1, {"focus": None}, may_rebase=True)
    assert (done.seq, done.was_rebased, get_state(session_id).state) == (3, True, {"n": 1})


def test_nothing_is_written_to_a_session_that_ended_meanwhile(team, monkeypatch):
    session_id = open_desk(team, state={"n": 0})
    _first(monkeypatch, lambda: end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=NOW))
    with pytest.raises(Conflict) as refused:
        _patch(session_id, team, 1, {"n": 1})
    assert (refused.value.code, get_state(session_id).state) == ("session_ended", {"n": 0})


def test_what_is_refused_changes_nothing(team, told):
    session_id = open_desk(team, state={"n": 0})
    del told[:]
    with pytest.raises(NotFound):
        _patch(session_id, team, 1, {"n": 1}, team_id=team.team_id + 1000)
    with pytest.raises(Conflict, match="test"):
        _patch(session_id, team, 1, [{"op": "test", "path": "/n", "value": 5}])
    for delta in ([{"op": "remove", "path": "/none"}], {"a" * 500: 1}, {"a\0": 1}):
        with pytest.raises(InvalidInput):
            _patch(session_id, team, 1, delta)
    assert (get_state(session_id).state, Event.objects.filter(session=session_id).count(), told) == ({"n": 0}, 1, [])


def test_a_crash_at_any_statement_leaves_a_delta_written_and_told_or_neither(team, told):
    session_id = open_desk(team, state={"n": 0, "gone": 1})
    del told[:]
    before = get_state(session_id)
    for statement in range(1, 20):
        try:
            with crashing_at(statement):
                _patch(session_id, team, 1, {"n": 1, "gone": None})
        except Crash:
            assert (get_state(session_id), Event.objects.filter(session=session_id).count()) == (before, 1)
            assert told == []
        else:
            break
    assert (get_state(session_id).state, told) == ({"n": 1}, [2])
    assert statement > 2
