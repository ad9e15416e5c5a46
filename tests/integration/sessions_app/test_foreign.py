"""Whose a session is not finds none of its doors, and changes nothing; nor does a key without the scope."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from accounts.domain.scopes import Scope
from sessions_app.models import Event
from sessions_app.urls import urlpatterns
from tests.integration.sessions_app.desk import open_desk
from tests.integration.world import Team, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
BODIES: dict[str, Any] = {
    "agents/": {"agent": "spy"},
    "state/": {"base_seq": 2, "delta": {"focus": "x"}},
    "usage/": {"call_id": "c", "agent": "analyst", "epoch": 1, "input_tokens": 1, "output_tokens": 1},
    "holds/": {"agent": "analyst", "epoch": 1, "tokens": 5},
    "items/": {"epoch": 1, "items": [{"key": "k", "component": "knowledge"}]},
    "allocations/": {"epoch": 1, "component": "knowledge", "tokens": 5},
    "load/": {"keys": ["/focus"]},
    "facts/": {"kind": "decision", "text": "x"},
    "1/": {"epoch": 1, "is_pinned": True},
    "supersede/": {"text": "x"},
    "restore/": {"at": "1"},
    "handoffs/": {"protocol": "graceful", "reason": "r"},
    "votes/": {"agent": "analyst", "epoch": 1, "vote": "ready"},
    "abort/": {"reason": "r"},
    "rounds/": {"topic": "t"},
    "turns/": {"agent": "analyst", "epoch": 1, "stance": "agree", "confidence": 0.5, "text": "t"},
    "decide/": {"decision": "accepted", "rationale": "because of that"},
}


@pytest.fixture
def team() -> Team:
    return make_team()


def _doors(session_id: Any) -> list[tuple[str, str]]:
    """Every door below a session, with each method that its view has."""
    found = []
    for pattern in urlpatterns:
        route = str(pattern.pattern).replace("<uuid:session_id>", str(session_id)).replace("<str:agent>", "analyst")
        route = re.sub(r"<int:\w+>", "1", re.sub(r"<uuid:\w+>", str(uuid4()), route))
        if str(session_id) in route:
            view = pattern.callback.cls  # type: ignore[union-attr]
            found += [
                (name, f"/api/v1/{route}") for name in ("get", "post", "patch", "put", "delete") if hasattr(view, name)
            ]
    return found


def _asked(team: Team, method: str, path: str) -> Any:
    last = re.sub(r"^.*?([^/]+/)$", r"\1", path)
    body = {} if method == "get" else BODIES.get("restore/" if last == "restore/" and "/1/" not in path else last, {})
    if last == "restore/" and "/1/" in path:
        body = {}
    if "/facts/" in path and last == "1/":
        body = {"is_pinned": True}
    url = f"{path}?epoch=1" if method == "delete" else path
    return getattr(team.client, method)(url, body, format="json") if method != "get" else team.client.get(url)


def test_another_team_finds_no_door_of_a_session_and_changes_nothing(team: Team) -> None:
    session_id, other = open_desk(team, "analyst", "writer", state={"focus": "levees"}), make_team("Other")
    events, doors = Event.objects.count(), _doors(session_id)
    answers = {(method, path): _asked(other, method, path) for method, path in doors}
    assert len(doors) > 40
    assert {place: each.status_code for place, each in answers.items() if each.status_code != 404} == {}
    assert not any(b"levees" in each.content or b"analyst" in each.content for each in answers.values())
    assert Event.objects.count() == events
    assert other.client.get("/api/v1/sessions/").json()["results"] == []
    assert other.client.get("/api/v1/sessions/similar/?text=levees").json()["results"] == []


def test_a_key_without_the_scope_opens_no_door(team: Team) -> None:
    session_id = open_desk(team, "analyst", "writer")
    events, reader = Event.objects.count(), make_team("Reader", scopes=[Scope.SESSIONS_READ])
    nobody = make_team("Nobody", scopes=[Scope.BUDGETS_READ])
    for method, path in _doors(session_id):
        assert _asked(nobody, method, path).status_code == 403, (method, path)
        if method != "get":
            assert _asked(reader, method, path).status_code == 403, (method, path)
    assert Event.objects.count() == events
