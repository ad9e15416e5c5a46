"""The OpenAPI document is generated from the code and agrees with what the server answers."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from accounts.domain.scopes import Scope
from climate.services.alerts import keep_alerts
from market.services import run_allocation_pass
from sessions_app.domain.words import STANDARD_KEYS
from tests.integration.climate.alert_examples import FLOOD, ORANGE
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db
BODY = {"purpose": "climate_adaptation", "origin": "BD", "model_class": "L", "tokens": 2000}


@pytest.fixture
def document(client):
    answer = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def team(db):
    load_world()
    return make_team()


def check(document, path, method, answer):
    """The answer's body is what the document promises for its status."""
    response = document["paths"][path][method]["responses"][str(answer.status_code)]
    kind = answer["Content-Type"].split(";")[0]
    schema = _with_nulls({**response["content"][kind]["schema"], "components": document["components"]})
    validator = Draft202012Validator(schema)
    problems = [f"{'/'.join(map(str, each.path))}: {each.message}" for each in validator.iter_errors(answer.json())]
    assert problems == []


def _with_nulls(schema):
    """OpenAPI 3.0 says `nullable`, JSON Schema says `null` is among the types."""
    if isinstance(schema, list):
        return [_with_nulls(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    known = {name: _with_nulls(value) for name, value in schema.items()}
    if known.pop("nullable", False) is True:
        return {"anyOf": [known, {"type": "null"}]}
    return known


def test_the_document_can_be_made_without_a_warning():
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)


def test_every_door_of_the_api_is_in_the_document(document):
    assert {"/api/v1/requests/", "/api/v1/budgets/{budget_id}/ledger/", "/api/v1/greenest/"} <= set(document["paths"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"apiKey": []} in operation["security"], path
            assert operation["operationId"]
            assert {"401", "403"} <= set(operation["responses"])


def test_the_doors_for_clients_of_openai_are_in_the_document_with_our_headers(document):
    chat = document["paths"]["/v1/chat/completions"]["post"]
    assert {"X-Commonwatt-Purpose", "Idempotency-Key"} <= {each["name"] for each in chat["parameters"]}
    assert "X-Commonwatt-Carbon-G" in chat["responses"]["200"]["headers"]
    assert chat["responses"]["402"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/GatewayError"
    }
    assert {"/v1/embeddings", "/v1/models", "/v1/models/{model}"} <= set(document["paths"])


def test_requests_answer_as_documented(document, team):
    budget = str(make_budget(team, 3000))
    made = team.client.post("/api/v1/requests/", {**BODY, "budget": budget})
    check(document, "/api/v1/requests/", "post", made)
    one = "/api/v1/requests/{request_id}/"
    url = f"/api/v1/requests/{made.json()['id']}/"
    check(document, one, "get", team.client.get(url))
    check(document, f"{one}explain/", "get", team.client.get(f"{url}explain/"))
    check(document, f"{one}settle/", "post", team.client.post(f"{url}settle/", {"used_tokens": 5}))
    check(document, f"{one}release/", "post", team.client.post(f"{url}release/"))
    check(document, "/api/v1/requests/", "get", team.client.get("/api/v1/requests/"))
    check(
        document,
        "/api/v1/requests/quote/",
        "post",
        team.client.post("/api/v1/requests/quote/", {**BODY, "budget": budget}),
    )


@pytest.mark.parametrize(
    "change", [{"tokens": 10**6}, {"tokens": -1}, {"price_cap_usd": "0"}, {"latest": "2999-01-01"}]
)
def test_refusals_and_denials_answer_as_documented(document, team, change):
    budget = str(make_budget(team, 3000))
    check(
        document,
        "/api/v1/requests/",
        "post",
        team.client.post("/api/v1/requests/", {**BODY, "budget": budget, **change}),
    )


BUDGETS = "/api/v1/budgets/"
BUDGET = f"{BUDGETS}{{budget_id}}/"


def test_budgets_answer_as_documented(document, team):
    body = {"name": "b", "unit": "carbon_g", "limit": 0.5, "period": "month"}
    made = team.client.post(BUDGETS, body)
    check(document, BUDGETS, "post", made)
    url = f"{BUDGETS}{made.json()['id']}/"
    check(document, BUDGET, "get", team.client.get(url))
    check(document, BUDGET, "patch", team.client.patch(url, {"gear": "direct", "needs_two": True}))
    check(document, BUDGET, "patch", team.client.patch(url, {"gear": "fifth"}))
    check(document, f"{BUDGET}allot/", "post", team.client.post(f"{url}allot/", {"limit": 2, "reason": "r"}))
    waiting = team.client.get(f"{url}adjustments/")
    check(document, f"{BUDGET}adjustments/", "get", waiting)
    reject = f"{BUDGETS}adjustments/{waiting.json()['results'][0]['id']}/reject/"
    check(document, f"{BUDGETS}adjustments/{{adjustment_id}}/reject/", "post", team.client.post(reject, {}))
    for path in ("tree", "balance", "holds", "ledger", "economy", "proposals"):
        check(document, f"{BUDGET}{path}/", "get", team.client.get(f"{url}{path}/"))
    check(document, f"{BUDGET}advice/", "get", team.client.get(f"{url}advice/?tokens=500"))
    for path in ("", "status/", "ledger/", "templates/", "alerts/", "channels/"):
        check(document, f"{BUDGETS}{path}", "get", team.client.get(f"{BUDGETS}{path}"))
    for path in ("estimates/", "estimates/accuracy/"):
        check(document, f"/api/v1/{path}", "get", team.client.get(f"/api/v1/{path}"))


def test_changes_of_budgets_answer_as_documented(document, team):
    pool, other = str(make_budget(team, 200_000)), str(make_budget(team, 1000))
    bodies = {
        "allot": {"limit": 150_000},
        "swarms": {"name": "s"},
        "rebalance": {"trial": True},
        "reset": {"reason": "r"},
        "adjustments": {"kind": "spent", "amount": 5, "reason": "r"},
        "transfer": {"to": other, "amount": 5},
        "proposals": {},
    }
    for path, body in bodies.items():
        check(document, f"{BUDGET}{path}/", "post", team.client.post(f"{BUDGETS}{pool}/{path}/", body))
    template = team.client.get(f"{BUDGETS}templates/").json()["results"][0]["name"]
    made = team.client.post(f"{BUDGETS}from-template/", {"template": template, "name": "t"})
    check(document, f"{BUDGETS}from-template/", "post", made)
    channel = team.client.post(f"{BUDGETS}channels/", {"name": "c", "kind": "email", "address": "a@example.org"})
    check(document, f"{BUDGETS}channels/", "post", channel)


def test_holds_answer_as_documented(document, team):
    url = f"{BUDGETS}{make_budget(team, 1000)}/"
    held = team.client.post(f"{url}reserve/", {"tokens": 700})
    check(document, f"{BUDGET}reserve/", "post", held)
    check(document, f"{BUDGET}reserve/", "post", team.client.post(f"{url}reserve/", {"tokens": 700}))
    hold = {"hold": held.json()["hold"]}
    for path, more in (("dispatch", {}), ("settle", {"tokens": 650}), ("release", {})):
        check(document, f"{BUDGET}{path}/", "post", team.client.post(f"{url}{path}/", {**hold, **more}))
    one = team.client.get(f"{BUDGETS}holds/{hold['hold']}/")
    check(document, f"{BUDGETS}holds/{{hold_id}}/", "get", one)
    check(document, f"{BUDGET}consume/", "post", team.client.post(f"{url}consume/", {"amount": 100}))
    check(document, f"{BUDGET}holds/", "get", team.client.get(f"{url}holds/"))
    check(document, f"{BUDGET}ledger/", "get", team.client.get(f"{url}ledger/"))


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/api/v1/regions/", "/api/v1/regions/"),
        ("/api/v1/regions/{code}/", "/api/v1/regions/aws-eu-north-1/"),
        ("/api/v1/zones/{zone}/intensity/", "/api/v1/zones/DE/intensity/"),
        ("/api/v1/zones/{zone}/forecast/", "/api/v1/zones/DE/forecast/"),
        ("/api/v1/greenest/", "/api/v1/greenest/?duration=3"),
        ("/api/v1/sources/", "/api/v1/sources/"),
        ("/api/v1/alerts/", "/api/v1/alerts/"),
        ("/api/v1/emergencies/", "/api/v1/emergencies/?state=proposed,active"),
        ("/api/v1/emergencies/", "/api/v1/emergencies/?state=over"),
        ("/api/v1/regions/{code}/", "/api/v1/regions/atlantis/"),
    ],
)
def test_climate_answers_as_documented(document, team, path, url):
    check(document, path, "get", team.client.get(url))


