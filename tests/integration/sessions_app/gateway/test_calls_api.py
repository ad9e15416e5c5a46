"""Calls, triage and feedback over HTTP."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.domain.scopes import Scope
from sessions_app.models import Deployment, GatewayCall, TriageCorrection
from sessions_app.services.gateway import knowledge
from sessions_app.services.gateway.learning import note_council
from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.gateway.calls import LEARNED, Status, council, finished, running
from tests.integration.world import NOW, Team, make_team

pytestmark = pytest.mark.django_db
CALLS, TRIAGE = "/api/v1/gateway/calls/", "/api/v1/gateway/triage/"
HARD = "Plan the evacuation:\n\n- dykes\n- pumps\n\nWhat is the risk? Who decides? Which policy holds? Why?"


@pytest.fixture
def team(loaded_world) -> Team:
    return make_team()


def listed(team: Team, query: str = "") -> list[str]:
    answer = team.client.get(f"{CALLS}?{query}")
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()["results"]]


def feed_back(team: Team, call_id, **body):
    return team.client.post(f"{CALLS}{call_id}/feedback/", body, format="json")


def triage(team: Team, text: str = "Hello", **body):
    call = {"model": "echo", "messages": [{"role": "user", "content": text}], **body.pop("call", {})}
    return team.client.post(TRIAGE, {"call": call, **body}, format="json")


def test_a_call_is_read_whole(team):
    call_id = finished(team, provider_micro_usd=1_250, total_ms=12.5)
    found = team.client.get(f"{CALLS}{call_id}/").json()
    assert (found["id"], found["model"], found["status"]) == (str(call_id), "echo", "answered")
    assert (found["deployment"], found["provider"], found["region"]) == ("echo-stockholm", "echo", "aws-eu-north-1")
    assert (found["input_tokens"], found["output_tokens"], found["usage_basis"]) == (12, 200, "provider")
    assert (found["provider_usd"], found["cost_usd"], found["carbon_g"]) == ("0.001250", None, None)
    assert found["attempts"] == [{"deployment": "echo-stockholm", "outcome": "answered", "status": 200, "ms": 3.5}]
    assert (found["triage"], found["feedback"]) == (LEARNED, None)
    assert "answer" not in found


def test_calls_are_filtered(team):
    session_id = open_desk(team, "ann")
    first = finished(team, at=NOW, mode="council", session_id=session_id, agent="ann")
    virginia = Deployment.objects.get(name="echo-virginia")
    second = finished(team, at=NOW + timedelta(hours=1), asked_model="auto", deployment=virginia)
    third = running(team, at=NOW + timedelta(hours=2))
    assert listed(team) == [str(third), str(second), str(first)]
    for query, expected in {
        "status=running": [third],
        "model=auto": [second],
        "deployment=echo-virginia": [second],
        "mode=council": [first],
        f"session={session_id}&agent=ann": [first],
        "endpoint=embeddings": [],
        f"round={uuid4()}": [],
        f"request={uuid4()}": [],
        f"since={(NOW + timedelta(minutes=30)).isoformat().replace('+00:00', 'Z')}": [third, second],
        f"until={(NOW + timedelta(minutes=30)).isoformat().replace('+00:00', 'Z')}": [first],
    }.items():
        assert listed(team, query) == [str(each) for each in expected], query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=odd", "status"),
        ("session=1", "session"),
        ("since=soon", "since"),
        ("before=8a8ecba2-a8c2-447c-8a72-8cce896138ed", "before"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(team, query, field):
    answer = team.client.get(f"{CALLS}?{query}")
    assert answer.status_code == 422
    assert field in answer.content.decode()


def test_pages_follow_each_other_without_gaps(team):
    made = {str(finished(team, at=NOW + timedelta(seconds=number // 2))) for number in range(53)}
    first = team.client.get(CALLS).json()
    second = team.client.get(first["next"]).json()
    seen = [each["id"] for each in first["results"] + second["results"]]
    assert (len(first["results"]), len(seen), set(seen), second["next"]) == (50, 53, made, None)


def test_another_teams_calls_do_not_exist(team):
    call_id = finished(make_team("Wind desk"))
    assert listed(team) == []
    assert team.client.get(f"{CALLS}{call_id}/").status_code == 404
    assert feed_back(team, call_id, helpful=True).status_code == 404
    assert GatewayCall.objects.get(pk=call_id).feedback is None


def test_feedback_is_answered_with_the_call_and_teaches(team):
    call_id = finished(team)
    answer = feed_back(team, call_id, helpful=False, depth="too_shallow", note="No figures.")
    assert answer.status_code == 200, answer.content
    assert answer.json()["feedback"]["taught"] == "the answer was called too shallow"
    assert feed_back(team, call_id, helpful=True).json()["errors"][0]["code"] == "feedback_given"
    learned = team.client.get(f"{TRIAGE}corrections/").json()["results"]
    assert [(each["kind"], each["correction_points"], each["outcomes"]) for each in learned] == [("text-short", 5.0, 1)]
    assert make_team("Wind desk").client.get(f"{TRIAGE}corrections/").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "helpful"), ({"depth": "odd"}, "depth"), ({"helpful": True, "note": "x" * 501}, "note"), ({"odd": 1}, "odd")],
)
def test_feedback_that_says_nothing_is_refused(team, body, field):
    call_id = finished(team)
    answer = feed_back(team, call_id, **body)
    assert answer.status_code == 422
    assert field in answer.content.decode()
    assert GatewayCall.objects.get(pk=call_id).feedback is None


def test_feedback_needs_the_scope_to_write(loaded_world):
    team = make_team(scopes=[Scope.REQUESTS_READ])
    assert feed_back(team, finished(team), helpful=True).status_code == 403
    assert not GatewayCall.objects.filter(feedback__isnull=False).exists()


def test_triage_says_what_it_would_do_and_keeps_nothing(team):
    answer = triage(team, HARD, purpose="disaster_response")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["mode"], found["purpose"], found["origin"], found["model_class"]) == (
        "express",
        "disaster_response",
        "DE",
        "S",
    )
    points = {each["name"]: each["points"] for each in found["signals"]}
    assert (points["questions"], points["domain_terms"]) == (20.0, 15.0)
    assert {each["name"]: each["full"] for each in found["signals"]}["questions"] == 4
    assert found["points"] == pytest.approx(sum(points.values()))
    assert (found["estimate"]["p50_tokens"], found["estimate"]["basis"]) == (800, "cold_start")
    assert (found["correction"], found["policy"]) == (None, {"name": "default", "version": 1})
    assert not found["input_is_estimate"]
    assert not GatewayCall.objects.exists()
    assert not TriageCorrection.objects.exists()


def test_triage_adds_what_was_learned_and_shows_it(team):
    before = triage(team).json()["points"]
    note_council(team_id=team.team_id, kind="text-short", round_id=council(team, "dissent"), now=timezone.now())
    knowledge.forget()
    found = triage(team).json()
    assert (found["points"], found["correction_points"]) == (pytest.approx(before + 2.5), 2.5)
    assert (found["correction"]["outcomes"], found["correction"]["kind"]) == (1, "text-short")


def test_the_mode_of_its_session_and_of_the_caller_decide(team):
    urgent = open_desk(team, mode="emergency", purpose="climate_adaptation")
    found = triage(team, session=str(urgent)).json()
    assert (found["mode"], found["because"]) == ("emergency", "its session is in an emergency")
    assert found["purpose"] == "climate_adaptation"
    assert triage(team, session=str(open_desk(team, mode="council"))).json()["mode"] == "council"
    assert triage(team, mode="council").json()["roles"] == ["analyst", "critic", "planner"]
    assert triage(team, HARD, mode="express").json()["confidence"] == 1.0


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"purpose": "odd"}, 422, "purpose"),
        ({"origin": "XX"}, 422, "origin"),
        ({"origin": "de"}, 422, "origin"),
        ({"mode": "odd"}, 422, "mode"),
        ({"session": str(uuid4())}, 404, "session"),
        ({"call": {"messages": []}}, 422, "call.messages"),
        ({"call": {"temperature": 9}}, 422, "call.temperature"),
        ({"call": {"model": "nobody"}}, 404, "model"),
        ({"call": {"model": "echo-embedding"}}, 404, "model"),
    ],
)
def test_triage_names_what_is_wrong(team, body, status, field):
    answer = triage(team, **body)
    assert answer.status_code == status, answer.content
    assert field in answer.content.decode()


def test_another_teams_session_does_not_exist_for_triage(team):
    assert triage(team, session=str(open_desk(make_team("Wind desk")))).status_code == 404


def test_a_call_that_was_refused_is_listed_as_such(team):
    call_id = finished(team, status=Status.REFUSED, deployment=None, triage=None, error_code="budget_exhausted")
    found = team.client.get(f"{CALLS}{call_id}/").json()
    assert (found["status"], found["error_code"], found["deployment"], found["triage"]) == (
        "refused",
        "budget_exhausted",
        None,
        None,
    )
