"""Pages of the gateway, as those see them whose calls they are, who look on and who look after all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from dashboard.sections import allowed_sections, read_sections
from dashboard.selectors.sight import get_sight
from market.models import Settlement
from market.services import settle
from sessions_app.models import BreakerEvent, Deployment, DeploymentHealth, GatewayCall, Round, RoundRun, Session
from sessions_app.selectors.policies import get_policy_in_force
from sessions_app.services.gateway import registry
from sessions_app.services.reference import load_reference
from tests.integration.dashboard.conftest import World
from tests.integration.dashboard.test_pages import text_of

TRIAGE = {
    "complexity": 0.72,
    "mode": "council",
    "confidence": 0.8,
    "roles": ["analyst", "critic"],
    "explanation": "72 points: a council is worth it above 70.",
    "signals": [
        {"name": "domain_terms", "value": 4, "weight": 15, "points": 12.0},  # from before all of it was kept
        {"name": "output", "value": 0.1, "weight": 10, "points": 1.0, "full": 4321},
    ],
}


@pytest.fixture
def deployments(world: World) -> dict[str, Deployment]:
    """The built-in echo in its regions."""
    load_reference(now=datetime.now(UTC))
    registry.forget()
    return {each.name: each for each in Deployment.objects.all()}


def make_call(team_id: int, deployment: Deployment, *, request_id: Any = None, **changes: Any) -> GatewayCall:
    """An answered call of the team."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "team_id": team_id,
        "request_id": request_id,
        "actor": "key:cw_test",
        "endpoint": "chat",
        "asked_model": "echo",
        "deployment": deployment,
        "attempts": [{"deployment": deployment.name, "outcome": "answered", "status": 200, "ms": 12.0}],
        "status": "answered",
        "input_tokens": 1200,
        "output_tokens": 345,
        "usage_basis": "provider",
        "first_byte_ms": 48.0,
        "total_ms": 61.0,
        "created_at": now,
        "finished_at": now,
        "lease_expires_at": now + timedelta(minutes=3),
    }
    return GatewayCall.objects.create(**{**values, **changes})


@pytest.fixture
def call(world: World, deployments: dict[str, Deployment]) -> GatewayCall:
    """A settled call of the member's team."""
    settle(
        request_id=world.delta_request_id,
        used_tokens=1545,
        quality=None,
        collaboration=None,
        actor="test",
        now=datetime.now(UTC),
    )
    return make_call(
        world.delta_team_id, deployments["echo-stockholm"], request_id=world.delta_request_id, triage=TRIAGE
    )


