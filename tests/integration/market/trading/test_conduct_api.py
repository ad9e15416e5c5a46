"""Registry units, reputation, flags and rules over HTTP: who may see and do what, and what is told of faults."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.domain.scopes import ALL_SCOPES, Scope
from market.models import ConductFlag, Instrument, RegistryUnit, StandingRule
from market.services.trading.conduct import raise_flag
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.world import NOW, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
BASE = "/api/v1/market"
UNIT = {
    "registry": "Verra",
    "serial_prefix": "VCU-",
    "serial_first": 1,
    "serial_last": 10,
    "vintage": 2023,
    "retired_on": "2026-01-01",
}


@pytest.fixture
def trader() -> Trader:
    return make_trader("Own")


@pytest.fixture
def operator() -> APIClient:
    return make_team("Operator", scopes=[*ALL_SCOPES, Scope.MARKET_OPERATE]).client


@pytest.fixture
def stranger() -> APIClient:
    return make_team("Stranger").client


def rule(trader: Trader, **changes: Any) -> dict[str, Any]:
    plain = {
        "budget": str(trader.tokens),
        "kind": "sell_unused",
        "limit_price_usd": "0.000003",
        "most_per_day": 3000,
        "by_hour_utc": 18,
    }
    return {**plain, **changes}


def flagged(trader: Trader) -> int:
    raise_flag(
        key="k",
        kind=ConductFlag.Kind.SPOOF,
        team_id=trader.team.team_id,
        since=NOW,
        evidence={"times": 5},
        now=timezone.now(),
    )
    return ConductFlag.objects.get().pk


def post(client: APIClient, path: str, body: Any, **headers: str) -> Any:
    return client.post(f"{BASE}{path}", body, format="json", headers=headers)


def test_an_operator_brings_units_that_their_team_then_sees_with_what_they_lack(trader, operator, stranger):
    done = post(operator, "/units/", {"team": trader.team.team_id, "units": [UNIT]})

    assert done.status_code == 201
    (seen,) = trader.team.client.get(f"{BASE}/units/").json()["results"]
    assert seen == done.json()[0]
    assert (seen["registry"], seen["units"], seen["is_verified"], seen["free_g"]) == ("VERRA", 10, False, 0)
    assert "project_id" in seen["missing"]
    assert stranger.get(f"{BASE}/units/").json()["results"] == []


def test_a_fault_names_row_and_column_and_nothing_is_taken(trader, operator):
    other = {**UNIT, "serial_prefix": "GS-", "retired_on": "2999-01-01"}
    refused = post(operator, "/units/", {"team": trader.team.team_id, "units": [UNIT, other]})

    assert refused.status_code == 422
    assert [(each["field"], each["code"]) for each in refused.json()["errors"]] == [
        ("units[1].retired_on", "bad_units")
    ]
    assert RegistryUnit.objects.count() == 0


def test_only_an_operator_brings_units(trader):
    assert post(trader.team.client, "/units/", {"team": trader.team.team_id, "units": [UNIT]}).status_code == 403
    assert RegistryUnit.objects.count() == 0


def test_units_are_taken_with_known_fields_only(trader, operator):
    refused = post(operator, "/units/", {"team": trader.team.team_id, "units": [{**UNIT, "tonnes": 3}]})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_field")


def test_a_team_sees_its_own_reputation_only(trader, stranger):
    (own,) = trader.team.client.get(f"{BASE}/reputation/").json()["results"]

    assert (own["team"], own["score"], own["basis"]) == (trader.team.team_id, None, "live")
    assert [each["name"] for each in own["parts"]] == ["delivery", "accuracy", "early_return", "collaboration"]
    assert [each["team"] for each in stranger.get(f"{BASE}/reputation/").json()["results"]] != [own["team"]]


def test_a_team_reads_and_appeals_its_own_flags(trader, stranger):
    number = flagged(trader)

    assert trader.team.client.get(f"{BASE}/flags/").json()["results"][0]["may_appeal"] is True
    assert stranger.get(f"{BASE}/flags/").json()["results"] == []
    assert stranger.get(f"{BASE}/flags/{number}/").status_code == 404
    assert post(stranger, f"/flags/{number}/appeal/", {"text": "Mine."}).status_code == 404
    assert post(trader.team.client, f"/flags/{number}/appeal/", {"text": ""}).status_code == 422
    done = post(trader.team.client, f"/flags/{number}/appeal/", {"text": "We test."})
    assert (done.status_code, done.json()["appeals"][0]["status"], done.json()["may_appeal"]) == (201, "open", False)
    assert post(trader.team.client, f"/flags/{number}/appeal/", {"text": "Again."}).json()["code"] == "already_appealed"


def test_staff_see_the_flags_and_scores_of_all(trader, admin_client):
    number = flagged(trader)

    assert [each["id"] for each in admin_client.get(f"{BASE}/flags/").json()["results"]] == [number]
    assert admin_client.get(f"{BASE}/reputation/").status_code == 200


def test_a_rule_is_made_once_per_key_changed_and_paused(trader):
    client = trader.team.client
    made = post(client, "/rules/", rule(trader), **{"Idempotency-Key": "a"})
    again = post(client, "/rules/", rule(trader), **{"Idempotency-Key": "a"})

    assert (made.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert made.json() == again.json()
    assert (made.json()["limit_price_usd"], made.json()["most_per_day"]) == ("0.000003", "3000")
    path = f"{BASE}/rules/{made.json()['id']}/"
    changed = client.patch(path, {"limit_price_usd": "0.000004"}, format="json")
    assert (changed.status_code, changed.json()["limit_price_usd"]) == (200, "0.000004")
    assert client.delete(path).json()["is_active"] is False
    assert client.patch(path, {"is_active": True}, format="json").json()["is_active"] is True
    assert StandingRule.objects.count() == 1


def test_rules_of_other_teams_do_not_exist_for_a_stranger(trader, stranger):
    number = post(trader.team.client, "/rules/", rule(trader)).json()["id"]
    path = f"{BASE}/rules/{number}/"

    assert stranger.get(f"{BASE}/rules/").json()["results"] == []
    answers = [stranger.get(path), stranger.patch(path, {"is_active": False}, format="json"), stranger.delete(path)]
    assert [each.status_code for each in answers] == [404, 404, 404]
    assert post(stranger, "/rules/", rule(trader)).status_code == 403
    assert StandingRule.objects.get().is_active


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"by_hour_utc": None}, "by_hour_utc"),
        ({"limit_price_usd": "0"}, "limit_price_usd"),
        ({"kind": "hope"}, "kind"),
        ({"is_active": True}, "is_active"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_naming_the_field(trader, changes, field):
    refused = post(trader.team.client, "/rules/", rule(trader, **changes))

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert StandingRule.objects.count() == 0


def test_who_only_reads_makes_no_rule_and_no_appeal(trader):
    reader = make_team("Reader", scopes=[Scope.MARKET_READ]).client

    assert post(reader, "/rules/", rule(trader)).status_code == 403
    assert post(reader, f"/flags/{flagged(trader)}/appeal/", {"text": "x"}).status_code == 403


@pytest.mark.parametrize("unit", ["avoided_g", "avoided", "credits", "offsets", "micro_usd"])
def test_estimated_avoided_emissions_are_nothing_that_can_be_sold(trader, unit):
    order = {"side": "sell", "unit": unit, "quantity": 1000, "limit_price_usd": "0.000003"}

    assert post(trader.team.client, "/orders/", order).status_code == 422
    assert Instrument.objects.count() == 0
    assert {value for value, _ in Instrument._meta.get_field("unit").choices} == {"tokens", "carbon_g", "energy_wh"}