def test_alerts_and_decisions_on_them_answer_as_documented(document, team):
    keep_alerts(source="gdacs", alerts=[FLOOD, replace(ORANGE, external_id="FL2")], is_complete=True, now=NOW)
    check(document, "/api/v1/alerts/", "get", team.client.get("/api/v1/alerts/"))
    trusted = make_team("Trusted", scopes=[Scope.CLIMATE_READ, Scope.EMERGENCIES_WRITE]).client
    every, one = "/api/v1/emergencies/", "/api/v1/emergencies/{emergency_id}/"
    listed = trusted.get(f"{every}?state=proposed,active")
    check(document, every, "get", listed)
    assert {each["state"] for each in listed.json()["results"]} == {"proposed", "active"}
    body = {"kind": "flood", "title": "t", "countries": ["BD"], "purposes": ["disaster_response"], "multiplier": 2}
    made = trusted.post(every, {**body, "reason": "r"})
    check(document, every, "post", made)
    check(document, every, "post", trusted.post(every, body))
    url = f"{every}{made.json()['id']}/"
    check(document, one, "get", trusted.get(url))
    for action in ("confirm", "dismiss", "lift", "lift"):
        check(document, f"{one}{action}/", "post", trusted.post(f"{url}{action}/", {"reason": "r"}))


