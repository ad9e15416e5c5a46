"""Whatever is written: every state can be read again, before and after its events have left the log."""

from __future__ import annotations

import zlib
from copy import deepcopy
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.kernel.errors import Conflict, DomainError, InvalidInput
from sessions_app.domain.deltas import digest_of
from sessions_app.models import Archive, Event, Session, StateBody, StateItem
from sessions_app.selectors.events import get_event, list_events
from sessions_app.selectors.state import get_state, get_state_at, seq_at
from sessions_app.services.log import Draft, Writer, append, locked, patch_state
from sessions_app.services.log.archiving import archive_log, tend_logs
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, load_world, make_team, undone

WRITER = Writer(actor="key test")
SHORT = {"checkpoints.log_events": 6, "checkpoints.body_events": 3, "checkpoints.body_percent": 1}

NAMES = st.sampled_from(["focus", "tasks", "a/b", "m~n", "Tasks", "ta_ks", "é", ""])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.text(max_size=5),
    st.just("x" * 1100),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    LEAVES, lambda below: st.lists(below, max_size=2) | st.dictionaries(NAMES, below, max_size=3), max_leaves=6
)
MERGES = st.tuples(st.just("merge"), st.dictionaries(NAMES, VALUES, max_size=3))


def _path(names: list[str]) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


PATHS = st.lists(NAMES, min_size=1, max_size=3).map(_path)
OPERATIONS = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["add", "replace", "test"]), "path": PATHS, "value": VALUES}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": PATHS}),
    st.fixed_dictionaries({"op": st.sampled_from(["move", "copy"]), "from": PATHS, "path": PATHS}),
)
PATCHES = st.tuples(st.just("patch"), st.lists(OPERATIONS, min_size=1, max_size=3))
STEPS = st.lists(st.one_of(MERGES, PATCHES, st.just(("tick", None)), st.just(("archive", None))), max_size=14)


@pytest.fixture
def team(db):
    load_world()
    return make_team()


def _shortened(session_id):
    Session.objects.filter(pk=session_id).update(overrides=SHORT)


def _patch(session_id, team, delta, format="merge", **changes):
    values = {"base_seq": session_of(session_id).head_seq, "writer": WRITER, "now": NOW, **changes}
    return patch_state(session_id=session_id, team_id=team.team_id, format=format, delta=delta, **values)


def _do(session_id, team, step, at):
    """One step; a refusal changes nothing."""
    kind, delta = step
    before = get_state(session_id)
    try:
        if kind == "archive":
            archive_log(session_id=session_id, now=at)
        elif kind == "tick":
            append(locked(session_id), Draft(kind="round.begun", actor="key test", facts={"n": 1}), now=at)
        else:
            _patch(session_id, team, deepcopy(delta), kind, now=at)
    except DomainError:
        assert get_state(session_id) == before


def _check(session_id, told):
    """Every state that was told is read again; every line has the digest of its state."""
    head = session_of(session_id).head_seq
    lines = list_events(session_id, after=0, limit=500)
    assert [each.seq for each in lines] == list(range(1, head + 1))
    for seq in range(1, head + 1):
        facts = get_state_at(session_id, seq)
        assert bytes.fromhex(facts.digest) == digest_of(facts.state)
        if seq in told:
            assert facts == told[seq]
    assert get_state(session_id) == get_state_at(session_id, head)
    items = StateItem.objects.filter(session=session_id)
    assert sum(items.values_list("bytes", flat=True)) == session_of(session_id).state_bytes


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_any_mix_of_deltas_gives_the_recorded_state_at_every_event_before_and_after_archiving(loaded_team, steps):
    with undone():
        session_id = open_desk(loaded_team, state={"tasks": {"t1": 1}})
        _shortened(session_id)
        told = {1: get_state(session_id)}
        for number, step in enumerate(steps):
            _do(session_id, loaded_team, step, NOW + timedelta(seconds=number))
            facts = get_state(session_id)
            told.setdefault(facts.seq, facts)
        _check(session_id, told)


@pytest.fixture(scope="module")
def loaded_team(django_db_setup, django_db_blocker):
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        load_world()
        yield make_team()
        transaction.set_rollback(True)


def _long_log(team, count=12):
    session_id = open_desk(team)
    for step in range(count):
        delta = {"tasks": {f"t{step % 3}": {"n": step, "text": "x" * 50}}}
        _patch(session_id, team, delta, key=f"key {step}", now=NOW + timedelta(seconds=step))
    _shortened(session_id)
    return session_id


def test_old_events_leave_the_log_for_an_archive_and_nothing_reads_otherwise(team):
    session_id = _long_log(team)
    told = {seq: get_state_at(session_id, seq) for seq in range(1, 14)}
    lines = list_events(session_id, after=0, with_deltas=True, limit=99)
    assert tend_logs(now=NOW + timedelta(minutes=1)) == 10
    assert tend_logs(now=NOW + timedelta(minutes=1)) == 0
    archive = Archive.objects.get(session=session_id)
    assert (archive.kind, archive.seq_from, archive.seq_to) == ("events", 1, 10)
    assert Event.objects.filter(session=session_id).count() == 4
    _check(session_id, told)
    again = list_events(session_id, after=0, with_deltas=True, limit=13)
    assert [(each.seq, each.delta, each.at) for each in again] == [(each.seq, each.delta, each.at) for each in lines]
    assert [each.seq for each in list_events(session_id, before=12, limit=4)] == [11, 10, 9, 8]
    assert [each.seq for each in list_events(session_id, kind="state", limit=3)] == [13, 12, 11]
    assert get_event(session_id, 2).is_archived
    assert seq_at(session_id, NOW + timedelta(seconds=3, milliseconds=1)) == 5


