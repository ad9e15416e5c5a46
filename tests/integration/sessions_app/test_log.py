"""The log of a session: gapless, compare-and-set, a state at every point."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.kernel.errors import Conflict, InvalidInput
from sessions_app.models import Event, Session
from sessions_app.selectors.state import get_state, get_state_at, seq_at
from sessions_app.services.log import Writer, patch_state
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, load_world, make_team

pytestmark = pytest.mark.django_db
WRITER = Writer(actor="key test")


@pytest.fixture
def team():
    load_world()
    return make_team()


def _patch(session_id, team, base, delta, **changes):
    values = {"format": "merge", "writer": WRITER, "now": NOW, **changes}
    return patch_state(session_id=session_id, team_id=team.team_id, base_seq=base, delta=delta, **values)


def test_the_state_at_every_event_is_what_it_was_then(team):
    session_id = open_desk(team)
    told = [get_state(session_id)]
    for step in range(130):
        delta = {"tasks": {f"t{step % 7}": {"at": step, "text": "x" * step * 10}}, "focus": f"step {step}"}
        _patch(session_id, team, session_of(session_id).head_seq, delta, now=NOW + timedelta(seconds=step))
        told.append(get_state(session_id))
    assert [get_state_at(session_id, facts.seq) for facts in told] == told
    assert list(Event.objects.filter(session=session_id).values_list("seq", flat=True)) == list(range(1, 132))
    assert seq_at(session_id, NOW + timedelta(seconds=50)) == 52


def test_who_has_not_seen_the_newest_event_is_refused_with_its_number(team):
    session_id = open_desk(team)
    _patch(session_id, team, 1, {"focus": "a"})
    with pytest.raises(Conflict) as refused:
        _patch(session_id, team, 1, {"focus": "b"})
    assert (refused.value.code, refused.value.facts["head_seq"]) == ("stale_sequence", 2)
    assert get_state(session_id).state == {"focus": "a"}


def test_a_delta_to_another_part_of_the_state_is_rebased_where_the_writer_allows_it(team):
    session_id = open_desk(team)
    _patch(session_id, team, 1, {"tasks": {"t1": {"a": 1}}})
    done = _patch(session_id, team, 1, {"tasks": {"t2": {"b": 1}}}, may_rebase=True)
    assert (done.seq, done.was_rebased) == (3, True)
    with pytest.raises(Conflict):
        _patch(session_id, team, 1, {"tasks": {"t1": {"c": 1}}}, may_rebase=True)


def test_the_same_key_is_stored_once(team):
    session_id = open_desk(team)
    first = _patch(session_id, team, 1, {"n": 1}, key="k")
    again = _patch(session_id, team, 1, {"n": 1}, key="k")
    assert (again.seq, again.was_replayed) == (first.seq, True)
    assert Session.objects.get(pk=session_id).head_seq == 2


@pytest.mark.parametrize(
    "delta", [{"a\0b": 1}, {"tasks": {"half \ud800": 1}}, [{"op": "add", "path": "/a\0", "value": 1}]]
)
def test_a_name_that_no_database_stores_is_refused_and_a_value_is_kept(team, delta):
    session_id = open_desk(team)
    with pytest.raises(InvalidInput) as refused:
        _patch(session_id, team, 1, delta, format="patch" if isinstance(delta, list) else "merge")
    assert (refused.value.field, session_of(session_id).head_seq) == ("delta", 1)
    _patch(session_id, team, 1, {"note": "nul \0 and half \ud800"})
    assert get_state(session_id).state == {"note": "nul \0 and half \ud800"}
