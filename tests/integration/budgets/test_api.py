from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from accounts.domain.scopes import Scope
from accounts.models import User
from accounts.services.organisations import add_member, create_administrator, create_team
from budgets import services
from budgets.models import Budget
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
URL = "/api/v1/budgets/"
BODY = {"name": "Quarter", "parent": None, "unit": "tokens", "limit": 5000, "period": "one_off"}


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


def test_a_budget_is_made_and_read_back(team):
    made = team.client.post(URL, BODY)
    assert made.status_code == 201
    read = team.client.get(f"{URL}{made.json()['id']}/").json()
    assert {**read, "exhaustion": None} == {**made.json(), "exhaustion": None}
    assert (read["limit"], read["spent"], read["reserved"], read["available"]) == (5000, 0, 0, 5000)
    assert (read["used_percent"], read["status"], read["thresholds_crossed"], read["resets_at"]) == (0, "ok", [], None)


def test_a_monthly_budget_says_when_it_is_whole_again(team):
    made = team.client.post(URL, {**BODY, "period": "month"}).json()
    assert made["resets_at"].endswith("-01T00:00:00Z")


def test_grams_may_have_decimals_and_come_back_exact(team):
    made = team.client.post(URL, {**BODY, "unit": "carbon_g", "limit": 0.25})
    assert made.status_code == 201
    assert made.json()["limit"] == 0.25


def test_watt_hours_may_have_decimals_and_come_back_exact(team):
    made = team.client.post(URL, {**BODY, "unit": "energy_wh", "limit": 1500.000001})
    assert (made.json()["unit"], made.json()["limit"]) == ("energy_wh", 1500.000001)


def test_a_budget_says_which_class_it_pays_for_what_was_sold_and_how_much_may_be(team):
    made = team.client.post(URL, {**BODY, "model_class": "L", "tradeable_percent": 20}).json()
    assert (made["model_class"], made["sold"], made["tradeable_percent"]) == ("L", 0, 20)
    assert made["limit_parts"] == {"base": 5000, "carried": 0, "pooled": 0, "bonus": 0, "sold": 0}
    plain = team.client.post(URL, BODY).json()
    assert (plain["model_class"], plain["tradeable_percent"]) == ("", 50)
    Budget.objects.filter(pk=made["id"]).update(limit=4000, sold=1000)
    sold = team.client.get(f"{URL}{made['id']}/").json()
    assert (sold["limit"], sold["sold"], sold["limit_parts"]["base"]) == (4000, 1000, 5000)


def test_the_class_of_a_budget_is_never_changed_and_what_is_below_it_has_it_too(team):
    above = team.client.post(URL, {**BODY, "model_class": "L"}).json()["id"]
    refused = team.client.patch(f"{URL}{above}/", {"model_class": "S"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "model_class")
    below = team.client.post(URL, {**BODY, "parent": above}).json()
    assert below["model_class"] == "L"
    other = team.client.post(URL, {**BODY, "parent": above, "model_class": "S"})
    assert other.json()["errors"][0] == {
        "field": "model_class",
        "code": "wrong_class",
        "detail": "The budget above pays for work of class L only, and so does what is below it.",
    }
    assert sorted(Budget.objects.values_list("model_class", flat=True)) == ["L", "L"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("unit", "kisses"),
        ("unit", None),
        ("limit", 0),
        ("limit", -1),
        ("limit", 1.5),
        ("limit", "5000"),
        ("limit", True),
        ("limit", 10**30),
        ("period", "century"),
        ("model_class", "XXXL"),
        ("tradeable_percent", 101),
        ("tradeable_percent", -1),
        ("parent", "not-an-id"),
        ("colour", "green"),
    ],
)
def test_bad_input_is_refused_by_name_and_makes_nothing(team, field, value):
    answer = team.client.post(URL, {**BODY, field: value})
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert not Budget.objects.exists()


def test_a_foreign_parent_is_refused_and_looks_like_none(team):
    foreign = make_budget(make_team("Other"))
    for parent in (foreign, uuid4()):
        answer = team.client.post(URL, {**BODY, "parent": str(parent)})
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["field"] == "parent"
    assert Budget.objects.count() == 1


