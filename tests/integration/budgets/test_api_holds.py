"""Holds by REST after they are placed: dispatched, settled, released, listed; only the team's own."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from accounts.domain.scopes import Scope
from budgets import services
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, Hold, LedgerEntry
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
URL = "/api/v1/budgets/"


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


@pytest.fixture
def budget(team):
    return make_budget(team, 1000)


def reserve(team, budget, tokens=100, **body):
    answer = team.client.post(f"{URL}{budget}/reserve/", {"tokens": tokens, "carbon_g": 0.5, "usd": "0.000300", **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def state(budget):
    row = Budget.objects.get(pk=budget)
    return row.spent, row.reserved, row.overdraft


def test_a_hold_is_dispatched_and_settled_and_each_step_gives_a_new_number(team, budget):
    hold = reserve(team, budget, reference="job-12")
    dispatched = team.client.post(f"{URL}{budget}/dispatch/", {"hold": hold["hold"], "fence": hold["fence"]})
    assert dispatched.status_code == 200
    assert dispatched.json()["status"] == "dispatched"
    assert dispatched.json()["fence"] > hold["fence"]
    settled = team.client.post(
        f"{URL}{budget}/settle/", {"hold": hold["hold"], "fence": dispatched.json()["fence"], "tokens": 80}
    ).json()
    assert (settled["status"], settled["reference"]) == ("settled", f"api:{team.team_id}:job-12")
    assert settled["lines"] == [{"budget": str(budget), "unit": "tokens", "reserved": 100, "settled": 80}]
    assert state(budget) == (80, 0, 0)


def test_a_unit_that_nobody_speaks_of_is_settled_at_what_was_held(team):
    top = make_budget(team, 2, unit=Unit.CARBON_G)
    leaf = make_budget(team, 1000, parent_id=top)
    hold = reserve(team, leaf)
    team.client.post(f"{URL}{leaf}/settle/", {"hold": hold["hold"], "amount": 60})
    assert state(leaf) == (60, 0, 0)
    assert state(top) == (500_000, 0, 0)


def test_a_hold_says_its_energy_and_is_settled_at_what_was_used_of_it(team):
    top = make_budget(team, 10, unit=Unit.ENERGY_WH)
    leaf = make_budget(team, 1000, parent_id=top)
    first, second = (
        team.client.post(f"{URL}{leaf}/reserve/", {"tokens": 100, "energy_wh": 0.5}).json()["hold"] for _ in range(2)
    )
    read = team.client.get(f"{URL}holds/{first}/").json()
    assert (read["energy_wh"], read["lines"][1]) == (
        0.5,
        {"budget": str(top), "unit": "energy_wh", "reserved": 0.5, "settled": None},
    )
    team.client.post(f"{URL}{leaf}/settle/", {"hold": first, "energy_wh": 0.125})
    team.client.post(f"{URL}{leaf}/settle/", {"hold": second, "tokens": 60})
    assert state(leaf) == (160, 0, 0)
    assert state(top) == (625_000, 0, 0)


def test_what_was_used_beyond_the_limit_is_kept_as_overdraft(team, budget):
    hold = reserve(team, budget, tokens=900)
    answer = team.client.post(f"{URL}{budget}/settle/", {"hold": hold["hold"], "tokens": 1200})
    assert answer.status_code == 200
    assert answer["X-Budget-Warning"] == "95"
    assert state(budget) == (1000, 0, 200)


def test_a_hold_is_released_once(team, budget):
    hold = reserve(team, budget)
    body = {"hold": hold["hold"], "reason": "not needed"}
    assert team.client.post(f"{URL}{budget}/release/", body).json()["status"] == "released"
    again = team.client.post(f"{URL}{budget}/release/", body)
    assert (again.status_code, again.json()["code"]) == (409, "already_resolved")
    assert state(budget) == (0, 0, 0)
    assert LedgerEntry.objects.filter(budget=budget, kind="release").get().reason == "not needed"


def test_the_same_key_replays_a_settlement_and_charges_once(team, budget):
    hold = reserve(team, budget)
    body = {"hold": hold["hold"], "tokens": 70}
    first, again = (
        team.client.post(f"{URL}{budget}/settle/", body, headers={"Idempotency-Key": "settle-1"}) for _ in range(2)
    )
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    other = {**body, "tokens": 71}
    refused = team.client.post(f"{URL}{budget}/settle/", other, headers={"Idempotency-Key": "settle-1"})
    assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")
    assert state(budget) == (70, 0, 0)


def test_a_worker_with_an_old_number_is_refused_and_changes_nothing(team, budget):
    hold = reserve(team, budget)
    dispatched = team.client.post(f"{URL}{budget}/dispatch/", {"hold": hold["hold"], "fence": hold["fence"]}).json()
    for action, more in (("settle", {"tokens": 1}), ("release", {}), ("dispatch", {})):
        late = team.client.post(f"{URL}{budget}/{action}/", {"hold": hold["hold"], "fence": hold["fence"], **more})
        assert (late.status_code, late.json()["code"]) == (409, "stale_fence")
    row = Hold.objects.get(pk=hold["hold"])
    assert (row.status, row.fence) == ("dispatched", dispatched["fence"])
    assert state(budget) == (0, 100, 0)


@pytest.mark.parametrize("action", ["settle", "release", "dispatch"])
def test_the_hold_of_a_request_is_left_to_its_request(team, budget, action):
    placed = services.place_hold(
        budget_id=budget,
        amounts=Amounts(tokens=10, carbon_ug=0, micro_usd=0),
        reference="request:0d4c8e0e-0000-4000-8000-000000000000",
        lease_expires_at=NOW + timedelta(hours=1),
        actor="test",
        now=NOW,
    )
    body = {"hold": str(placed.hold_id), **({"tokens": 1} if action == "settle" else {})}
    answer = team.client.post(f"{URL}{budget}/{action}/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "hold_of_request")
    assert answer.json()["request"] == "0d4c8e0e-0000-4000-8000-000000000000"
    assert state(budget) == (0, 10, 0)


@pytest.mark.parametrize("action", ["settle", "release", "dispatch"])
def test_the_hold_of_another_team_does_not_exist(team, action):
    other = make_team("Other")
    theirs = make_budget(other, 1000)
    hold = reserve(other, theirs)
    own = make_budget(team, 1000)
    body = {"hold": hold["hold"], **({"tokens": 1} if action == "settle" else {})}
    for path in (theirs, own):
        assert team.client.post(f"{URL}{path}/{action}/", body).status_code == 404
    assert team.client.get(f"{URL}holds/{hold['hold']}/").status_code == 404
    assert team.client.get(f"{URL}{theirs}/holds/").status_code == 404
    assert state(theirs) == (0, 100, 0)


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("settle", {}, "amount"),
        ("settle", {"tokens": -1}, "tokens"),
        ("settle", {"tokens": 1.5}, "tokens"),
        ("settle", {"tokens": "5"}, "tokens"),
        ("settle", {"carbon_g": -0.1}, "carbon_g"),
        ("settle", {"amount": 1, "tokens": 1}, "amount"),
        ("settle", {"usd": "much"}, "usd"),
        ("settle", {"tokens": 1, "fence": 0}, "fence"),
        ("dispatch", {"lease_seconds": 0}, "lease_seconds"),
        ("dispatch", {"lease_seconds": True}, "lease_seconds"),
        ("release", {"colour": "green"}, "colour"),
        ("release", {"hold": "x"}, "hold"),
    ],
)
def test_a_body_that_cannot_be_meant_is_refused_by_name(team, budget, action, body, field):
    hold = reserve(team, budget)
    answer = team.client.post(f"{URL}{budget}/{action}/", {"hold": hold["hold"], **body})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert Hold.objects.get(pk=hold["hold"]).status == "reserved"


def test_reading_gives_no_right_to_spend(team, budget):
    hold = reserve(team, budget)
    reader = make_team("Reader", scopes=[Scope.BUDGETS_READ, Scope.BUDGETS_WRITE])
    own = make_budget(reader)
    for action in ("settle", "release", "dispatch"):
        answer = reader.client.post(f"{URL}{own}/{action}/", {"hold": hold["hold"]})
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_holds_are_listed_newest_first_page_by_page_and_found_by_their_reference(team, budget, monkeypatch):
    monkeypatch.setattr("budgets.api.holds.PAGE", 2)
    made = [reserve(team, budget, tokens=1, reference=f"job-{number}")["hold"] for number in range(5)]
    team.client.post(f"{URL}{budget}/release/", {"hold": made[0]})
    seen, url = [], f"{URL}{budget}/holds/"
    while url:
        page = team.client.get(url).json()
        seen += [each["id"] for each in page["results"]]
        url = page["next"]
    assert seen == made[::-1]
    open_ones = team.client.get(f"{URL}{budget}/holds/?open=false").json()["results"]
    assert [each["id"] for each in open_ones] == [made[0]]
    found = team.client.get(f"{URL}{budget}/holds/?reference=api:{team.team_id}:job-3").json()["results"]
    assert [each["id"] for each in found] == [made[3]]
    for wrong in ("cursor=x", "cursor=1-x", f"cursor={10**30}-{uuid4().hex}", "open=perhaps", "colour=green"):
        assert team.client.get(f"{URL}{budget}/holds/?{wrong}").status_code == 422
