"""Budgets made, configured and changed by REST; what needs two people waits for the second."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.domain.scopes import ALL_SCOPES, Scope
from accounts.models import User
from accounts.services.keys import create_api_key
from accounts.services.organisations import add_member, create_administrator
from budgets import services
from budgets.models import Adjustment, Budget
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
URL = "/api/v1/budgets/"
KNOBS = {
    "level": "session",
    "window_hours": 24,
    "rollover_percent": 0,
    "overflow_percent": 0,
    "pool": 0,
    "floor": 50,
    "warning_amounts": [500, 800],
    "needs_two": False,
    "gear": "direct",
}


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


def client_of(team, name):
    """A person of the team, logged in."""
    user_id = create_administrator(username=name, password="a long enough secret")
    add_member(user_id=user_id, team_id=team.team_id, role="owner")
    client = APIClient()
    client.force_login(User.objects.get(pk=user_id), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_budget_is_made_with_all_its_settings(team):
    body = {"name": "Rolling", "unit": "tokens", "limit": 1000, "period": "rolling", **KNOBS}
    made = team.client.post(URL, body)
    assert made.status_code == 201, made.content
    answer = made.json()
    assert {name: answer[name] for name in KNOBS} == KNOBS
    assert answer["limit_parts"] == {"base": 1000, "carried": 0, "pooled": 0, "bonus": 0, "sold": 0}
    assert (answer["utilisation"], answer["gear_in_use"]) == ("low", None)
    assert answer["sellable"] == 0
    assert answer["exhaustion"]["outlook"] == "unknown"


def test_the_same_key_makes_one_budget(team):
    body = {"name": "Once", "unit": "tokens", "limit": 1000}
    first, again = (team.client.post(URL, body, headers={"Idempotency-Key": "make-1"}) for _ in range(2))
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Budget.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"window_hours": 5}, "window_hours"),
        ({"rollover_percent": 101}, "rollover_percent"),
        ({"floor": -1}, "floor"),
        ({"pool": "much"}, "pool"),
        ({"gear": "fifth"}, "gear"),
        ({"level": "planet"}, "level"),
        ({"warning_amounts": [5, "x"]}, "warning_amounts.1"),
        ({"limit": 5}, "limit"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name_and_changes_nothing(team, change, field):
    budget = make_budget(team)
    answer = team.client.patch(f"{URL}{budget}/", change)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    row = Budget.objects.get(pk=budget)
    assert (row.window_hours, row.floor, row.gear, row.limit) == (None, 0, "auto", 10_000)


def test_settings_are_changed_one_by_one_and_the_others_stay(team):
    budget = make_budget(team, floor=Decimal(10))
    answer = team.client.patch(f"{URL}{budget}/", {"name": "Renamed", "gear": "leased"})
    assert answer.status_code == 200
    assert [answer.json()[name] for name in ("name", "gear", "floor")] == ["Renamed", "leased", 10]


def test_the_balance_is_small_and_the_tree_is_nested(team):
    top = make_budget(team, 1000, name="top")
    child = make_budget(team, 400, name="child", parent_id=top)
    make_budget(team, 100, name="grandchild", parent_id=child)
    balance = team.client.get(f"{URL}{top}/balance/").json()
    assert (balance["available"], balance["status"], len(balance)) == (1000, "ok", 9)
    tree = team.client.get(f"{URL}{top}/tree/").json()
    assert tree["children"][0]["name"] == "child"
    assert [each["name"] for each in tree["children"][0]["children"]] == ["grandchild"]


def test_a_reset_begins_anew_and_says_why(team):
    budget = make_budget(team, 1000)
    team.client.post(f"{URL}{budget}/consume/", {"tokens": 300})
    assert team.client.post(f"{URL}{budget}/reset/", {}).status_code == 422
    answer = team.client.post(f"{URL}{budget}/reset/", {"reason": "a new trial"})
    assert (answer.status_code, answer.json()["spent"]) == (200, 0)
    newest = team.client.get(f"{URL}{budget}/ledger/").json()["results"][0]
    assert (newest["kind"], newest["spent_delta"], newest["reason"]) == ("reset", -300, "a new trial")


def test_a_trial_of_rebalancing_tells_what_the_real_one_does(team):
    top = make_budget(team, 1000)
    busy, idle = (make_budget(team, 400, name=name, parent_id=top) for name in ("busy", "idle"))
    team.client.post(f"{URL}{busy}/consume/", {"tokens": 390})
    trial = team.client.post(f"{URL}{top}/rebalance/", {"trial": True}).json()
    assert Budget.objects.get(pk=idle).limit == 400
    done = team.client.post(f"{URL}{top}/rebalance/", {"reason": "idle"}).json()
    assert trial["lines"] == done["lines"]
    assert Budget.objects.get(pk=busy).limit + Budget.objects.get(pk=idle).limit == 800
    assert Budget.objects.get(pk=busy).limit > 400


def test_quota_that_may_be_sold_is_transferred_once_within_the_team(team):
    giver, taker = make_budget(team, 1000), make_budget(team, 500)
    Budget.objects.filter(pk=giver).update(tradeable=100)
    body = {"to": str(taker), "amount": 60}
    for _ in range(2):
        answer = team.client.post(f"{URL}{giver}/transfer/", body, headers={"Idempotency-Key": "give-1"})
        assert (answer.json()["from"]["limit"], answer.json()["to"]["limit"]) == (940, 560)
    foreign = make_budget(make_team("Other"), 500)
    for to, status in ((foreign, 404), (uuid4(), 404), (giver, 422)):
        refused = team.client.post(f"{URL}{giver}/transfer/", {"to": str(to), "amount": 10})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (status, "to")
    much = team.client.post(f"{URL}{giver}/transfer/", {"to": str(taker), "amount": 41})
    assert (much.status_code, much.json()["code"]) == (409, "not_tradeable")
    assert Budget.objects.get(pk=giver).limit == 940


def test_three_swarms_fit_into_a_pool_and_the_fourth_gets_what_is_left(team):
    pool = make_budget(team, 200_000)
    made = [team.client.post(f"{URL}{pool}/swarms/", {"name": f"swarm {number}"}) for number in range(5)]
    assert [each.json().get("limit") for each in made] == [50_000, 50_000, 50_000, 40_000, None]
    assert (made[4].status_code, made[4].json()["code"]) == (409, "pool_empty")


def test_a_tree_is_made_from_a_template_whole_or_not_at_all(team):
    templates = team.client.get(f"{URL}templates/").json()["results"]
    assert templates
    name = templates[0]["name"]
    made = team.client.post(f"{URL}from-template/", {"template": name, "name": "My session"})
    assert made.status_code == 201, made.content
    tree = team.client.get(f"{URL}{made.json()['id']}/tree/").json()
    assert (tree["name"], bool(tree["children"])) == ("My session", True)
    count = Budget.objects.count()
    refused = team.client.post(f"{URL}from-template/", {"template": "no-such", "name": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (404, "template")
    assert Budget.objects.count() == count


def test_an_adjustment_of_one_person_is_made_at_once(team):
    budget = make_budget(team, 1000)
    answer = team.client.post(f"{URL}{budget}/adjustments/", {"kind": "spent", "amount": 40, "reason": "a lost meter"})
    assert (answer.status_code, answer.json()["status"]) == (201, "applied")
    assert Budget.objects.get(pk=budget).spent == 40
    nothing = team.client.post(f"{URL}{budget}/adjustments/", {"kind": "spent", "amount": 40})
    assert [each["field"] for each in nothing.json()["errors"]] == ["reason"]


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("allot", {"limit": 2000, "reason": "floods"}, "limit"),
        ("reset", {"reason": "floods"}, "reset"),
        ("adjustments", {"kind": "spent", "amount": 5, "reason": "floods"}, "spent"),
    ],
)
def test_what_needs_two_people_waits_for_the_second(team, path, body, kind):
    budget = make_budget(team, 1000, needs_two=True)
    ada, bob = client_of(team, "ada"), client_of(team, "bob")
    proposed = ada.post(f"{URL}{budget}/{path}/", body)
    assert (proposed.status_code, proposed.json()["status"], proposed.json()["kind"]) == (202, "proposed", kind)
    assert Budget.objects.get(pk=budget).limit == 1000
    approve = f"{URL}adjustments/{proposed.json()['id']}/approve/"
    own = ada.post(approve, {})
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    assert Adjustment.objects.get().status == "proposed"
    done = bob.post(approve, {"reason": "seen"})
    assert (done.status_code, done.json()["status"], done.json()["decided_by"]) == (200, "applied", "person bob")
    assert done.json()["is_other_person"] is True
    assert (ada.post(approve, {}).json()["code"]) == "already_decided"
    assert Budget.objects.get(pk=budget).limit == (2000 if kind == "limit" else 1000)


def test_a_proposed_change_can_be_rejected_and_then_never_happens(team):
    budget = make_budget(team, 1000, needs_two=True)
    _, secret = create_api_key(team_id=team.team_id, name="second", scopes=[str(scope) for scope in ALL_SCOPES])
    waiting = team.client.post(f"{URL}{budget}/allot/", {"limit": 2000, "reason": "floods"}).json()
    second = APIClient()
    second.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    rejected = second.post(f"{URL}adjustments/{waiting['id']}/reject/", {"reason": "no floods"}).json()
    assert (rejected["status"], rejected["decision_reason"]) == ("rejected", "no floods")
    listed = team.client.get(f"{URL}{budget}/adjustments/?status=rejected").json()["results"]
    assert [each["id"] for each in listed] == [waiting["id"]]
    assert Budget.objects.get(pk=budget).limit == 1000


def test_the_changes_of_another_team_do_not_exist(team):
    other = make_team("Other")
    budget = make_budget(other, 1000, needs_two=True)
    waiting = other.client.post(f"{URL}{budget}/allot/", {"limit": 2000, "reason": "floods"}).json()
    for action in ("approve", "reject"):
        answer = team.client.post(f"{URL}adjustments/{waiting['id']}/{action}/", {"reason": "x"})
        assert answer.status_code == 404
    for path in ("allot", "reset", "rebalance", "transfer", "swarms", "adjustments", "proposals"):
        assert team.client.post(f"{URL}{budget}/{path}/", {}).status_code == 404
    for path in ("tree", "balance", "adjustments", "proposals", "economy", "advice", "ledger"):
        assert team.client.get(f"{URL}{budget}/{path}/").status_code == 404
    assert team.client.patch(f"{URL}{budget}/", {"name": "mine"}).status_code == 404
    assert Adjustment.objects.get().status == "proposed"


def test_spending_gives_no_right_to_change(team):
    spender = make_team("Spender", scopes=[Scope.BUDGETS_READ, Scope.BUDGETS_SPEND])
    budget = make_budget(spender)
    for path in ("allot", "reset", "rebalance", "transfer", "swarms", "adjustments", "proposals"):
        answer = spender.client.post(f"{URL}{budget}/{path}/", {})
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert spender.client.patch(f"{URL}{budget}/", {"name": "x"}).status_code == 403


def test_an_organisations_own_budget_is_seen_and_not_changed(team):
    shared = make_budget(team, 1000, team_id=None)
    assert team.client.get(f"{URL}{shared}/").status_code == 200
    answer = team.client.post(f"{URL}{shared}/allot/", {"limit": 5000})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "budget")
    assert Budget.objects.get(pk=shared).limit == 1000