def test_a_budget_that_one_may_only_see_cannot_be_spent_through_a_child(team, client):
    visible = make_budget(team, name="theirs")
    own_team = create_team(organisation_id=team.organisation_id, name="Own", origins=["*"], purposes=["*"])
    user_id = create_administrator(username="ada", password="a long enough secret")
    add_member(user_id=user_id, team_id=own_team, role="owner")
    add_member(user_id=user_id, team_id=team.team_id, role="viewer")
    client.force_login(User.objects.get(pk=user_id), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(f"{URL}{visible}/").status_code == 200
    answer = client.post(URL, {**BODY, "parent": str(visible)}, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["field"] == "parent"
    assert Budget.objects.count() == 1


def test_a_team_may_spend_from_its_organisations_own_budget(team):
    shared = make_budget(team, name="shared", team_id=None)
    assert team.client.post(URL, {**BODY, "parent": str(shared)}).status_code == 201


def test_a_foreign_budget_does_not_exist(team):
    foreign = make_budget(make_team("Other"))
    for path in (f"{URL}{foreign}/", f"{URL}{foreign}/ledger/"):
        assert team.client.get(path).status_code == 404
    assert team.client.post(f"{URL}{foreign}/allot/", {"limit": 1}).status_code == 404
    assert team.client.delete(f"{URL}{foreign}/").status_code == 404
    assert Budget.objects.get(pk=foreign).deallocated_at is None
    assert team.client.get(URL).json()["results"] == []


def test_a_key_without_the_scope_may_read_but_not_write():
    reader = make_team(scopes=[Scope.BUDGETS_READ])
    assert reader.client.get(URL).status_code == 200
    refused = reader.client.post(URL, BODY)
    assert refused.status_code == 403
    assert refused.json()["code"] == "missing_scope"
    assert not Budget.objects.exists()


def test_nobody_gets_in_without_a_key(client):
    answer = client.get(URL)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_the_list_shows_a_parent_before_its_children(team):
    top = make_budget(team, name="z top")
    make_budget(team, name="a child", parent_id=top)
    make_budget(team, name="b other")
    names = [each["name"] for each in team.client.get(URL).json()["results"]]
    assert names == ["b other", "z top", "a child"]


def test_the_limit_can_be_set_and_the_ledger_tells_who_did_it(team):
    budget = make_budget(team, 5000)
    answer = team.client.post(f"{URL}{budget}/allot/", {"limit": 7000, "reason": "floods"})
    assert answer.json()["limit"] == 7000
    newest = team.client.get(f"{URL}{budget}/ledger/").json()["results"][0]
    assert (newest["kind"], newest["limit_delta"], newest["reason"]) == ("allot", 2000, "floods")
    assert newest["actor"].startswith("key cw_")


def test_the_ledger_pages_by_key(team):
    budget = make_budget(team, 5000)
    for limit in range(6000, 6120):
        services.allot(budget_id=budget, limit=Decimal(limit), actor="test", reason="", now=NOW)
    first = team.client.get(f"{URL}{budget}/ledger/").json()
    rest = team.client.get(first["next"]).json()
    ids = [each["id"] for each in first["results"] + rest["results"]]
    assert len(ids) == 121
    assert ids == sorted(ids, reverse=True)
    assert rest["next"] is None
    assert team.client.get(f"{URL}{budget}/ledger/?cursor=x").status_code == 422


def test_an_ended_budget_leaves_the_list(team):
    budget = make_budget(team)
    assert team.client.delete(f"{URL}{budget}/").status_code == 204
    assert team.client.get(URL).json()["results"] == []


def test_the_global_picture_sums_roots_only(team):
    top = make_budget(team, 1000)
    make_budget(team, 400, parent_id=top)
    status = team.client.get(f"{URL}status/").json()
    tokens = status["roots"].pop("tokens")
    assert status["roots"] == {}
    assert (tokens["limit"], tokens["spent"], tokens["reserved"], tokens["available"]) == (1000, 0, 0, 1000)
    assert (tokens["utilisation"], tokens["warnings_passed"]) == ("low", [])
    assert (status["open_holds"], status["attention"]) == (0, [])