def test_a_key_is_known_also_when_its_event_has_left_the_log(team):
    session_id = _long_log(team)
    tend_logs(now=NOW)
    head = session_of(session_id).head_seq
    again = _patch(session_id, team, {"tasks": {"t0": {"n": 0, "text": "x" * 50}}}, key="key 0")
    assert (again.seq, again.was_replayed) == (2, True)
    with pytest.raises(InvalidInput) as refused:
        _patch(session_id, team, {"tasks": {"t0": 1}}, key="key 0")
    assert refused.value.code == "key_reused"
    assert _patch(session_id, team, {"n": 1}, key="KEY 0").seq == head + 1


def test_a_damaged_archive_says_so_and_stops_no_other_session(team):
    session_id, other = _long_log(team), _long_log(team)
    tend_logs(now=NOW)
    Archive.objects.filter(session=session_id).update(body=zlib.compress(b"[]"))
    StateBody.objects.filter(session=session_id).delete()
    with pytest.raises(Conflict) as refused:
        get_state_at(session_id, 3)
    assert refused.value.code == "archive_damaged"
    assert get_state_at(other, 3).seq == 3
    assert get_state(session_id).seq == 14


def test_what_has_ended_is_left_alone(team):
    session_id = _long_log(team)
    Session.objects.filter(pk=session_id).update(status="ended", ended_at=NOW)
    assert tend_logs(now=NOW) == 0
    assert Archive.objects.count() == 0


@pytest.mark.parametrize("work", ["patch", "archive"])
def test_a_crash_at_any_statement_leaves_all_or_nothing(team, work):
    session_id = _long_log(team, 8)
    before = (session_of(session_id).head_seq, get_state(session_id), list_events(session_id, after=0))
    for statement in range(1, 60):
        try:
            with undone(), crashing_at(statement):
                if work == "patch":
                    _patch(session_id, team, {"tasks": {"t1": None, "t9": {"n": 1}}, "focus": "x"}, key="k")
                else:
                    archive_log(session_id=session_id, now=NOW)
                return  # more statements than it has
        except Crash:
            after = (session_of(session_id).head_seq, get_state(session_id), list_events(session_id, after=0))
            assert after == before
            assert not Archive.objects.exists()
    raise AssertionError("It never ended.")


def test_a_log_in_several_archives_reads_as_one(team, monkeypatch):
    monkeypatch.setattr("sessions_app.services.log.archiving.MOST_KEY_CHARACTERS", 12)
    session_id = _long_log(team)
    told = {seq: get_state_at(session_id, seq) for seq in range(1, 14)}
    tend_logs(now=NOW)
    assert Archive.objects.filter(session=session_id).count() > 3
    _check(session_id, told)
    assert _patch(session_id, team, {"tasks": {"t2": {"n": 5, "text": "x" * 50}}}, key="key 5").was_replayed


@pytest.mark.parametrize(
    ("format", "delta"),
    [
        ("merge", [1]),
        ("merge", "x"),
        ("patch", {"a": 1}),
        ("patch", ["x"]),
        ("patch", [{"op": "jump", "path": "/a"}]),
        ("patch", [{"op": "add", "path": "a", "value": 1}]),
        ("patch", [{"op": "remove", "path": "/nowhere"}]),
        ("patch", [{"op": "add", "path": "", "value": 3}]),
        ("merge", {"n" * 500: 1}),
        ("merge", {"a": "x" * 300_000}),
    ],
)
def test_what_is_no_delta_is_refused_and_changes_nothing(team, format, delta):
    session_id = open_desk(team, state={"a": 1})
    with pytest.raises(InvalidInput) as refused:
        _patch(session_id, team, delta, format)
    assert refused.value.field == "delta"
    assert (session_of(session_id).head_seq, get_state(session_id).state) == (1, {"a": 1})


def test_a_failed_test_of_a_patch_is_a_conflict_and_changes_nothing(team):
    session_id = open_desk(team, state={"a": 1})
    patch = [{"op": "replace", "path": "/a", "value": 3}, {"op": "test", "path": "/a", "value": 2}]
    with pytest.raises(Conflict) as refused:
        _patch(session_id, team, patch, "patch")
    assert refused.value.code == "test_failed"
    assert get_state(session_id).state == {"a": 1}


def test_times_never_fall_when_a_clock_steps_back(team):
    session_id = open_desk(team)
    _patch(session_id, team, {"n": 1}, now=NOW + timedelta(hours=1))
    _patch(session_id, team, {"n": 2}, now=NOW)
    assert [each.at for each in list_events(session_id, limit=2)] == [NOW + timedelta(hours=1)] * 2
