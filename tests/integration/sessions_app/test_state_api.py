"""The shared state and the log over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.models import Event
from tests.integration.sessions_app.desk import open_desk
from tests.integration.world import Team, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def path(team: Team) -> str:
    """The doors of a session with one agent: two events."""
    return f"/api/v1/sessions/{open_desk(team, 'analyst', state={'focus': 'levees'})}/"


def _patch(team: Team, path: str, base: int, delta: Any, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = {"base_seq": base, "delta": delta, **more}
    return team.client.patch(f"{path}state/", body, format="json", headers=headers or {})


def test_a_merge_and_a_patch_change_the_state_and_every_earlier_one_can_be_read(team: Team, path: str) -> None:
    merged = _patch(team, path, 2, {"tasks": {"t1": {"title": "read gauges"}}}, agent="analyst", epoch=1)
    assert merged.json() == {"seq": 3, "was_rebased": False, "was_replayed": False}
    patched = _patch(team, path, 3, [{"op": "replace", "path": "/focus", "value": "roads"}])
    assert (patched.status_code, patched.json()["seq"]) == (200, 4)
    now = team.client.get(f"{path}state/").json()
    assert (now["seq"], now["state"]) == (4, {"focus": "roads", "tasks": {"t1": {"title": "read gauges"}}})
    then = team.client.get(f"{path}state/?at=3").json()
    assert (then["seq"], then["state"]["focus"]) == (3, "levees")
    assert then["digest"] != now["digest"]
    at = team.client.get(f"{path}events/3/").json()["at"].replace("+", "%2B")
    assert team.client.get(f"{path}state/?at={at}").json() == then
    assert team.client.get(f"{path}state/?at=2020-01-01T00:00:00Z").json()["state"] == {}


def test_who_has_not_seen_the_newest_event_is_told_what_it_missed(team: Team, path: str) -> None:
    _patch(team, path, 2, {"focus": "roads"}, agent="analyst")
    lost = _patch(team, path, 2, {"focus": "bridges"})
    assert lost.status_code == 409
    body = lost.json()
    assert (body["code"], body["head_seq"], body["base_seq"]) == ("stale_sequence", 3, 2)
    assert body["events"] == [
        {"seq": 3, "kind": "state.changed", "agent": "analyst", "format": "merge", "delta": {"focus": "roads"}}
    ]
    elsewhere = _patch(team, path, 2, {"tasks": {"t1": {"a": 1}}}, rebase=True)
    assert (elsewhere.status_code, elsewhere.json()["was_rebased"]) == (200, True)
    assert team.client.get(f"{path}state/").json()["state"] == {"focus": "roads", "tasks": {"t1": {"a": 1}}}


def test_the_same_key_is_stored_once_and_names_one_delta(team: Team, path: str) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = (_patch(team, path, 2, {"focus": "roads"}, key) for _ in range(2))
    assert (first.json()["seq"], again.json()["seq"], again.json()["was_replayed"]) == (3, 3, True)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = _patch(team, path, 3, {"focus": "bridges"}, key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert Event.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"delta": {"a": 1}}, 422, "base_seq"),
        ({"base_seq": -1, "delta": {"a": 1}}, 422, "base_seq"),
        ({"base_seq": 2}, 422, "delta"),
        ({"base_seq": 2, "delta": "x"}, 422, "delta"),
        ({"base_seq": 2, "delta": {"a": 1}, "format": "patch"}, 422, "delta"),
        ({"base_seq": 2, "delta": {"a": 1}, "format": "diff"}, 422, "format"),
        ({"base_seq": 2, "delta": [{"op": "fly"}]}, 422, "delta"),
        ({"base_seq": 2, "delta": {"a": 1}, "agent": "nobody"}, 404, "agent"),
        ({"base_seq": 2, "delta": {"a": 1}, "agent": "analyst", "epoch": 2}, 409, "epoch"),
        ({"base_seq": 2, "delta": {"a": 1}, "epoch": 1}, 422, "agent"),
        ({"base_seq": 9, "delta": {"a": 1}}, 409, "base_seq"),
        ({"base_seq": 2, "delta": [{"op": "test", "path": "/focus", "value": "x"}]}, 409, "delta"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field_and_changes_nothing(
    team: Team, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    before = team.client.get(f"{path}state/").json()
    answer = team.client.patch(f"{path}state/", body, format="json")
    assert answer.status_code == status, answer.content
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert team.client.get(f"{path}state/").json() == before
    assert Event.objects.count() == 2


def test_a_key_that_is_none_is_refused(team: Team, path: str) -> None:
    answer = _patch(team, path, 2, {"a": 1}, {"Idempotency-Key": "k" * 121})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("at=soon", 422),
        ("at=2026-03-04T10:20:00", 422),
        ("at=99", 404),
        ("at=999999999999999999999999", 422),
        ("tier=lukewarm", 422),
        ("tier=hot&at=1", 422),
    ],
)
def test_a_point_that_is_none_is_refused(team: Team, path: str, query: str, status: int) -> None:
    assert team.client.get(f"{path}state/?{query}").status_code == status


def test_a_part_of_the_state_is_read_by_its_tier(team: Team, path: str) -> None:
    _patch(team, path, 2, {"long": "x" * 2000})
    assert team.client.get(f"{path}state/?tier=hot").json()["state"] == {"focus": "levees"}
    assert list(team.client.get(f"{path}state/?tier=warm,cold").json()["state"]) == ["long"]


def test_the_log_is_read_in_pages_backwards_and_followed_forwards(team: Team, path: str) -> None:
    for step in range(6):
        _patch(team, path, 2 + step, {"n": step}, agent="analyst")
    newest = team.client.get(f"{path}events/?limit=3").json()
    assert [each["seq"] for each in newest["results"]] == [8, 7, 6]
    assert newest["results"][0]["delta"] is None
    older = team.client.get(newest["next"]).json()
    assert [each["seq"] for each in older["results"]] == [5, 4, 3]
    followed = team.client.get(f"{path}events/?after=3&limit=4&deltas=true").json()
    assert [(each["seq"], each["delta"]) for each in followed["results"]] == [(4 + n, {"n": 1 + n}) for n in range(4)]
    last = team.client.get(followed["next"]).json()
    assert ([each["seq"] for each in last["results"]], last["next"]) == ([8], None)
    kinds = team.client.get(f"{path}events/?kind=agent").json()["results"]
    assert [(each["kind"], each["agent"], each["epoch"]) for each in kinds] == [("agent.joined", "analyst", 1)]
    assert team.client.get(f"{path}events/?kind=age").json()["results"] == []
    assert len(team.client.get(f"{path}events/?agent=analyst").json()["results"]) == 7
    assert team.client.get(f"{path}events/8/").json()["delta"] == {"n": 5}
    for number in (0, 9):
        assert team.client.get(f"{path}events/{number}/").status_code == 404
    assert team.client.get(f"{path}events/?limit=501").status_code == 422
