"""Bodies, queries and documents that mean harm are refused by name; nothing of them is stored or unpacked."""

from __future__ import annotations

import base64
import zlib
from hashlib import sha256
from typing import Any

import pytest

from sessions_app.models import Session
from sessions_app.selectors.exports import hash_of
from sessions_app.services.exchange import MOST_ARCHIVE_BYTES
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, Team, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
SESSIONS = "/api/v1/sessions/"
CHECKPOINTS = "/api/v1/threads/t1/checkpoints/"


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def session_id(team: Team) -> Any:
    return open_desk(team, "analyst", state={"a": {"x": 1}})


def _document(team: Team, session_id: Any) -> Any:
    return team.client.get(f"{SESSIONS}{session_id}/export/").json()


def _refused(document: Any, part: str) -> None:
    """The import of a document that was signed again names this part, and stores nothing."""
    document["sha256"] = {name: hash_of(each) for name, each in document["parts"].items()}
    before = Session.objects.count()
    answer = make_team("Other").client.post(f"{SESSIONS}import/", document, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, part), answer.content
    assert Session.objects.count() == before


def test_a_patch_that_doubles_a_value_sixty_times_is_refused(team: Team, session_id: Any) -> None:
    delta = [{"op": "copy", "from": "/a", "path": f"/a/c{step}"} for step in range(60)]
    body = {"base_seq": session_of(session_id).head_seq, "delta": delta}
    answer = team.client.patch(f"{SESSIONS}{session_id}/state/", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "delta")
    assert team.client.get(f"{SESSIONS}{session_id}/state/").json()["state"] == {"a": {"x": 1}}


def test_a_number_beyond_what_json_holds_is_refused_by_its_field(team: Team, session_id: Any) -> None:
    path = f"/api/v1/sessions/{session_id}/state/"
    head = team.client.get(path).json()["seq"]
    body = f'{{"base_seq": {head}, "delta": {{"level": 1e999}}}}'
    answer = team.client.patch(path, body, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "delta")
    assert team.client.get(path).json()["seq"] == head


def test_a_body_nested_deeper_than_it_can_be_kept_is_refused(team: Team, session_id: Any) -> None:
    for levels in (98, 150, 400, 100_000):
        text = f'{{"base_seq": 2, "delta": {{"x": {"[" * levels}{"]" * levels}}}}}'
        path = f"{SESSIONS}{session_id}/state/"
        answer = team.client.generic("PATCH", path, text, content_type="application/json")
        assert answer.status_code == (200 if levels == 98 else 400)


@pytest.mark.parametrize("metadata", ['{"a":[1e999]}', '{"a":NaN}', '{"\\ud800":1}', '{"a":"\\u0000"}', "[1]", "{"])
def test_metadata_that_no_database_can_look_for_are_refused(team: Team, metadata: str) -> None:
    answer = team.client.get(CHECKPOINTS, {"metadata": metadata})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "metadata")


def test_metadata_nested_without_end_are_refused(team: Team) -> None:
    for text in ('{"a":' * 200 + "1" + "}" * 200, "[" * 5000):
        assert team.client.get(CHECKPOINTS, {"metadata": text}).status_code == 422


def test_archives_that_unpack_to_more_than_a_bound_in_all_are_refused(team: Team, session_id: Any) -> None:
    document, raw = _document(team, session_id), b"0" * (MOST_ARCHIVE_BYTES // 2)
    archive = {
        "kind": "item",
        "title": "bomb",
        "agent": "",
        "seq_from": 1,
        "seq_to": 1,
        "sha256": base64.b64encode(sha256(raw).digest()).decode(),
        "body": base64.b64encode(zlib.compress(raw)).decode(),
        "text": "",
        "tokens": 1,
        "strategy": "",
        "made_at": NOW.isoformat(),
        "verified_at": NOW.isoformat(),
        "restored_at": None,
    }
    document["parts"]["archives"] = [{"id": number, **archive} for number in (1, 2, 3)]
    _refused(document, "archives")


@pytest.mark.parametrize(
    ("part", "column", "value"),
    [
        ("instances", "component_tokens", [1]),
        ("instances", "fired_rungs", {"a": 1}),
        ("session", "task", 5),
        ("events", "facts", "text"),
    ],
)
def test_json_of_another_shape_than_its_column_is_refused(
    team: Team, session_id: Any, part: str, column: str, value: Any
) -> None:
    document = _document(team, session_id)
    rows = document["parts"][part]
    (rows if part == "session" else rows[0])[column] = value
    _refused(document, part)


def test_checkpoints_of_one_id_in_many_namespaces_are_paged(team: Team) -> None:
    for name in ("a", "b", "c"):
        body = {"namespace": name, "type": "json", "body": "e30="}
        assert team.client.put(f"{CHECKPOINTS}c1/", body, format="json").status_code == 200
    answer = team.client.get(CHECKPOINTS, {"limit": 2})
    assert (answer.status_code, len(answer.json()["results"])) == (200, 3)


@pytest.mark.parametrize("path", ["agents/%00/", "agents/%00/items/", "agents/%00/allocations/"])
def test_a_name_in_a_path_that_no_database_looks_for_is_not_there(team: Team, session_id: Any, path: str) -> None:
    answer = team.client.get(f"{SESSIONS}{session_id}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_page_of_a_name_that_no_database_looks_for_is_not_there(client: Any) -> None:
    assert client.get("/sessions/%00/").status_code == 404