def rows_of(response: Any, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = response.context[key]
    return found


def test_the_page_puts_deployments_of_a_name_in_order_of_their_grams(member, client: Client, deployments):
    client.force_login(member)
    names = {row["name"]: row for row in rows_of(client.get("/gateway/"), "names")}
    regions = [row["region"] for row in names["echo"]["deployments"]]
    assert regions[0] == "aws-eu-north-1"
    assert [row["place"] for row in names["echo"]["deployments"]] == [1, 2, 3]
    assert names["echo"]["is_echo"]


def test_a_deployment_whose_breaker_is_open_has_no_place_and_says_why(member, client: Client, deployments):
    now = datetime.now(UTC)
    DeploymentHealth.objects.create(
        deployment=deployments["echo-stockholm"],
        state="open",
        opened_at=now,
        open_until=now + timedelta(minutes=5),
        last_error="timeout",
        updated_at=now,
    )
    BreakerEvent.objects.create(
        deployment=deployments["echo-stockholm"], at=now, was="closed", became="open", reason="5 failures in a row"
    )
    registry.forget()
    client.force_login(member)
    response = client.get("/gateway/")
    echo = next(row for row in rows_of(response, "names") if row["name"] == "echo")
    last = echo["deployments"][-1]
    assert last["name"] == "echo-stockholm"
    assert last["place"] is None
    assert "breaker is open" in last["problem"]
    assert "5 failures in a row" in text_of(response)


def test_what_a_deployments_settings_lack_is_told_to_staff_only(member, staff, client: Client, deployments):
    Deployment.objects.filter(name="echo-stockholm").update(
        provider="openai", base_url="https://models.example.org/v1", secret_variable="UPSTREAM_KEY_MISSING"
    )
    for who, is_told in ((member, False), (staff, True)):
        registry.forget()
        client.force_login(who)
        said = text_of(client.get("/gateway/"))
        assert "echo-stockholm" in said
        assert ("UPSTREAM_KEY_MISSING" in said) is is_told


def test_members_see_the_calls_of_their_team_with_tokens_carbon_and_price(member, client: Client, call):
    client.force_login(member)
    row = rows_of(client.get("/gateway/"), "calls")[0]
    settlement = Settlement.objects.get()
    assert row["tokens"] == "1,200 in, 345 out"
    assert row["usd"].startswith("$")
    assert float(row["usd"][1:]) == pytest.approx(settlement.total_micro_usd / 1e6, abs=1e-4)
    assert "CO₂e" in row["mass"]


def test_the_figures_above_are_sums_of_the_last_day(member, client: Client, world, call, deployments):
    day_before = datetime.now(UTC) - timedelta(hours=25)
    make_call(world.delta_team_id, deployments["echo-mumbai"], created_at=day_before, finished_at=day_before)
    make_call(world.delta_team_id, deployments["echo-mumbai"], status="refused", error_code="budget_exhausted")
    client.force_login(member)
    cards = {card["title"]: card for card in rows_of(client.get("/gateway/"), "cards")}
    assert cards["Calls of 24 hours"]["value"] == "2"
    assert cards["Calls of 24 hours"]["note"].startswith("1 refused")
    assert cards["Tokens"]["value"] == "1,545"


def test_calls_of_another_team_are_not_there(member, client: Client, world, deployments):
    other = make_call(world.coast_team_id, deployments["echo-stockholm"])
    client.force_login(member)
    assert rows_of(client.get("/gateway/"), "calls") == []
    assert client.get(f"/gateway/calls/{other.pk}/").status_code == 404


def test_visitors_see_where_calls_go_and_no_call(client: Client, visitors_see, call):
    visitors_see("everything")
    response = client.get("/gateway/")
    assert rows_of(response, "names")
    assert rows_of(response, "calls") == []
    assert "Calls are their teams’ own" in text_of(response)
    assert client.get(f"/gateway/calls/{call.pk}/").status_code == 404


def test_who_sees_no_details_is_asked_to_log_in(client: Client, visitors_see, world):
    visitors_see("figures")
    assert client.get("/gateway/").status_code == 302


def test_staff_see_the_calls_of_all_teams(staff, client: Client, world, call, deployments):
    make_call(world.coast_team_id, deployments["echo-stockholm"])
    client.force_login(staff)
    assert {row["team"] for row in rows_of(client.get("/gateway/"), "calls")} == {"Floods", "Storms"}


@pytest.mark.parametrize(("status", "shown"), [("answered", 2), ("failed", 1), ("refused", 0), ("nonsense", 3)])
def test_calls_are_chosen_by_their_state_as_the_sums_count_them(
    member, client: Client, call, world, deployments, status, shown
):
    for other in ("cut", "lost"):
        make_call(world.delta_team_id, deployments["echo-mumbai"], status=other)
    client.force_login(member)
    assert len(rows_of(client.get(f"/gateway/?status={status}"), "calls")) == shown


def test_older_calls_are_a_page_further(member, client: Client, world, deployments):
    for minutes in range(55):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        make_call(world.delta_team_id, deployments["echo-stockholm"], created_at=at, finished_at=at)
    client.force_login(member)
    first = client.get("/gateway/")
    assert len(rows_of(first, "calls")) == 50
    rest = client.get("/gateway/", {"before": first.context["older"]})
    assert len(rows_of(rest, "calls")) == 5
    assert rest.context["older"] == ""


def test_a_call_tells_its_tries_its_tokens_and_what_triage_found(member, client: Client, call):
    client.force_login(member)
    said = text_of(client.get(f"/gateway/calls/{call.pk}/"))
    for words in (
        "Answered by the built-in echo",
        "72 of 100 points",
        "analyst, critic",
        "domain terms",
        "All of it is",
        "4321",
        "reported by the provider",
        "echo-stockholm",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ({"is_shortened": True}, "The question was shortened."),
        ({"no_council": "'max_tokens' could not be kept"}, "No council answered: 'max_tokens' could not be kept."),
        ({"no_council": "too_many_rounds"}, "No council answered: too many rounds."),
    ],
)
def test_a_call_says_that_its_question_was_shortened_or_why_no_council_answered(
    member, client: Client, call, kept, words
):
    client.force_login(member)
    assert words not in text_of(client.get(f"/gateway/calls/{call.pk}/"))
    GatewayCall.objects.filter(pk=call.pk).update(triage=TRIAGE | kept)
    assert words in unescape(text_of(client.get(f"/gateway/calls/{call.pk}/")))


