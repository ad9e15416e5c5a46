"""Checkpoints while the database fails: kept on a lower rung, made good once."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest import mock
from uuid import uuid4

import pytest
from django.db import DataError, OperationalError, connection, connections
from rest_framework.test import APIClient

from config.server.health import CHECKS, State
from sessions_app.domain.continuity import Notes
from sessions_app.domain.spooled import read
from sessions_app.domain.words import Reason
from sessions_app.models import Checkpoint, Event
from sessions_app.selectors.checkpoints import get_checkpoint
from sessions_app.selectors.spool import get_spool_depth, list_drafts, list_waiting
from sessions_app.services import checkpoints
from sessions_app.services.checkpoints import (
    CheckpointAsk,
    Said,
    key_of,
    make_checkpoint,
    replay_spool,
    replaying,
    save_checkpoint,
    spool,
)
from sessions_app.services.lives import end_session
from sessions_app.services.log import Writer, patch_state
from sessions_app.services.reference import load_reference
from tests.integration.processes import in_processes
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.sessions_app.handing import begin, finish
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db(transaction=True)
WRITER = Writer(actor="key test")
LATER = NOW + timedelta(hours=1)
TEXT = "312 families in Baidoa need shelter. " * 20


@pytest.fixture
def team():
    load_reference(now=NOW)
    return make_team()


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.SPOOL_DIR, settings.EMERGENCY_DIR = tmp_path / "spool", tmp_path / "emergency"
    return settings


@contextmanager
def no_database():
    """Nobody answers where the database was."""
    gone = {"NAME": "/nowhere/at/all.sqlite3"} if connection.vendor == "sqlite" else {"HOST": "/nowhere/at/all"}
    connection.close()
    with mock.patch.dict(connection.settings_dict, gone):
        yield
        connection.close()


@contextmanager
def failing_at(words):
    """The database is there and refuses statements of this kind."""

    def run(execute, sql, params, many, context):
        if sql.startswith(words):
            raise OperationalError("could not extend file: No space left on device")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield


def _ask(session_id, team, key="k", **changes):
    said = changes.pop("said", Said(summary="312 families need shelter.", source=TEXT))
    return CheckpointAsk(
        session_id=session_id,
        team_id=team.team_id,
        reason=Reason.MANUAL,
        writer=WRITER,
        said=said,
        key=key_of(key),
        **changes,
    )


def _save(session_id, team, now=NOW, **changes):
    return save_checkpoint(ask=_ask(session_id, team, **changes), now=now)


def _write(session_id, team, delta, now=NOW):
    base = session_of(session_id).head_seq
    values = {"format": "merge", "delta": delta, "writer": WRITER, "now": now}
    return patch_state(session_id=session_id, team_id=team.team_id, base_seq=base, **values).seq


def _counts(session_id):
    events = Event.objects.filter(session=session_id, kind="checkpoint.made")
    return Checkpoint.objects.filter(session=session_id).count(), events.count()


def test_without_a_database_it_waits_whole_in_a_file_and_is_made_good_once(team):
    session_id = open_desk(team)
    then = _write(session_id, team, {"focus": "tents"}, now=NOW - timedelta(minutes=1))
    with no_database():
        kept = _save(
            session_id, team, said=Said(summary="312 families.", source=TEXT, notes=Notes(lines={"done": ["x"]}))
        )
        assert (kept.store, kept.checkpoint_id) == ("spool", None)
        assert replay_spool(now=NOW) == checkpoints.Replayed(made=0, set_aside=0)
    assert get_spool_depth().waiting == 1
    _write(session_id, team, {"focus": "water"}, now=LATER)

    assert replay_spool(now=LATER) == checkpoints.Replayed(made=1, set_aside=0)
    assert replay_spool(now=LATER) == checkpoints.Replayed(made=0, set_aside=0)
    made = Checkpoint.objects.get(session=session_id)
    assert (made.store, made.seq, made.summary, made.keeps_text) == ("spool", then, "312 families.", False)
    assert (made.document["in_progress"], made.document["done"]) == (["tents"], ["x"])
    assert get_checkpoint(session_id, made.pk).line.store == "spool"
    assert (_counts(session_id), get_spool_depth().waiting) == ((1, 1), 0)


@pytest.mark.parametrize("words", ["INSERT INTO", "UPDATE", "SELECT"])
def test_a_database_that_refuses_half_way_leaves_nothing_behind_and_the_spool_has_it(team, words):
    session_id = open_desk(team)
    head = session_of(session_id).head_seq
    with failing_at(words):
        assert _save(session_id, team).store == "spool"
    assert (_counts(session_id), session_of(session_id).head_seq) == ((0, 0), head)
    assert replay_spool(now=LATER).made == 1
    assert _counts(session_id) == (1, 1)


def test_a_commit_whose_answer_was_lost_is_not_made_twice(team):
    session_id = open_desk(team)

    def work():
        checkpoints.ask_checkpoint(ask=_ask(session_id, team), now=NOW)
        raise OperationalError("server closed the connection unexpectedly")

    assert save_checkpoint(ask=_ask(session_id, team), now=NOW, work=work).store == "spool"
    assert replay_spool(now=LATER).made == 1
    assert _counts(session_id) == (1, 1)


def test_the_same_key_waits_once_and_what_comes_after_the_outage_finds_it(team):
    session_id = open_desk(team)
    with no_database():
        _save(session_id, team)
        _save(session_id, team)
        _save(session_id, team, key="another")
    assert get_spool_depth().waiting == 2
    kept = _save(session_id, team, key="third", now=LATER)
    assert kept.store == "database"
    assert (get_spool_depth().waiting, _counts(session_id)) == (0, (3, 3))
    known = Event.objects.get(session=session_id, key=key_of("k")).facts
    again = _save(session_id, team, now=LATER)
    assert again.checkpoint_id == Checkpoint.objects.get(session=session_id, seq=known["seq"]).pk
    assert _counts(session_id) == (3, 3)


def test_where_the_spool_fails_too_a_short_record_is_kept_elsewhere(team, folders, tmp_path):
    folders.SPOOL_DIR = tmp_path / "file" / "spool"
    (tmp_path / "file").write_text("a disk that takes no folders")
    session_id = open_desk(team)
    long = "312 families need shelter \u2603. " * 200
    with no_database():
        assert _save(session_id, team, said=Said(summary=long, source=TEXT * 10)).store == "emergency"
    folders.SPOOL_DIR = tmp_path / "spool"
    (path,) = list_waiting(folders.EMERGENCY_DIR)
    assert path.stat().st_size < 1024
    assert read(path.read_text()).is_short
    assert (get_spool_depth().waiting, get_spool_depth().emergencies) == (1, 1)

    assert replay_spool(now=LATER).made == 1
    made = Checkpoint.objects.get(session=session_id)
    assert (made.store, made.seq, made.summary) == ("emergency", 1, "")
    assert made.document["done"][0].startswith("312 families need shelter")


def test_where_nothing_takes_it_the_log_has_the_record(team, folders, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    folders.SPOOL_DIR, folders.EMERGENCY_DIR = tmp_path / "file" / "a", tmp_path / "file" / "b"
    session_id = open_desk(team)
    with no_database():
        assert _save(session_id, team).store == "log"
    (line,) = [each for each in caplog.records if each.levelname == "CRITICAL"]
    assert read(line.record).session_id == session_id


def test_a_disk_that_fills_up_leaves_no_half_file(team, folders, monkeypatch):
    session_id = open_desk(team)

    def full(_handle):
        raise OSError(28, "No space left on device")

    with no_database(), monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert _save(session_id, team).store == "log"
    assert list(folders.SPOOL_DIR.iterdir()) == list(folders.EMERGENCY_DIR.iterdir()) == []


def test_a_folder_that_others_write_to_is_no_place_for_an_emergency_record(team, folders, tmp_path):
    (tmp_path / "file").write_text("")
    folders.SPOOL_DIR = tmp_path / "file" / "a"
    folders.EMERGENCY_DIR.mkdir()
    folders.EMERGENCY_DIR.chmod(0o777)
    with no_database():
        assert _save(uuid4(), team).store == "log"
    assert list(folders.EMERGENCY_DIR.iterdir()) == []


def test_a_full_spool_passes_on_to_the_next_rung(team, monkeypatch):
    session_id = open_desk(team)
    monkeypatch.setattr(spool, "MOST_WAITING", 1)
    with no_database():
        stores = [_save(session_id, team, key=key).store for key in "abc"]
    assert stores == ["spool", "emergency", "log"]


def test_damaged_files_are_set_aside_where_one_sees_them_and_others_are_replayed(team, folders):
    session_id = open_desk(team)
    with no_database():
        for key in "abcd":
            _save(session_id, team, key=key)
    first, second, third, _ = sorted(list_waiting(folders.SPOOL_DIR))
    first.write_text(first.read_text().replace("312", "999"))
    second.write_text("{")
    third.write_bytes(b"\xff\xfe")

    assert replay_spool(now=LATER) == checkpoints.Replayed(made=1, set_aside=3)
    depth = get_spool_depth()
    assert (depth.waiting, depth.set_aside) == (0, 3)
    names = {path.name for path in (folders.SPOOL_DIR / "set-aside").iterdir()}
    assert names == {f"{path.stem}.damaged.json" for path in (first, second, third)}
    finding = CHECKS["checkpoint_spool"][0](NOW)
    assert (finding.state, finding.detail) == (
        State.DEGRADED,
        "0 waiting, 0 of them emergency records; 3 set aside",
    )


def test_what_the_session_refuses_is_set_aside_with_its_reason(team, folders):
    other = make_team("Other")
    ended, foreign = open_desk(team), open_desk(other)
    with no_database():
        _save(ended, team)
        _save(foreign, team)
    end_session(session_id=ended, team_id=team.team_id, actor="key test", now=NOW)
    before = _counts(ended)
    assert replay_spool(now=LATER) == checkpoints.Replayed(made=0, set_aside=2)
    names = sorted(path.name.split(".")[1] for path in (folders.SPOOL_DIR / "set-aside").iterdir())
    assert names == ["not_found", "session_ended"]
    assert (_counts(ended), _counts(foreign)) == (before, (0, 0))


@pytest.mark.parametrize("is_link", [True, False])
def test_what_others_could_have_put_there_is_neither_replayed_nor_removed(team, folders, tmp_path, is_link):
    session_id, trap = open_desk(team), folders.EMERGENCY_DIR
    (tmp_path / "file").write_text("")
    folders.SPOOL_DIR = tmp_path / "file" / "a"
    with no_database():
        assert _save(session_id, team).store == "emergency"
    folders.SPOOL_DIR = tmp_path / "spool"
    (trap / "old.part").write_text("")
    os.utime(trap / "old.part", (0, 0))
    if is_link:
        trap.rename(tmp_path / "theirs")
        trap.symlink_to(tmp_path / "theirs")
    else:
        trap.chmod(0o777)
    assert replay_spool(now=LATER) == checkpoints.Replayed(made=0, set_aside=0)
    assert (_counts(session_id), len(list(trap.iterdir()))) == ((0, 0), 2)
    with pytest.raises(PermissionError):
        get_spool_depth()


def test_a_key_that_another_event_has_holds_up_no_other_entry(team, folders):
    session_id = open_desk(team)
    with no_database():
        _save(session_id, team, key="taken")
        _save(session_id, team, key="free")
    values = {"base_seq": session_of(session_id).head_seq, "format": "merge", "delta": {"a": 1}, "writer": WRITER}
    patch_state(session_id=session_id, team_id=team.team_id, key=key_of("taken"), now=NOW, **values)
    assert replay_spool(now=LATER) == checkpoints.Replayed(made=1, set_aside=1)
    assert [path.name.split(".")[1] for path in (folders.SPOOL_DIR / "set-aside").iterdir()] == ["key_reused"]
    assert _counts(session_id) == (1, 1)


@pytest.mark.parametrize(
    ("error", "made", "aside", "waiting"),
    [(DataError("invalid byte sequence"), 2, 1, 0), (OperationalError("lock timeout"), 2, 0, 1)],
)
def test_an_entry_that_the_database_refuses_holds_up_no_other(team, error, made, aside, waiting):
    sessions = [open_desk(team) for _ in range(3)]
    with no_database():
        for each in sessions:
            _save(each, team)

    def refusing(session, **values):
        if session.pk == sessions[0]:
            raise error
        return make_checkpoint(session, **values)

    with mock.patch.object(replaying, "make_checkpoint", refusing):
        assert replay_spool(now=LATER) == checkpoints.Replayed(made=made, set_aside=aside)
    assert get_spool_depth().waiting == waiting


def test_a_file_that_cannot_be_removed_holds_up_no_other(team):
    session_id = open_desk(team)
    with no_database():
        for key in "ab":
            _save(session_id, team, key=key)
    with mock.patch.object(Path, "unlink", side_effect=OSError(30, "Read-only file system")):
        replay_spool(now=LATER)
    assert (_counts(session_id), get_spool_depth().waiting) == ((2, 2), 2)
    replay_spool(now=LATER)
    assert (_counts(session_id), get_spool_depth().waiting) == ((2, 2), 0)


@pytest.mark.parametrize(("epoch", "store"), [(1, None), (2, "spool"), (None, "spool")])
def test_an_earlier_life_of_an_agent_gets_nothing_in_through_the_spool(team, folders, epoch, store):
    session_id = open_desk(team, "a1")
    _succeed(session_id, now=NOW)
    writer = Writer(actor="key test", agent="a1", epoch=epoch)
    with no_database():
        save_checkpoint(ask=replace(_ask(session_id, team), writer=writer), now=NOW + timedelta(seconds=1))
    _succeed(session_id, now=NOW + timedelta(seconds=2))  # takes nothing from what its source asked before
    replay_spool(now=LATER)
    made = Checkpoint.objects.filter(session=session_id, store="spool").first()
    assert (made and made.store) == store
    assert get_spool_depth().set_aside == (0 if store else 1)


def _succeed(session_id, now):
    assert finish(begin(session_id, "emergency", now=now), now=now).phase == "complete"


def _in_a_process_that_dies(work):
    """Run work in a fork; it ends by SIGKILL."""
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


def _die(*_args):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_while_the_file_is_written_leaves_no_entry(team, folders):
    session_id = open_desk(team)

    def work():
        with no_database(), mock.patch.object(os, "fsync", _die):
            _save(session_id, team)

    _in_a_process_that_dies(work)
    assert list_waiting(folders.SPOOL_DIR) == []
    (draft,) = list_drafts(folders.SPOOL_DIR)
    assert replay_spool(now=LATER) == checkpoints.Replayed(made=0, set_aside=0)
    assert draft.exists()
    os.utime(draft, (0, 0))
    replay_spool(now=LATER)
    assert not draft.exists()


def test_a_kill_between_the_commit_and_the_removal_of_the_file_makes_nothing_twice(team):
    session_id = open_desk(team)
    with no_database():
        _save(session_id, team)

    def work():
        with mock.patch.object(replaying, "take_away", _die):
            replay_spool(now=LATER)

    _in_a_process_that_dies(work)
    assert (_counts(session_id), get_spool_depth().waiting) == ((1, 1), 1)
    assert replay_spool(now=LATER).made == 1
    assert (_counts(session_id), get_spool_depth().waiting) == ((1, 1), 0)


def test_several_processes_replay_one_spool_and_each_entry_is_made_once(team):
    session_id = open_desk(team)
    with no_database():
        for key in range(6):
            _save(session_id, team, key=str(key))
    in_processes([partial(replay_spool, now=LATER)] * 4)
    assert (_counts(session_id), get_spool_depth().waiting) == ((6, 6), 0)
    assert get_spool_depth().set_aside == 0


def test_a_key_that_was_just_known_may_ask_while_the_database_is_down(team):
    session_id = open_desk(team)
    client, url = team.client, f"/api/v1/sessions/{session_id}/checkpoints/"
    assert client.get(url).status_code == 200
    body = {"summary": "312 families need shelter.", "source": TEXT}
    with no_database():
        answer = client.post(url, body, headers={"Idempotency-Key": "one"})
        stranger = APIClient().post(url, body, headers={"Authorization": f"Bearer {team.secret[:-4]}aaaa"})
        assert client.get(url).status_code == 503
    assert (answer.status_code, answer.json()["store"], stranger.status_code) == (202, "spool", 503)
    assert json.dumps(answer.json()).count("waits whole on this server's disk") == 1

    assert replay_spool(now=LATER).made == 1
    again = client.post(url, body, headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()["store"], again.json()["summary"]) == (201, "spool", body["summary"])
    assert _counts(session_id) == (1, 1)


def test_where_only_the_log_has_it_the_caller_is_told_to_ask_again(team, folders, tmp_path):
    session_id = open_desk(team)
    client, url = team.client, f"/api/v1/sessions/{session_id}/checkpoints/"
    client.get(url)
    (tmp_path / "file").write_text("")
    folders.SPOOL_DIR, folders.EMERGENCY_DIR = tmp_path / "file" / "a", tmp_path / "file" / "b"
    with no_database():
        answer = client.post(url, {})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
