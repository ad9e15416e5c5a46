"""Windows and use over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.domain.scopes import Scope
from budgets import selectors as budgets
from budgets.domain.units import Unit
from sessions_app.models import ContextItem, Event, InstanceHold, Usage
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.test_ladder import fill
from tests.integration.world import NOW, Team, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    load_world()
    return make_team()


def at(session_id: Any, rest: str) -> str:
    return f"/api/v1/sessions/{session_id}/{rest}"


def tell(team: Team, session_id: Any, **changes: Any) -> Any:
    body = {"call_id": "c1", "agent": "ann", "epoch": 1, "input_tokens": 1_000, "output_tokens": 100, **changes}
    return team.client.post(at(session_id, "usage/"), body, format="json")


def test_a_call_is_reserved_reported_and_read(team):
    budget = make_budget(team, 2_000)
    session_id = open_desk(team, "ann", budget_id=budget)
    body = {"agent": "ann", "epoch": 1, "tokens": 1_600, "reference": "step/1"}
    held = team.client.post(at(session_id, "holds/"), body, format="json")
    assert held.status_code == 201, held.content
    assert (held.json()["budget"], held.json()["tokens"]) == (str(budget), 1_600)
    assert held.json()["warning"] == 75
    listed = team.client.get(at(session_id, "holds/")).json()["results"]
    assert [(each["hold"], each["agent"], each["is_open"]) for each in listed] == [(held.json()["hold"], "ann", True)]
    answer = tell(
        team,
        session_id,
        operation="read_file",
        subject="plan.md",
        component="knowledge",
        hold=held.json()["hold"],
        input_tokens=1_500,
        cached_tokens=700,
        items=[{"key": "plan.md", "component": "knowledge", "kind": "file", "text": "The dyke holds."}],
        patch={"base_seq": session_of(session_id).head_seq, "delta": {"focus": "dyke"}},
    )
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["context_tokens"], told["occupancy_percent"], told["crossed"]) == (1_600, 26.0, [])
    assert (told["estimated_tokens"], told["is_estimate"]) == (1_600, False)
    assert told["window"]["components"]["knowledge"] == 1_600
    assert answer.headers["X-Budget-Warning"] == "75"
    assert budgets.get_budget(budget).spent == 1_600
    listed = team.client.get(at(session_id, "usage/?agent=ann&operation=read_file")).json()["results"]
    assert [(each["call_id"], each["cached_tokens"], each["hold"]) for each in listed] == [
        ("c1", 700, held.json()["hold"])
    ]
    assert team.client.get(at(session_id, "usage/?operation=other")).json()["results"] == []
    assert team.client.get(at(session_id, "holds/")).json()["results"] == []


def test_a_report_that_is_delivered_twice_is_answered_twice_and_counted_once(team):
    session_id = open_desk(team, "ann")
    first, again = tell(team, session_id), tell(team, session_id)
    assert first.json() == again.json()
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Usage.objects.count() == 1


def test_messages_and_an_answer_are_counted(team):
    session_id = open_desk(team, "ann")
    messages = [{"role": "user", "content": "one two"}, {"role": "user", "content": "three"}]
    told = tell(team, session_id, input_tokens=None, output_tokens=None, messages=messages, text="four").json()
    assert (told["is_estimate"], told["output_tokens"]) == (True, 1)
    assert told["input_tokens"] >= 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tokens": 5}, "tokens"),
        ({"components": {"soul": 1}}, "components"),
        ({"component": "soul"}, "component"),
        ({"text": "x"}, "text"),
        ({"epoch": 0}, "epoch"),
        ({"input_tokens": -1}, "input_tokens"),
        ({"cached_tokens": 2_000}, "cached_tokens"),
        ({"hold": str(uuid4())}, "hold"),
        ({"agent": "nobody"}, "agent"),
        ({"patch": {"base_seq": 1, "delta": []}}, "patch.delta"),
        ({"items": [{"key": "a", "component": "agent"}]}, "items.0.tokens"),
    ],
)
def test_a_report_that_is_wrong_names_its_field_and_counts_nothing(team, changes, field):
    session_id = open_desk(team, "ann")
    head = session_of(session_id).head_seq
    answer = tell(team, session_id, **changes)
    assert answer.status_code in (400, 404, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert field in [each["field"] for each in answer.json()["errors"]]
    assert session_of(session_id).head_seq == head


def test_a_budget_that_cannot_pay_answers_402_and_holds_nothing(team):
    budget = make_budget(team, 1_000)
    session_id = open_desk(team, "ann", budget_id=budget)
    body = {"agent": "ann", "epoch": 1, "tokens": 1_001}
    for _ in range(2):
        answer = team.client.post(at(session_id, "holds/"), body, format="json", headers={"Idempotency-Key": "once"})
        assert answer.status_code == 402
        assert (answer.json()["remaining"], answer.json()["needed"]) == (1_000, 1_001)
    assert not InstanceHold.objects.exists()
    counted = budgets.count_refusals(since=NOW, now=timezone.now())
    assert counted == {(Unit.TOKENS, team.team_id): 2}


def test_the_same_key_reserves_once_and_a_hold_is_given_back(team):
    budget = make_budget(team)
    session_id = open_desk(team, "ann", budget_id=budget)
    body = {"agent": "ann", "epoch": 1, "tokens": 500}
    answers = [
        team.client.post(at(session_id, "holds/"), body, format="json", headers={"Idempotency-Key": "once"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert budgets.get_budget(budget).reserved == 500
    place = at(session_id, f"holds/{answers[0].json()['hold']}/")
    assert team.client.delete(place).status_code == 422
    assert team.client.delete(f"{place}?epoch=2").json()["code"] == "stale_epoch"
    assert team.client.delete(f"{place}?epoch=1").json()["is_open"] is False
    assert budgets.get_budget(budget).reserved == 0
    assert team.client.delete(f"{place}?epoch=1").status_code == 409


def test_a_key_that_may_not_spend_reserves_nothing(team):
    session_id = open_desk(team, "ann", budget_id=make_budget(team))
    scopes = {Scope.SESSIONS_READ, Scope.SESSIONS_WRITE}
    other = make_team("No spending", scopes=scopes)
    assert other.client.post(at(session_id, "holds/"), {}, format="json").status_code == 404
    own = open_desk(other, "ann", budget_id=make_budget(other))
    body = {"agent": "ann", "epoch": 1, "tokens": 1}
    assert other.client.post(at(own, "holds/"), body, format="json").status_code == 403
    assert not InstanceHold.objects.exists()


def test_items_are_loaded_listed_pinned_and_dropped(team):
    session_id = open_desk(team, "ann")
    items = [
        {"key": "docs/a.md", "component": "knowledge", "kind": "documentation", "text": "one two three"},
        {"key": "m1", "component": "interaction", "kind": "message", "tokens": 40},
    ]
    place = at(session_id, "agents/ann/items/")
    loaded = team.client.post(place, {"epoch": 1, "items": items}, format="json")
    assert loaded.status_code == 201, loaded.content
    first, second = loaded.json()["results"]
    assert (first["tokens"], second["tokens"], first["status"]) == (3, 40, "live")
    listed = team.client.get(f"{place}?kind=message").json()
    assert [each["key"] for each in listed["results"]] == ["m1"]
    one = f"{place}{first['id']}/"
    assert team.client.get(one).json()["text"] == "one two three"
    assert team.client.patch(one, {"epoch": 1, "is_pinned": True}, format="json").json()["is_pinned"]
    assert team.client.delete(f"{one}?epoch=1").json()["code"] == "pinned"
    gone = team.client.delete(f"{place}{second['id']}/?epoch=1").json()
    assert (gone["status"], gone["tokens"], gone["original_tokens"]) == ("unloaded", 0, 40)
    assert gone["archive"]
    assert team.client.get(f"{place}999999/").status_code == 404
    assert instance_of(session_id, "ann").context_tokens == 3


def test_items_that_are_wrong_name_their_field_and_load_nothing(team):
    session_id = open_desk(team, "ann")
    place = at(session_id, "agents/ann/items/")
    for items, field in (
        ([], "items"),
        ([{"key": "a", "component": "agent"}], "items.0.tokens"),
        ([{"key": "a", "component": "soul", "tokens": 1}], "items.0.component"),
        ([{"key": "a", "component": "agent", "tokens": 1, "size": 1}], "items.0.size"),
    ):
        answer = team.client.post(place, {"epoch": 1, "items": items}, format="json")
        assert answer.status_code in (400, 422)
        assert field in [each["field"] for each in answer.json()["errors"]]
    assert not ContextItem.objects.exists()


def test_room_is_asked_for_and_a_full_window_answers_409_and_logs_it(team):
    session_id = open_desk(team, "ann")
    place = at(session_id, "agents/ann/allocations/")
    body = {"epoch": 1, "component": "knowledge", "tokens": 2_000, "least_tokens": 100, "purpose": "read the plan"}
    first, again = (team.client.post(place, body, format="json", headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert first.status_code == 201, first.content
    assert (first.json()["verdict"], first.json()["granted_tokens"]) == ("partial", 1_800)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    fill(session_id, 6_900)
    full = team.client.post(place, body, format="json")
    assert (full.status_code, full.json()["code"]) == (409, "window_full")
    assert full.json()["occupancy_percent"] == 97.0
    last = Event.objects.filter(session=session_id, kind="allocation.decided").latest("seq")
    assert (last.facts["verdict"], last.facts["reason"]) == ("denied", "window_full")


def test_windows_show_occupancy_shares_and_the_predicted_need(team):
    session_id = open_desk(team, "ann", "bob", task={"files": 3, "agents": 2, "minutes": 5})
    tell(team, session_id, components={"system": 200, "knowledge": 800})
    body = team.client.get(at(session_id, "windows/")).json()
    assert (body["need"]["points"], body["need"]["size"], body["need"]["total_tokens"]) == (80, "moderate", 55_000)
    ann, bob = body["windows"]
    assert (ann["agent"], ann["context_tokens"], ann["occupancy_percent"]) == ("ann", 1_000, 20.0)
    assert (ann["admits_new"], ann["room_tokens"], ann["floor_tokens"]) == (True, 6_999, 1_000)
    knowledge = next(each for each in ann["components"] if each["component"] == "knowledge")
    assert knowledge == {
        "component": "knowledge",
        "tokens": 800,
        "most_tokens": 1_800,
        "itemised_tokens": 0,
        "predicted_tokens": 10_000,
    }
    assert ann["missing_tokens"] == 54_200
    assert bob["context_tokens"] == 0


def test_windows_are_read_in_few_queries_whatever_their_number(team, django_assert_max_num_queries):
    session_id = open_desk(team, *[f"a{number}" for number in range(12)])
    with django_assert_max_num_queries(10):
        assert len(team.client.get(at(session_id, "windows/")).json()["windows"]) == 12


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("get", "usage/"),
        ("post", "usage/"),
        ("get", "holds/"),
        ("post", "holds/"),
        ("delete", "holds/8a1e4d62-6f4a-4f0e-9e35-0b5a3a4c9a11/?epoch=1"),
        ("get", "windows/"),
        ("get", "agents/ann/items/"),
        ("post", "agents/ann/items/"),
        ("get", "agents/ann/items/1/"),
        ("patch", "agents/ann/items/1/"),
        ("delete", "agents/ann/items/1/?epoch=1"),
        ("post", "agents/ann/allocations/"),
    ],
)
def test_another_teams_session_does_not_exist_and_reading_keys_do_not_write(team, method, rest):
    session_id = open_desk(team, "ann")
    stranger = make_team("Strangers")
    assert getattr(stranger.client, method)(at(session_id, rest), format="json").status_code == 404
    reader = make_team("Readers", scopes={Scope.SESSIONS_READ})
    expected = 404 if method == "get" else 403
    assert getattr(reader.client, method)(at(session_id, rest), format="json").status_code == expected
