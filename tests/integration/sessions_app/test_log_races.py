"""Many writers at once, in processes of their own: what was answered is stored, and nothing else."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from multiprocessing import get_context

import pytest
from django.db import connections
from django.utils import timezone

from config.kernel.errors import Conflict
from sessions_app.models import Event, Session
from sessions_app.selectors.events import list_events
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.log import Writer, patch_from_outside
from sessions_app.services.log.archiving import archive_log
from tests.integration.processes import in_processes
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import load_world, make_team

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, UPDATES = 8, 25


@pytest.fixture
def team():
    load_world()
    return make_team()


def _write(session_id, team_id, name, count):
    """Add one to a number that all share, and say how often somebody else was faster."""
    facts = get_state(session_id)
    seq, value, lost = facts.seq, facts.state["n"], 0
    for number in range(count):
        while True:
            try:
                done = _patch(session_id, team_id, seq, {"n": value + 1, "by": {name: number}})
            except Conflict as refusal:
                if refusal.code != "stale_sequence":
                    raise
                lost += 1
                if refusal.facts["events"] is None:  # too many to tell
                    facts = get_state(session_id)
                    seq, value = facts.seq, facts.state["n"]
                for event in refusal.facts["events"] or ():  # what the loser is told is enough to try again
                    seq = event["seq"]
                    if event["delta"] is not None:  # what was archived meanwhile is told, and changes no state
                        value = event["delta"]["n"]
            else:
                seq, value = done.seq, value + 1
                break
    return lost


def _patch(session_id, team_id, seq, delta, **changes):
    return patch_from_outside(
        session_id=session_id,
        team_id=team_id,
        base_seq=seq,
        key=changes.pop("key", None),
        format="merge",
        delta=delta,
        writer=Writer(actor="key test"),
        now=timezone.now(),
        **changes,
    )


def test_of_eight_writers_on_one_session_none_loses_an_update_without_being_told(team):
    session_id = open_desk(team, state={"n": 0})
    works = [partial(_write, session_id, team.team_id, f"w{number}", UPDATES) for number in range(WRITERS)]
    lost = in_processes(works)
    state = get_state(session_id).state
    assert state["n"] == WRITERS * UPDATES
    assert state["by"] == {f"w{number}": UPDATES - 1 for number in range(WRITERS)}
    assert session_of(session_id).head_seq == 1 + WRITERS * UPDATES
    assert sum(lost) > 0
    lines = list_events(session_id, after=1, with_deltas=True, limit=500)
    assert [each.delta["n"] for each in lines] == list(range(1, WRITERS * UPDATES + 1))


def _read(session_id, count):
    """States read while others write: each is one that was recorded."""
    facts = [get_state(session_id) for _ in range(count)]
    return all(get_state_at(session_id, each.seq) == each for each in facts)


def _archive(session_id, count):
    return sum(archive_log(session_id=session_id, now=timezone.now()) for _ in range(count))


def test_readers_see_recorded_states_only_while_others_write_and_archive(team):
    session_id = open_desk(team, state={"n": 0})
    Session.objects.filter(pk=session_id).update(
        overrides={"checkpoints.log_events": 10, "checkpoints.body_events": 3, "checkpoints.body_percent": 1}
    )
    writers = [partial(_write, session_id, team.team_id, f"w{number}", 15) for number in range(2)]
    results = in_processes([*writers, partial(_read, session_id, 25), partial(_archive, session_id, 15)])
    assert results[2] is True
    state = get_state(session_id).state
    assert state["n"] == 30
    assert get_state_at(session_id, session_of(session_id).head_seq).state == state


def _replay(session_id, team_id):
    return _patch(session_id, team_id, 1, {"n": 1}, key="once").seq


def test_the_same_key_sent_at_once_is_stored_once(team):
    session_id = open_desk(team, state={"n": 0})
    assert in_processes([partial(_replay, session_id, team.team_id)] * 6) == [2] * 6
    assert Event.objects.filter(session=session_id).count() == 2


def _write_until_killed(session_id, team_id, told):
    connections.close_all()
    with open(told, "a", buffering=1) as answered:
        for number in range(10_000):
            head = get_state(session_id)
            done = _patch(session_id, team_id, head.seq, {"n": number, "text": "x" * 500})
            answered.write(f"{done.seq}\n")


def test_a_writer_that_is_killed_leaves_a_whole_log_with_all_that_it_was_told(team, tmp_path):
    session_id = open_desk(team, state={"n": 0})
    Session.objects.filter(pk=session_id).update(
        overrides={"checkpoints.body_events": 2, "checkpoints.body_percent": 1}
    )
    for attempt in range(3):
        connections.close_all()
        told = tmp_path / f"told {attempt}"
        told.touch()
        work = get_context("fork").Process(target=_write_until_killed, args=(session_id, team.team_id, told))
        work.start()
        while told.read_text().count("\n") < 5:
            time.sleep(0.002)
        os.kill(work.pid, signal.SIGKILL)
        work.join()
        answered = [int(line) for line in told.read_text().splitlines(keepends=True) if line.endswith("\n")]
        head = session_of(session_id).head_seq
        assert answered[-1] <= head <= answered[-1] + 1
        assert [each.seq for each in list_events(session_id, after=0, limit=500)] == list(range(1, head + 1))
        assert get_state_at(session_id, head) == get_state(session_id)
