"""Going back to an earlier state: appended, never rewritten."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from config.kernel.errors import Conflict, NotFound
from sessions_app.domain.deltas import digest_of
from sessions_app.domain.words import Reason
from sessions_app.models import Checkpoint, Event, StateBody
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.checkpoints import make_checkpoint, restore, restore_checkpoint
from sessions_app.services.log import Writer, locked, patch_state
from sessions_app.services.reference import load_reference
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, make_team, undone

pytestmark = pytest.mark.django_db
WRITER = Writer(actor="key test")


@pytest.fixture
def team():
    load_reference(now=NOW)
    return make_team()


def _write(session_id, team, delta, format="merge"):
    base = session_of(session_id).head_seq
    values = {"format": format, "delta": delta, "writer": WRITER, "now": NOW}
    return patch_state(session_id=session_id, team_id=team.team_id, base_seq=base, **values).seq


def _back(session_id, team, to_seq, **changes):
    return restore(
        session_id=session_id, team_id=team.team_id, to_seq=to_seq, **{"writer": WRITER, "now": NOW, **changes}
    )


def _checkpoint(session_id):
    return make_checkpoint(locked(session_id), reason=Reason.MANUAL, actor="key test", now=NOW)


NAMES = some.sampled_from(["a", "b", "focus", "x/y", "~"])
VALUES = some.recursive(
    some.none() | some.integers(-5, 5) | some.text(max_size=20) | some.just("long " * 400),
    lambda below: some.lists(below, max_size=3) | some.dictionaries(NAMES, below, max_size=3),
    max_leaves=6,
)
DELTAS = some.lists(some.dictionaries(NAMES, VALUES, min_size=1, max_size=3), min_size=1, max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deltas=DELTAS, back=some.lists(some.integers(0, 10_000), min_size=1, max_size=3))
def test_every_checkpoint_restores_what_was_saved(team, deltas, back):
    with undone():
        session_id = open_desk(team)
        saved = {}
        for delta in deltas:
            _write(session_id, team, delta)
            saved[_checkpoint(session_id).pk] = get_state(session_id).state
        log = list(Event.objects.filter(session=session_id).values())
        for choice in back:
            checkpoint_id, state = list(saved.items())[choice % len(saved)]
            restore_checkpoint(
                session_id=session_id, team_id=team.team_id, checkpoint_id=checkpoint_id, writer=WRITER, now=NOW
            )
            assert get_state(session_id).state == state
            assert digest_of(state) == bytes(session_of(session_id).digest)
        assert list(Event.objects.filter(session=session_id).values()[: len(log)]) == log
        for seq in range(1, session_of(session_id).head_seq + 1):
            then = get_state_at(session_id, seq)
            assert digest_of(then.state).hex() == then.digest


def test_one_can_go_back_to_any_event_and_forth_again(team):
    session_id = open_desk(team)
    first = _write(session_id, team, {"tasks": {"t1": {"a": 1}, "t2": 2}, "focus": "a"})
    second = _write(session_id, team, {"tasks": {"t1": None}, "focus": None, "new": []})
    done = _back(session_id, team, first)
    assert (done.to_seq, done.changed) == (first, 3)
    assert get_state(session_id).state == {"tasks": {"t1": {"a": 1}, "t2": 2}, "focus": "a"}
    _back(session_id, team, second)
    assert get_state(session_id).state == {"tasks": {"t2": 2}, "new": []}


def test_to_go_to_where_one_is_changes_nothing_and_is_told(team):
    session_id = open_desk(team)
    seq = _write(session_id, team, {"focus": "a"})
    done = _back(session_id, team, seq)
    event = Event.objects.get(session=session_id, seq=done.seq)
    assert (done.changed, event.kind, event.format, event.delta) == (0, "checkpoint.restored", "", "")


def test_a_state_larger_than_an_event_comes_back_in_parts(team):
    session_id = open_desk(team)
    for part in range(5):
        _write(session_id, team, {"book": {f"p{part}": "x" * 120_000}})
    seq = session_of(session_id).head_seq
    saved = get_state(session_id).state
    _write(session_id, team, {"book": None})
    done = _back(session_id, team, seq)
    assert get_state(session_id).state == saved
    events = Event.objects.filter(session=session_id, kind="checkpoint.restored").order_by("seq")
    assert [event.facts["part"] for event in events] == [1, 2, 3]
    assert (events[2].facts["parts"], done.seq) == (3, events[2].seq)


def test_who_has_not_seen_the_newest_event_does_not_go_back(team):
    session_id = open_desk(team)
    seq = _write(session_id, team, {"focus": "a"})
    _write(session_id, team, {"focus": "b"})
    with pytest.raises(Conflict) as refused:
        _back(session_id, team, seq, base_seq=seq)
    assert (refused.value.code, refused.value.facts["head_seq"]) == ("stale_sequence", seq + 1)
    assert get_state(session_id).state == {"focus": "b"}


def test_an_earlier_life_of_an_agent_does_not_go_back(team):
    session_id = open_desk(team, "a")
    seq = _write(session_id, team, {"focus": "a"})
    with pytest.raises(Conflict) as refused:
        _back(session_id, team, seq, writer=Writer(actor="key test", agent="a", epoch=0))
    assert refused.value.code == "stale_epoch"


def test_there_is_no_way_to_an_event_that_is_not_there_nor_to_a_checkpoint_of_another_session(team):
    session_id, other_id = open_desk(team), open_desk(team)
    made = _checkpoint(other_id)
    with pytest.raises(NotFound):
        _back(session_id, team, 99)
    with pytest.raises(NotFound):
        restore_checkpoint(session_id=session_id, team_id=team.team_id, checkpoint_id=made.pk, writer=WRITER, now=NOW)
    assert session_of(session_id).head_seq == 1


def test_a_damaged_log_leads_nowhere(team):
    session_id = open_desk(team)
    seq = _write(session_id, team, {"focus": "a"})
    _write(session_id, team, {"focus": "b"})
    StateBody.objects.filter(session=session_id).delete()
    Event.objects.filter(session=session_id, seq=seq).update(delta='{"focus":"z"}')
    with pytest.raises(Conflict) as refused:
        _back(session_id, team, seq)
    assert refused.value.code == "state_damaged"
    assert get_state(session_id).state == {"focus": "b"}


def test_a_checkpoint_of_another_state_than_the_log_tells_leads_nowhere(team):
    session_id = open_desk(team)
    _write(session_id, team, {"focus": "a"})
    made = _checkpoint(session_id)
    Checkpoint.objects.filter(pk=made.pk).update(digest=bytes(32))
    with pytest.raises(Conflict) as refused:
        restore_checkpoint(session_id=session_id, team_id=team.team_id, checkpoint_id=made.pk, writer=WRITER, now=NOW)
    assert refused.value.code == "state_damaged"
