"""`reserve/` and `consume/`: what is answered, and that a refusal takes nothing."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from accounts.domain.scopes import Scope
from budgets import services
from budgets.domain.units import Unit
from budgets.models import Budget, Hold, SpendBucket
from budgets.selectors import list_ledger_differences
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


def reserve(team, budget_id, body, path="reserve", **headers):
    return team.client.post(f"/api/v1/budgets/{budget_id}/{path}/", body, headers=headers)


def figures(budget_id):
    row = Budget.objects.get(pk=budget_id)
    return row.spent, row.reserved


def test_a_reservation_says_what_it_holds_until_when_and_how_it_was_admitted(team):
    budget = make_budget(team, 1000)
    answer = reserve(team, budget, {"amount": 800, "reference": "job-7", "lease_seconds": 60})
    assert answer.status_code == 201
    body = answer.json()
    hold = Hold.objects.get(pk=body["hold"])
    assert (body["status"], body["fence"], body["gear"]) == ("reserved", 1, "direct")
    assert (body["budget"], body["tokens"], body["carbon_g"], body["usd"]) == (str(budget), 800, 0, "0.000000")
    assert body["energy_wh"] == 0
    assert (body["warning"], answer["X-Budget-Warning"]) == (75, "75")
    assert (hold.lease_expires_at - hold.created_at).total_seconds() == pytest.approx(60, abs=5)
    assert hold.reference == f"api:{team.team_id}:job-7"
    assert figures(budget) == (0, 800)


def test_one_path_is_charged_in_four_units(team):
    money = make_budget(team, 5_000_000, unit=Unit.MICRO_USD)
    carbon = make_budget(team, 100, unit=Unit.CARBON_G, parent_id=money)
    energy = make_budget(team, 40, unit=Unit.ENERGY_WH, parent_id=carbon)
    leaf = make_budget(team, 1000, parent_id=energy)
    asked = {"tokens": 10, "carbon_g": 0.25, "usd": "0.000070", "energy_wh": 1.5}
    answer = reserve(team, leaf, asked)
    assert (answer.status_code, answer.json()["energy_wh"]) == (201, 1.5)
    assert [figures(each)[1] for each in (leaf, energy, carbon, money)] == [10, 1_500_000, 250_000, 70]
    refused = reserve(team, leaf, {**asked, "energy_wh": 38.6}).json()
    assert (refused["budget"], refused["unit"], refused["remaining"]) == (str(energy), "energy_wh", 38.5)
    assert "38.5 of 40 Wh left" in refused["detail"]
    assert [figures(each)[1] for each in (leaf, energy, carbon, money)] == [10, 1_500_000, 250_000, 70]


def test_a_budget_in_watt_hours_is_reserved_from_and_spent_in_them(team):
    budget = make_budget(team, 40, unit=Unit.ENERGY_WH)
    assert reserve(team, budget, {"amount": 2}).json()["energy_wh"] == 2
    assert reserve(team, budget, {"energy_wh": 0.25}, "consume").json()["energy_wh"] == 0.25
    assert figures(budget) == (250_000, 2_000_000)
    assert list_ledger_differences() == []


def test_an_operation_is_estimated_by_its_threshold(team):
    budget = make_budget(team, 10_000)
    assert reserve(team, budget, {"operation": "read_file", "count": 3}).json()["tokens"] == 3000
    refused = reserve(team, budget, {"operation": "make_tea"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "operation")
    assert figures(budget) == (0, 3000)


@pytest.mark.django_db(transaction=True)
def test_a_budget_that_cannot_pay_says_which_and_counts_the_refusal(team):
    top = make_budget(team, 500, name="top")
    leaf = make_budget(team, 10_000, parent_id=top)
    refused = reserve(team, leaf, {"amount": 501})
    assert refused.status_code == 402
    assert refused["Content-Type"] == "application/problem+json"
    said = {name: refused.json()[name] for name in ("budget", "unit", "limit", "remaining", "needed", "resets_at")}
    assert said == {
        "budget": str(top), "unit": "tokens", "limit": 500, "remaining": 500, "needed": 501, "resets_at": None
    }  # fmt: skip
    assert figures(leaf) == (0, 0)
    assert not Hold.objects.exists()
    assert SpendBucket.objects.get(budget=top).refusals == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"amount": 0},
        {"amount": -1},
        {"amount": "10"},
        {"amount": True},
        {"amount": 10**30},
        {"amount": 1, "tokens": 1},
        {"tokens": 0},
        {"tokens": 1.5},
        {"carbon_g": -0.1},
        {"energy_wh": -0.1},
        {"amount": 1, "energy_wh": 1},
        {"usd": "-1"},
        {"amount": 1, "count": 2},
        {"operation": "read_file", "count": 0},
        {"amount": 1, "lease_seconds": 9},
        {"amount": 1, "lease_seconds": 86_401},
        {"amount": 1, "reference": ""},
        {"amount": 1, "reference": "x" * 81},
        {"amount": 1, "colour": "green"},
        [],
    ],
)
def test_what_cannot_be_meant_is_refused_and_takes_nothing(team, body):
    budget = make_budget(team, 1000)
    refused = reserve(team, budget, body)
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert figures(budget) == (0, 0)


@pytest.mark.parametrize(
    ("unit", "body", "field"),
    [
        (Unit.MICRO_USD, {"tokens": 10}, "usd"),
        (Unit.CARBON_G, {"operation": "read_file"}, "carbon_g"),
        (Unit.ENERGY_WH, {"tokens": 10}, "energy_wh"),
        (Unit.TOKENS, {"carbon_g": 5, "usd": "1.00"}, "tokens"),
    ],
)
def test_a_budget_is_asked_for_what_it_counts(team, unit, body, field):
    budget = make_budget(team, 1000, unit=unit)
    for path in ("reserve", "consume"):
        refused = reserve(team, budget, body, path)
        assert (refused.status_code, refused.json()["code"]) == (422, "other_unit")
        assert refused.json()["errors"][0]["field"] == field
    assert figures(budget) == (0, 0)


def test_another_teams_budget_does_not_exist_and_the_organisations_is_not_spent_from(team):
    foreign, shared = make_budget(make_team("Other")), make_budget(team, team_id=None)
    for path in ("reserve", "consume"):
        assert reserve(team, foreign, {"amount": 1}, path).status_code == 404
        assert reserve(team, uuid4(), {"amount": 1}, path).status_code == 404
        assert reserve(team, shared, {"amount": 1}, path).status_code == 403
    assert not Hold.objects.exists()


def test_a_key_without_the_scope_spends_nothing():
    reader = make_team(scopes=[Scope.BUDGETS_READ])
    budget = make_budget(reader)
    refused = reserve(reader, budget, {"amount": 1})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert figures(budget) == (0, 0)


def test_one_reference_has_one_open_hold(team):
    budget = make_budget(team, 1000)
    assert reserve(team, budget, {"amount": 1, "reference": "job-7"}).status_code == 201
    refused = reserve(team, budget, {"amount": 1, "reference": "job-7"})
    assert (refused.status_code, refused.json()["code"]) == (409, "reference_in_use")
    assert figures(budget) == (0, 1)


@pytest.mark.parametrize("path", ["reserve", "consume"])
def test_a_key_replays_its_answer_and_refuses_another_body(team, path):
    budget = make_budget(team, 1000)
    first = reserve(team, budget, {"amount": 10}, path, **{"Idempotency-Key": "k-1"})
    again = reserve(team, budget, {"amount": 10}, path, **{"Idempotency-Key": "k-1"})
    other = reserve(team, budget, {"amount": 11}, path, **{"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json() == first.json()
    assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    assert other.json()["code"] == "key_reused"
    assert sum(figures(budget)) == 10


def test_a_refusal_frees_its_key(team):
    budget = make_budget(team, 5)
    assert reserve(team, budget, {"amount": 10}, **{"Idempotency-Key": "k-1"}).status_code == 402
    services.allot(budget_id=budget, limit=Decimal(50), actor="test", reason="more", now=NOW)
    assert reserve(team, budget, {"amount": 10}, **{"Idempotency-Key": "k-1"}).status_code == 201


def test_consuming_spends_at_once(team):
    top = make_budget(team, 1000)
    leaf = make_budget(team, 1000, parent_id=top)
    answer = reserve(team, leaf, {"amount": 60}, "consume")
    assert (answer.status_code, answer.json()["status"], answer.json()["expires_at"]) == (201, "settled", None)
    assert (figures(leaf), figures(top)) == ((60, 0), (60, 0))
    assert reserve(team, leaf, {"amount": 950}, "consume").status_code == 402
    assert (figures(leaf), figures(top)) == ((60, 0), (60, 0))
    assert list_ledger_differences() == []
