"""Threads of LangGraph's agents: values once, nothing removed unarchived, nothing of another team's."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from config.kernel.errors import Conflict, NotFound
from sessions_app.models import Archive, Event, Session, ThreadBlob, ThreadCheckpoint, ThreadWrite
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.threads import find_thread, get_checkpoint, list_checkpoints
from sessions_app.services import threads
from sessions_app.services.lives import end_session
from sessions_app.services.threads import BlobAsk, CheckpointAsk, WriteAsk, WritesAsk
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.world import NOW, load_world, make_team, undone

pytestmark = pytest.mark.django_db
THREAD = "desk/7"
PATH = "/api/v1/threads/desk%252F7/"


@pytest.fixture
def team():
    load_world()
    return make_team()


def by(team, thread_id=THREAD):
    return {"thread_id": thread_id, "team_id": team.team_id, "actor": "key test", "now": NOW}


def ask(number, *, changed=("a",), **changes):
    """Checkpoint `number` of a chain: two channels, of which it changes some."""
    versions = {"a": str(number if "a" in changed else 1), "b": "1"}
    names = {"a", "b"} if number == 1 else changed
    blobs = [BlobAsk(channel=name, version=versions[name], type="msgpack", body=b"%d" % number) for name in names]
    values = {
        "checkpoint_id": f"id-{number:03}",
        "parent_id": f"id-{number - 1:03}" if number > 1 else "",
        "type": "msgpack",
        "body": b"checkpoint %d" % number,
        "metadata": {"source": "loop", "step": number},
        "channel_versions": versions,
        "blobs": blobs,
    }
    return CheckpointAsk(**{**values, **changes})


def write(number, *indexes, task="task", body=b"w"):
    writes = [WriteAsk(index=index, channel=f"c{index}", type="msgpack", body=body) for index in indexes]
    return WritesAsk(checkpoint_id=f"id-{number:03}", task_id=task, task_path="~p", writes=writes)


def make_thread(team, count=4, thread_id=THREAD):
    for number in range(1, count + 1):
        threads.put_checkpoint(**by(team, thread_id), ask=ask(number))
        threads.put_writes(**by(team, thread_id), ask=write(number, 0, 1, -1))
    return find_thread(team.team_id, thread_id)


def rows(session_id):
    """Everything that is stored of a thread, whatever its keys in the database."""
    found = []
    for model in (ThreadCheckpoint, ThreadBlob, ThreadWrite):
        lines = model.objects.filter(session=session_id).values()
        found.append(sorted(str({**line, "id": 0, "body": bytes(line["body"])}) for line in lines))
    return found


def test_a_value_that_did_not_change_is_stored_once_and_read_with_every_checkpoint(team):
    session_id = make_thread(team)
    assert ThreadBlob.objects.filter(session=session_id).count() == 5
    facts = list_checkpoints(session_id)
    assert [row.checkpoint_id for row in facts.checkpoints] == ["id-004", "id-003", "id-002", "id-001"]
    assert sorted((blob.channel, blob.version) for blob in facts.blobs) == [
        ("a", "1"),
        ("a", "2"),
        ("a", "3"),
        ("a", "4"),
        ("b", "1"),
    ]
    past = get_checkpoint(session_id, "", "id-002")
    assert sorted((blob.channel, bytes(blob.body)) for blob in past.blobs) == [("a", b"2"), ("b", b"1")]
    assert [each.index for each in past.writes[past.checkpoints[0].pk]] == [-1, 0, 1]


def test_every_change_is_told_in_the_log_and_the_same_again_is_not(team):
    session_id = make_thread(team, 2)
    head = Session.objects.get(pk=session_id).head_seq
    kinds = list(Event.objects.filter(session=session_id).values_list("kind", flat=True))
    assert kinds == ["session.opened", *["thread.checkpoint", "thread.writes"] * 2]
    assert threads.put_checkpoint(**by(team), ask=ask(2)) == 4
    threads.put_writes(**by(team), ask=write(2, 0, 1, -1))
    assert Session.objects.get(pk=session_id).head_seq == head


def test_a_write_of_a_task_stays_while_a_special_one_is_replaced(team):
    session_id = make_thread(team, 1)
    threads.put_writes(**by(team), ask=write(1, 0, -1, body=b"other"))
    stored = ThreadWrite.objects.filter(session=session_id).values_list("index", "body")
    assert {index: bytes(body) for index, body in stored} == {0: b"w", 1: b"w", -1: b"other"}


def test_a_task_may_write_before_its_checkpoint_arrives(team):
    threads.put_writes(**by(team), ask=write(1, 0))
    threads.put_checkpoint(**by(team), ask=ask(1))
    facts = get_checkpoint(find_thread(team.team_id, THREAD), "", None)
    assert [each.channel for each in facts.writes[facts.checkpoints[0].pk]] == ["c0"]


def test_a_checkpoint_that_must_follow_the_newest_is_refused_if_it_does_not(team):
    session_id = make_thread(team, 2)
    before = rows(session_id)
    with pytest.raises(Conflict) as refused:
        threads.put_checkpoint(**by(team), ask=ask(3, parent_id="id-001", follows=True))
    assert (refused.value.code, refused.value.facts["latest_id"]) == ("stale_parent", "id-002")
    assert rows(session_id) == before
    threads.put_checkpoint(**by(team), ask=ask(3, follows=True))
    threads.put_checkpoint(**by(team), ask=ask(3, follows=True))  # its answer was lost


def test_what_is_deleted_is_archived_whole_and_comes_back_as_it_was(team):
    session_id = make_thread(team)
    before = rows(session_id)
    assert threads.delete_thread(**by(team)) == 4
    assert rows(session_id) == [[], [], []]
    archive = Archive.objects.get(session=session_id)
    assert (archive.kind, len(json.loads(read_body(archive))["writes"])) == ("thread", 12)
    assert threads.restore_thread(**by(team), archive_id=archive.pk) == 4
    assert rows(session_id) == before
    assert threads.delete_thread(**by(team, "unknown")) == 0


def test_pruning_keeps_the_newest_of_each_namespace_with_its_values(team):
    session_id = make_thread(team)
    before = rows(session_id)
    threads.put_checkpoint(**by(team), ask=ask(1, namespace="child:1"))
    assert threads.prune_thread(**by(team)) == 3
    facts = get_checkpoint(session_id, "", None)
    assert (facts.checkpoints[0].checkpoint_id, facts.children) == ("id-004", frozenset())
    assert {blob.channel for blob in facts.blobs} == {"a", "b"}
    assert len(facts.writes[facts.checkpoints[0].pk]) == 3
    assert get_checkpoint(session_id, "child:1", None).checkpoints[0].checkpoint_id == "id-001"
    assert threads.prune_thread(**by(team)) == 0
    threads.restore_thread(**by(team), archive_id=Archive.objects.get(session=session_id).pk)
    ThreadCheckpoint.objects.filter(session=session_id, namespace="child:1").delete()
    ThreadBlob.objects.filter(session=session_id, namespace="child:1").delete()
    assert rows(session_id) == before


def test_a_thread_whose_newest_value_is_rebuilt_from_older_ones_is_not_pruned(team):
    make_thread(team, 2)
    metadata = {"counters_since_delta_snapshot": {"a": [1, 1]}}
    threads.put_checkpoint(**by(team), ask=ask(3, metadata=metadata))
    with pytest.raises(Conflict) as refused:
        threads.prune_thread(**by(team))
    assert refused.value.code == "delta_channels"
    assert ThreadCheckpoint.objects.count() == 3


def test_a_crash_at_any_statement_removes_nothing_that_is_not_archived(team):
    session_id = make_thread(team, 2)
    before, statement = rows(session_id), 0
    while True:
        statement += 1
        try:
            with undone(), crashing_at(statement):
                threads.delete_thread(**by(team))
        except Crash:
            assert rows(session_id) == before
            assert not Archive.objects.filter(session=session_id).exists()
            continue
        break
    assert statement > 8


def test_runs_are_removed_from_all_threads_of_the_team_alone(team):
    other = make_team("Other desk")
    for each, name in ((team, "one"), (team, "two"), (other, "one")):
        threads.put_checkpoint(**by(each, name), ask=ask(1, run_id="run-1"))
        threads.put_checkpoint(**by(each, name), ask=ask(2, run_id="run-2"))
    values = {"team_id": team.team_id, "actor": "key test", "now": NOW}
    assert threads.delete_runs(run_ids=["run-1", "", "run-9"], **values) == 2
    left = ThreadCheckpoint.objects.order_by("session__team_id", "session__external_id", "checkpoint_id")
    assert [row.run_id for row in left] == ["run-2", "run-2", "run-1", "run-2"]
    kept = get_checkpoint(find_thread(team.team_id, "one"), "", None)
    assert {blob.channel for blob in kept.blobs} == {"a", "b"}  # b came with the run that is gone


def test_a_copy_is_whole_and_goes_only_where_nothing_is(team):
    session_id = make_thread(team)
    assert threads.copy_thread(**by(team), to="copy") == 4
    copied = find_thread(team.team_id, "copy")
    facts, source = list_checkpoints(copied), list_checkpoints(session_id)
    assert [row.body for row in facts.checkpoints] == [row.body for row in source.checkpoints]
    assert (len(facts.blobs), sum(map(len, facts.writes.values()))) == (5, 12)
    with pytest.raises(Conflict) as refused:
        threads.copy_thread(**by(team, "copy"), to=THREAD)
    assert refused.value.code == "thread_in_use"
    with pytest.raises(NotFound):
        threads.copy_thread(**by(team, "unknown"), to="other")
    assert find_thread(team.team_id, "other") is None


def test_an_ended_thread_takes_no_checkpoint_and_stays_readable(team):
    session_id = make_thread(team, 1)
    end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=NOW)
    with pytest.raises(Conflict) as refused:
        threads.put_checkpoint(**by(team), ask=ask(2))
    assert refused.value.code == "session_ended"
    assert get_checkpoint(session_id, "", None).checkpoints[0].checkpoint_id == "id-001"


# --- doors -------------------------------------------------------------------------------


def body(**changes):
    text = b64encode(b"x").decode()
    blob = {"channel": "a", "version": "1", "type": "msgpack", "body": text}
    values = {"type": "msgpack", "body": text, "channel_versions": {"a": "1"}, "blobs": [blob]}
    return {**values, "metadata": {"source": "input", "step__gt": 3, "empty": None}, **changes}


def test_a_checkpoint_goes_in_and_comes_out_by_the_name_of_its_thread(team):
    path = f"{PATH}checkpoints/"
    assert team.client.put(f"{path}id-001/", body(), format="json").json() == {"seq": 2}
    told = team.client.get(f"{path}latest/").json()
    assert (told["checkpoint"]["metadata"], told["blobs"][0]["channel"]) == (body()["metadata"], "a")
    thread = team.client.get(PATH).json()
    assert (thread["thread_id"], thread["checkpoints"]) == (THREAD, 1)
    assert [each["thread_id"] for each in team.client.get("/api/v1/threads/").json()["results"]] == [THREAD]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"source": "input"}, 1),
        ({"source": "loop"}, 0),
        ({"step__gt": 3}, 1),
        ({"step__gt": 2}, 0),
        ({"empty": None}, 1),
        ({"a'; --": 1}, 0),
    ],
)
def test_metadata_are_asked_by_name_whatever_the_name_holds(team, wanted, count):
    team.client.put(f"{PATH}checkpoints/id-001/", body(), format="json")
    found = team.client.get(f"{PATH}checkpoints/", {"metadata": json.dumps(wanted)}).json()["results"]
    assert len(found) == count


def test_a_list_goes_on_where_its_page_ended(team):
    make_thread(team, 5, "long")
    page, ids = team.client.get("/api/v1/threads/long/checkpoints/", {"limit": 2}).json(), []
    while True:
        ids += [each["checkpoint_id"] for each in page["results"]]
        if page["next"] is None:
            break
        page = team.client.get(page["next"]).json()
    assert ids == [f"id-{number:03}" for number in range(5, 0, -1)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"body": "no base64!"}, "body"),
        ({"body": None}, "body"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"a": "\0"}}, "metadata"),
        ({"namespace": "n" * 201}, "namespace"),
        ({"blobs": [{"channel": "a"}]}, "blobs"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_its_name_and_no_thread_begins(team, changes, field):
    answer = team.client.put(f"{PATH}checkpoints/id-001/", body(**changes), format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert not Session.objects.exists()


@pytest.mark.parametrize("path", [f"{PATH}checkpoints/{'i' * 61}/", f"/api/v1/threads/{'t' * 201}/checkpoints/i/"])
def test_names_that_are_too_long_are_refused(team, path):
    assert team.client.put(path, body(), format="json").status_code == 422
    assert not Session.objects.exists()


def test_a_thread_of_another_team_is_not_there(team):
    make_thread(team, 1)
    stranger = make_team("Other desk").client
    assert stranger.get(PATH).status_code == 404
    assert stranger.get(f"{PATH}checkpoints/latest/").status_code == 404
    assert stranger.get(f"{PATH}checkpoints/").json()["results"] == []
    assert stranger.delete(PATH).json() == {"checkpoints": 0}
    assert ThreadCheckpoint.objects.count() == 1


def test_who_may_only_read_writes_nothing(team):
    make_thread(team, 1)
    reader = make_team("Readers", scopes=["sessions:read"]).client
    assert reader.put(f"{PATH}checkpoints/id-009/", body(), format="json").status_code == 403
    assert reader.delete(PATH).status_code == 403
    assert reader.post(f"{PATH}prune/").status_code == 403


def test_runs_are_named_when_they_are_removed(team):
    make_thread(team, 1)
    answer = team.client.delete("/api/v1/threads/")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "run_id")
    assert ThreadCheckpoint.objects.count() == 1


def test_an_id_in_more_namespaces_than_a_page_has_rows_is_listed_whole(team):
    for number in (1, 2):
        for name in ("", "child:1", "child:2"):
            threads.put_checkpoint(**by(team), ask=ask(number, namespace=name))
    session_id = find_thread(team.team_id, THREAD)
    first = list_checkpoints(session_id, limit=2)
    assert [row.checkpoint_id for row in first.checkpoints] == ["id-002"] * 3
    assert first.has_more
    second = list_checkpoints(session_id, before="id-002", limit=2)
    assert [row.checkpoint_id for row in second.checkpoints] == ["id-001"] * 3
    assert not second.has_more


def test_writes_of_one_number_in_one_request_count_as_if_they_had_come_one_by_one(team):
    threads.put_checkpoint(**by(team), ask=ask(1))
    twice = [WriteAsk(index=index, channel="c", type="t", body=body) for index in (0, -1) for body in (b"1", b"2")]
    threads.put_writes(**by(team), ask=WritesAsk(checkpoint_id="id-001", task_id="task", writes=twice))
    stored = ThreadWrite.objects.order_by("index").values_list("index", "body")
    assert [(index, bytes(body)) for index, body in stored] == [(-1, b"2"), (0, b"1")]
