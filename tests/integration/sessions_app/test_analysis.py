"""What a session cost, what it could do better, who decides and what it brought."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services.organisations import add_member
from budgets.models import Budget
from budgets.selectors import get_budget
from sessions_app.models import Event, Proposal, Session, Usage
from sessions_app.selectors.policies import terms_of
from sessions_app.services.log import Draft, append
from sessions_app.services.proposals import measure_effects, propose_everywhere
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    load_world()
    return make_team()


@pytest.fixture
def person(team):
    """Somebody of the team who signed in."""
    user = User.objects.create_user("ada", password="a long enough secret")
    add_member(user_id=user.pk, team_id=team.team_id, role="owner")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _url(session_id, rest):
    return f"/api/v1/sessions/{session_id}/{rest}"


def _tell(session_id, kind, *, now=NOW, **facts):
    return append(Session.objects.get(pk=session_id), Draft(kind=kind, actor="test", facts=facts), now=now)


def _call(session_id, agent, taken, given, *, operation="", subject="", estimated=None):
    seq = _tell(session_id, "usage.recorded")
    Usage.objects.create(
        session_id=session_id,
        call_id=str(seq),
        instance=instance_of(session_id, agent),
        seq=seq,
        at=NOW,
        operation=operation,
        subject=subject,
        component="knowledge",
        input_tokens=taken,
        output_tokens=given,
        context_tokens=taken + given,
        estimated_tokens=estimated,
    )


def _ask_for_room(team, session_id, times, *, first=0):
    for index in range(first, first + times):
        body = {"epoch": 1, "component": "knowledge", "tokens": 2500}
        answer = team.client.post(
            _url(session_id, "agents/ana/allocations/"), body, headers={"Idempotency-Key": f"room {index}"}
        )
        assert answer.status_code in (200, 201), answer.json()


def _analyse(team, session_id, key="analyse"):
    return team.client.post(_url(session_id, "proposals/"), {}, headers={"Idempotency-Key": key})


def _decide(client, session_id, proposal_id, decision="accepted", rationale="It lacks room.", key="decide"):
    return client.post(
        _url(session_id, f"proposals/{proposal_id}/decide/"),
        {"decision": decision, "rationale": rationale},
        content_type="application/json",
        headers={"Idempotency-Key": key},
    )


@pytest.fixture
def crowded(team):
    """A session whose knowledge did not fit four times, and the proposal that follows."""
    session_id = open_desk(team, "ana")
    _ask_for_room(team, session_id, 5)
    made = _analyse(team, session_id)
    assert made.status_code == 201, made.json()
    (proposal,) = made.json()["proposals"]
    return session_id, proposal


def test_a_report_names_what_cost_most_and_how_far_estimates_were_off(team):
    session_id = open_desk(team, "ana", "ben")
    _call(session_id, "ana", 900, 100, operation="read_file", subject="flood.py", estimated=1000)
    _call(session_id, "ben", 1500, 500, operation="review", subject="flood.py", estimated=1000)
    _call(session_id, "ana", 800, 200, operation="read_file", subject="rain.py")
    _tell(session_id, "rung.reached", agent="ana", rung="warn")
    _tell(session_id, "cleanup.done", freed_by_strategy={"drop_debug": 300})
    body = team.client.get(_url(session_id, "report/")).json()
    assert (body["total"]["calls"], body["total"]["tokens"]) == (3, 4000)
    assert [(each["name"], each["tokens"], each["share"]) for each in body["by_subject"]] == [
        ("flood.py", 3000, 0.75),
        ("rain.py", 1000, 0.25),
    ]
    assert [each["name"] for each in body["by_agent"]] == ["ana", "ben"]
    assert {each["operation"]: (each["mean_error"], each["covered"]) for each in body["estimates"]} == {
        "read_file": (0.0, 1.0),
        "review": (0.5, 0.0),
    }
    assert body["exhaustion"]["rungs"] == {"ana": {"warn": 1}}
    assert body["cleanup"] == {"runs": 1, "freed_tokens": 300, "by_strategy": {"drop_debug": 300}}


def test_an_empty_session_has_an_empty_report(team):
    body = team.client.get(_url(open_desk(team), "report/")).json()
    assert (body["total"]["tokens"], body["by_agent"], body["estimates"]) == (0, [], [])


def test_a_component_that_ran_out_often_is_proposed_a_larger_share(crowded):
    _, proposal = crowded
    assert (proposal["kind"], proposal["status"]) == ("shares", "open")
    assert proposal["after"]["shares.percent.knowledge"] > proposal["before"]["shares.percent.knowledge"]
    assert sum(proposal["after"].values()) == 100
    assert proposal["expected"]["metric"] == "refusals_per_100_allocations"


def test_the_same_analysis_again_makes_no_second_proposal(team, crowded):
    session_id, _ = crowded
    again = _analyse(team, session_id, "again")
    assert (again.status_code, again.json()) == (200, {"proposals": []})
    assert Proposal.objects.count() == 1


def test_a_key_cannot_decide(team, crowded):
    session_id, proposal = crowded
    answer = team.client.post(
        _url(session_id, f"proposals/{proposal['id']}/decide/"),
        {"decision": "accepted", "rationale": "Why not."},
        headers={"Idempotency-Key": "k"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "person_needed")
    assert session_of(session_id).overrides == {}
    assert Proposal.objects.get().status == "open"


def test_what_a_person_accepts_is_in_force_at_once_and_once(crowded, person):
    session_id, proposal = crowded
    answer = _decide(person, session_id, proposal["id"])
    assert answer.status_code == 200, answer.json()
    assert answer.json()["status"] == "accepted"
    terms = terms_of(session_of(session_id))
    assert terms.shares.percent["knowledge"] == proposal["after"]["shares.percent.knowledge"]
    again = _decide(person, session_id, proposal["id"], key="again")
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    assert Event.objects.filter(kind="proposal.decided").count() == 1


def test_what_a_person_rejects_changes_nothing_and_is_not_proposed_again(team, crowded, person):
    session_id, proposal = crowded
    assert _decide(person, session_id, proposal["id"], "rejected").json()["status"] == "rejected"
    assert session_of(session_id).overrides == {}
    assert _analyse(team, session_id, "again").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [({"decision": "perhaps"}, "decision"), ({"rationale": " "}, "rationale"), ({"why": "x"}, "why")],
)
def test_a_malformed_decision_names_its_field_and_decides_nothing(crowded, person, body, field):
    session_id, proposal = crowded
    answer = person.post(
        _url(session_id, f"proposals/{proposal['id']}/decide/"),
        {"decision": "accepted", "rationale": "x", **body},
        content_type="application/json",
        headers={"Idempotency-Key": "k"},
    )
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert Proposal.objects.get().status == "open"


def test_a_proposal_whose_terms_changed_since_is_stale(crowded, person):
    session_id, proposal = crowded
    Session.objects.update(overrides={"shares.percent.knowledge": 30, "shares.percent.working_memory": 20})
    answer = _decide(person, session_id, proposal["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "stale")
    assert Proposal.objects.get().status == "open"


def test_the_effect_is_measured_once_enough_has_happened_since(crowded, person):
    session_id, proposal = crowded
    _decide(person, session_id, proposal["id"])
    later = timezone.now() + timedelta(minutes=1)
    assert measure_effects(now=later) == 0
    facts = {"agent": "ana", "epoch": 1, "component": "knowledge", "asked_tokens": 9, "granted_tokens": 9}
    for _ in range(20):
        _tell(session_id, "allocation.decided", now=later, verdict="granted", reason="", **facts)
    assert measure_effects(now=later) == 1
    effect = Proposal.objects.get().effect
    assert (effect["metric"], effect["after"], effect["is_enough"]) == ("refusals_per_100_allocations", 0.0, True)
    assert effect["before"] == proposal["expected"]["before"]
    assert measure_effects(now=later) == 0
    assert Event.objects.filter(kind="proposal.measured").count() == 1


def test_a_critical_budget_is_raised_by_a_person_who_may(team, person):
    budget_id = make_budget(team, 1000)
    session_id = open_desk(team, "ana", budget_id=budget_id)
    Budget.objects.filter(pk=budget_id).update(spent=900)
    (proposal,) = _analyse(team, session_id).json()["proposals"]
    assert (proposal["kind"], proposal["after"]) == ("budget", {"limit": "1050"})
    assert _decide(person, session_id, proposal["id"]).status_code == 200
    assert get_budget(budget_id).base_limit == Decimal(1050)


def test_sessions_are_analysed_in_the_background(team):
    session_id = open_desk(team, "ana")
    _ask_for_room(team, session_id, 5)
    assert propose_everywhere(now=timezone.now()) == 1
    assert propose_everywhere(now=timezone.now() + timedelta(hours=3)) == 0
    listed = team.client.get(_url(session_id, "proposals/"), {"status": "open"}).json()["results"]
    assert [each["kind"] for each in listed] == ["shares"]


def test_another_teams_report_and_proposals_do_not_exist(team, crowded):
    session_id, _ = crowded
    other = make_team("Others").client
    assert other.get(_url(session_id, "report/")).status_code == 404
    assert other.get(_url(session_id, "proposals/")).status_code == 404
    assert _analyse(make_team("Third"), session_id).status_code == 404
