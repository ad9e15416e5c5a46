"""Sessions and their agents over HTTP: begun, listed, joined, ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.domain.scopes import Scope
from sessions_app.models import Event, Instance, Session
from tests.integration.world import Team, make_budget, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
SESSIONS = "/api/v1/sessions/"


@pytest.fixture
def team() -> Team:
    return make_team()


def _begin(team: Team, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    return team.client.post(SESSIONS, {"name": "Flood desk", **changes}, format="json", headers=headers or {})


def test_a_session_begins_with_its_agents_and_the_windows_of_their_models(team: Team) -> None:
    budget = make_budget(team)
    answer = _begin(
        team,
        external_id="thread-7",
        mode="council",
        purpose="climate_adaptation",
        budget=str(budget),
        task={"files": 12, "agents": 2, "minutes": 30},
        state={"focus": "levees", "tasks": {"t1": {"title": "read gauges"}}},
        agents=[
            {"agent": "analyst", "role": "analyst", "window_tokens": 10_000, "max_output_tokens": 1_000},
            {"agent": "writer", "budget": str(budget)},
        ],
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["status"], body["mode"], body["head_seq"], body["agents"]) == ("open", "council", 3, 2)
    assert body["policy"] == {"name": "default", "version": 1}
    assert [(each["agent"], each["epoch"], each["status"]) for each in body["members"]] == [
        ("analyst", 1, "active"),
        ("writer", 1, "active"),
    ]
    assert body["members"][0]["occupancy_percent"] == 10.0
    assert body["members"][1]["window_tokens"] > body["members"][1]["max_output_tokens"]
    assert team.client.get(f"{SESSIONS}{body['id']}/").json() == body


def test_the_same_key_begins_one_session(team: Team) -> None:
    answers = [_begin(team, {"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert Session.objects.count() == 1


def test_an_external_id_names_one_session_of_a_team(team: Team) -> None:
    first = _begin(team, external_id="thread-7").json()
    again = _begin(team, external_id="thread-7")
    assert (again.status_code, again.json()["code"]) == (409, "external_id_in_use")
    assert again.json()["session_id"] == first["id"]
    assert _begin(make_team("Other"), external_id="thread-7").status_code == 201


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": ""}, 422, "name"),
        ({"mode": "slow"}, 422, "mode"),
        ({"profile": "eternal"}, 422, "profile"),
        ({"policy": "nobody-wrote-it"}, 422, "policy"),
        ({"purpose": "loitering"}, 422, "purpose"),
        ({"budget": str(uuid4())}, 403, "budget"),
        ({"state": [1]}, 422, "state"),
        ({"task": {"files": -1}}, 422, "task.files"),
        ({"task": {"fles": 1}}, 422, "task.fles"),
        ({"wat": 1}, 422, "wat"),
        ({"agents": [{"agent": "a/b"}]}, 422, "agents.0.agent"),
        ({"agents": [{"agent": "a"}, {"agent": "a"}]}, 409, "agent"),
        ({"agents": [{"agent": "a", "window_tokens": 100, "max_output_tokens": 100}]}, 422, "max_output_tokens"),
        (
            {"profile": "perpetual", "agents": [{"agent": "a", "window_tokens": 100, "max_output_tokens": 20}]},
            422,
            "max_output_tokens",
        ),
        ({"agents": [{"agent": "a", "budget": str(uuid4())}]}, 403, "budget"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field_and_begins_nothing(
    team: Team, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = _begin(team, **changes)
    assert answer.status_code == status, answer.content
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert not Session.objects.exists()
    assert not Event.objects.exists()


def test_a_budget_of_another_team_looks_like_none(team: Team) -> None:
    other = make_budget(make_team("Other"))
    answer = _begin(team, budget=str(other))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_budget")
    assert not Session.objects.exists()


def test_sessions_are_listed_newest_first_in_pages_and_found_by_what_they_are_called(team: Team) -> None:
    for number in range(53):
        _begin(team, name=f"desk {number}", external_id=f"thread-{number}")
    first = team.client.get(SESSIONS).json()
    assert [each["name"] for each in first["results"]] == [f"desk {number}" for number in range(52, 2, -1)]
    second = team.client.get(first["next"]).json()
    assert [each["name"] for each in second["results"]] == ["desk 2", "desk 1", "desk 0"]
    assert second["next"] is None
    assert [each["name"] for each in team.client.get(f"{SESSIONS}?external_id=thread-9").json()["results"]] == [
        "desk 9"
    ]
    assert len(team.client.get(f"{SESSIONS}?name=SK 5").json()["results"]) == 4
    assert team.client.get(f"{SESSIONS}?status=ended").json()["results"] == []
    assert team.client.get(f"{SESSIONS}?status=over").status_code == 422
    assert team.client.get(f"{SESSIONS}?before={uuid4()}").status_code == 422


def test_a_list_of_sessions_takes_as_many_queries_for_one_as_for_many(team, django_assert_max_num_queries) -> None:
    for number in range(5):
        _begin(team, name=f"desk {number}")
    with django_assert_max_num_queries(4):
        team.client.get(SESSIONS)


def test_another_teams_session_does_not_exist(team: Team) -> None:
    mine = _begin(team).json()["id"]
    other = make_team("Other").client
    assert other.get(SESSIONS).json()["results"] == []
    for path in ("", "agents/", "agents/a/", "state/", "events/", "export/"):
        assert other.get(f"{SESSIONS}{mine}/{path}").status_code == 404, path
    assert other.post(f"{SESSIONS}{mine}/end/").status_code == 404
    assert other.post(f"{SESSIONS}{mine}/agents/", {"agent": "spy"}, format="json").status_code == 404
    assert other.patch(f"{SESSIONS}{mine}/state/", {"base_seq": 1, "delta": {"a": 1}}, format="json").status_code == 404
    assert Event.objects.filter(session=UUID(mine)).count() == 1


def test_an_agent_joins_once_and_its_lives_are_shown(team: Team) -> None:
    path = f"{SESSIONS}{_begin(team).json()['id']}/agents/"
    joined = team.client.post(path, {"agent": "analyst", "role": "reads"}, format="json")
    assert joined.status_code == 201
    again = team.client.post(path, {"agent": "analyst"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "agent_exists")
    assert [each["agent"] for each in team.client.get(path).json()["results"]] == ["analyst"]
    shown = team.client.get(f"{path}analyst/").json()
    assert (shown["epoch"], shown["status"], shown["earlier"]) == (1, "active", [])
    assert team.client.get(f"{path}nobody/").status_code == 404
    assert Instance.objects.count() == 1


def test_a_session_that_has_ended_is_read_but_no_longer_written(team: Team) -> None:
    path = f"{SESSIONS}{_begin(team, state={'focus': 'x'}).json()['id']}/"
    ended = team.client.post(f"{path}end/")
    assert ended.status_code == 200
    head = team.client.get(path).json()
    assert (head["status"], head["head_seq"]) == ("ended", ended.json()["seq"])
    refused = team.client.post(f"{path}end/")
    assert (refused.status_code, refused.json()["code"]) == (409, "session_ended")
    written = team.client.patch(f"{path}state/", {"base_seq": head["head_seq"], "delta": {"focus": "y"}}, format="json")
    assert (written.status_code, written.json()["code"]) == (409, "session_ended")
    assert team.client.get(f"{path}state/").json()["state"] == {"focus": "x"}


def test_who_may_only_read_begins_nothing(team: Team) -> None:
    reader = make_team("Reader", scopes=[Scope.SESSIONS_READ])
    assert _begin(reader).status_code == 403
    assert reader.client.get(SESSIONS).status_code == 200
    assert make_team("Blind", scopes=[Scope.BUDGETS_READ]).client.get(SESSIONS).status_code == 403
    assert not Session.objects.exists()