def test_a_call_leads_to_its_decision(member, client: Client, call):
    client.force_login(member)
    response = client.get(f"/gateway/calls/{call.pk}/")
    assert f"/requests/{call.request_id}/" in response.content.decode()
    assert client.get(f"/requests/{call.request_id}/").status_code == 200


def test_a_refused_call_without_a_deployment_is_shown_with_what_is_not_known(member, client: Client, world, call):
    refused = GatewayCall.objects.create(
        team_id=world.delta_team_id,
        actor="key:cw_test",
        endpoint="chat",
        asked_model="echo",
        status="refused",
        error_code="budget_exhausted",
        lease_expires_at=call.lease_expires_at,
        created_at=call.created_at,
        finished_at=call.finished_at,
    )
    client.force_login(member)
    said = text_of(client.get(f"/gateway/calls/{refused.pk}/"))
    assert "budget exhausted" in said
    assert "It was not sent to any deployment" in said
    assert client.get(f"/gateway/calls/{uuid4()}/").status_code == 404


def test_the_socket_of_the_page_tells_when_a_call_of_the_team_ends(member, world, call, deployments):
    sight = get_sight(member)
    assert allowed_sections(sight, "gateway") == ("gateway",)
    now = datetime.now(UTC)
    before = read_sections(sight, ["gateway"], now=now)
    make_call(world.coast_team_id, deployments["echo-stockholm"])
    assert read_sections(sight, ["gateway"], now=now) == before
    make_call(world.delta_team_id, deployments["echo-stockholm"])
    assert read_sections(sight, ["gateway"], now=now) != before


def test_a_round_that_the_gateway_drives_shows_answer_reason_and_cost_against_one(member, client: Client, world, call):
    now = datetime.now(UTC)
    session = Session.objects.create(
        name="Desk",
        team_id=world.delta_team_id,
        policy=get_policy_in_force(),
        created_by="t",
        created_at=now,
        last_event_at=now,
    )
    row = Round.objects.create(session=session, topic="Boats", agents=["a", "b"], started_by="t", started_at=now)
    RoundRun.objects.create(
        round=row,
        question="Which districts first?",
        table={},
        purpose="disaster_response",
        origin_code="BD",
        most_tokens=9000,
        status="finished",
        actor="t",
        calls=5,
        spent_tokens=6000,
        spent_micro_usd=900,
        spent_g=1.5,
        single_tokens=1000,
        single_micro_usd=150,
        single_g=0.25,
        stopped_because="converged",
        answer="Sylhet first.",
        chosen_agent="a",
        reason="The gauge there rises fastest.",
        created_at=now,
        finished_at=now,
    )
    client.force_login(member)
    said = text_of(client.get(f"/sessions/{session.pk}/rounds/{row.pk}/"))
    for words in ("Which districts first?", "Sylhet first.", "chosen: a", "The gauge there rises fastest", "6.0 times"):
        assert words in said