def test_outages_answer_as_documented(document, team):
    trusted = make_team("Operators", scopes=[Scope.CLIMATE_READ, Scope.CAPACITY_WRITE]).client
    every, one = "/api/v1/outages/", "/api/v1/outages/{outage_id}/"
    body = {"region": "aws-eu-north-1", "kind": "outage", "capacity_share": 0.5, "reason": "r"}
    made = trusted.post(every, body)
    check(document, every, "post", made)
    check(document, every, "post", trusted.post(every, {**body, "capacity_share": 2}))
    check(document, every, "get", team.client.get(every))
    url = f"{every}{made.json()['id']}/"
    check(document, one, "get", team.client.get(url))
    for _ in range(2):
        check(document, f"{one}end/", "post", trusted.post(f"{url}end/", {"reason": "r"}))


def test_a_drill_answers_as_documented(document, team):
    trusted = make_team("Disaster desk", scopes=[Scope.EMERGENCIES_WRITE]).client
    drills, body = "/api/v1/drills/", {"kind": "flood", "countries": ["BD"]}
    check(document, drills, "post", trusted.post(drills, body))
    run_allocation_pass(now=NOW, trigger="test", actor="test")
    made = trusted.post(drills, body)
    assert made.status_code == 201
    check(document, drills, "post", made)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["/api/v1/requests", "/api/v1/nowhere/", "/api/v2/requests/"])
def test_an_address_that_is_no_door_is_a_problem_document(client, path, method):
    answer = getattr(client, method)(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"
    assert ("slash" in answer.json()["detail"]) is (not path.endswith("/"))


def test_the_standard_keys_of_a_shared_state_are_named(document):
    body = document["paths"]["/api/v1/sessions/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    state = document["components"]["schemas"][body["$ref"].rsplit("/", 1)[-1]]["properties"]["state"]
    assert all(name in state["description"] for name in STANDARD_KEYS)
