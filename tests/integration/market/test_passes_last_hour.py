"""Work that begins in this hour is taken up; work whose last hour this is gets an answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from budgets import services as budgets
from budgets.models import Hold
from budgets.selectors import list_budget_alerts
from market.models import AllocationRequest, AllocationRun
from market.selectors import get_explanation
from market.services import activate_policy, cancel, create_policy_version, expire_overdue, resolve, take_up_due
from market.services.passes import passing
from market.services.passes.late import decide_last
from tests.integration.market.planned_work import (
    LAST_MINUTE,
    LATER,
    ask,
    only_room,
    plan_differences,
    plan_in_force,
    reserved,
    run,
    standing,
)
from tests.integration.world import NOW, make_budget
from tests.unit.market.examples import body

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def test_work_whose_hour_is_here_gets_a_decision_and_a_hold_of_its_own(team, budget):
    request = ask(team.principal, earliest=NOW + 3 * HOUR, latest=NOW + 3.5 * HOUR)
    run()
    planned = standing(request).decision
    run(now=NOW + 3 * HOUR)
    request.refresh_from_db()
    grant = request.decisions.latest("sequence")
    assert request.status == "granted"
    assert (grant.region_id, grant.total_micro_usd) == (planned.region_id, planned.total_micro_usd)
    assert get_explanation(request.pk)["agrees"] is True
    hold = Hold.objects.get(reference=f"request:{request.pk}")
    assert hold.lease_expires_at > NOW + 3 * HOUR
    assert reserved(budget) == 1000
    assert plan_differences() == []


def test_what_cannot_be_served_is_denied_in_its_last_hour_and_not_before(team, budget):
    request = ask(team.principal, price_cap_micro_usd=1)
    assert (run().waiting, run(now=LATER - HOUR).waiting) == (1, 1)
    assert request.decisions.count() == 1
    done = run(now=LAST_MINUTE)
    request.refresh_from_db()
    denial = request.decisions.latest("sequence")
    assert (done.denied, done.waiting, request.status) == (1, 0, "denied")
    assert denial.run_id == done.run_id
    assert any("price cap" in reason for reason in denial.reasons)


def test_a_budget_that_cannot_pay_is_a_denial_that_names_it(team):
    make_budget(team, 500, is_default=True)
    request = ask(team.principal)
    assert run().waiting == 1  # a later hour may bring a new budget
    assert run(now=LAST_MINUTE).denied == 1
    request.refresh_from_db()
    assert request.status == "denied"
    assert "500 of 500 tokens left" in request.decisions.latest("sequence").explanation


def test_the_weightier_of_two_in_their_last_hour_is_served_and_the_other_denied_what_is_left(team, budget):
    only_room(1000)
    window = {"earliest": NOW + HOUR, "latest": NOW + 1.5 * HOUR}
    light = ask(team.principal, **window)
    heavy = ask(team.principal, purpose="climate_adaptation", **window)
    done = run(now=NOW + HOUR)
    for request in (light, heavy):
        request.refresh_from_db()
    got = {each: each.decisions.latest("sequence").granted_tokens for each in (light, heavy)}
    assert heavy.status in ("granted", "partial")
    assert got[heavy] > got[light]
    assert done.considered == 2
    assert plan_differences() == []


def test_an_idle_plan_still_takes_up_and_denies(team, budget):
    hopeless = ask(team.principal, price_cap_micro_usd=1, latest=NOW + 1.5 * HOUR)
    run()
    before = plan_in_force()
    done = run(now=NOW + HOUR - timedelta(minutes=21))
    assert (done.is_kept, plan_in_force()) == (True, before)
    assert run(now=NOW + HOUR).denied == 1
    hopeless.refresh_from_db()
    assert hopeless.status == "denied"


def test_nothing_is_left_of_planned_work_that_expired_and_its_team_is_told(team, budget):
    request = ask(team.principal)
    ask(team.principal, price_cap_micro_usd=1)  # was promised nothing
    run()
    expire_overdue(now=LATER + timedelta(minutes=1))
    (alert,) = list_budget_alerts(team_ids=frozenset({team.team_id}))
    assert (alert.kind, str(request.pk) in alert.notice) == ("notice", True)
    assert standing(request).decision.explanation.endswith("Its deadline passed before it was taken up.")
    run(now=LATER + timedelta(minutes=2))
    request.refresh_from_db()
    assert request.status == "expired"
    assert reserved(budget) == 0
    assert plan_differences() == []


def test_a_deadline_on_the_hour_is_decided_before_it_and_never_goes_by_unanswered(team):
    make_budget(team, 500, is_default=True)
    noon = NOW.replace(hour=12, minute=0)
    request = ask(team.principal, latest=noon)
    assert run(now=noon - timedelta(minutes=11)).waiting == 1
    assert run(now=noon - timedelta(minutes=6)).denied == 1
    request.refresh_from_db()
    assert "500 of 500 tokens left" in request.decisions.latest("sequence").explanation


def test_work_whose_deadline_is_the_start_of_its_hour_is_taken_up_though_one_look_comes_late(team, budget):
    noon = NOW.replace(hour=12, minute=0)
    request = ask(team.principal, earliest=noon, latest=noon)
    run()
    take_up_due(now=noon - timedelta(seconds=61))
    expire_overdue(now=noon + timedelta(seconds=1))
    request.refresh_from_db()
    assert request.status == "granted"


def test_work_whose_budget_has_ended_is_denied_and_holds_up_nobody(team):
    ended = make_budget(team, 5000, name="ended")
    make_budget(team, 500, is_default=True)
    orphan, other = ask(team.principal, budget_id=ended), ask(team.principal)
    budgets.deallocate(budget_id=ended, actor="test", reason="over", now=NOW)
    assert run(now=LAST_MINUTE).denied == 2
    for request in (orphan, other):
        request.refresh_from_db()
    assert (orphan.status, other.status) == ("denied", "denied")
    assert f"{ended}, has ended" in orphan.decisions.latest("sequence").explanation
    assert get_explanation(orphan.pk)["agrees"] is True


def test_what_another_plan_placed_meanwhile_is_left_to_it(team, budget, monkeypatch):
    only_room(0)
    noon = NOW.replace(hour=12, minute=0)
    request = ask(team.principal, earliest=noon, latest=noon + timedelta(minutes=2))
    take_up = passing.take_up_due

    def another_pass_first(**given):
        monkeypatch.setattr(passing, "take_up_due", take_up)
        only_room(2000)
        run(now=noon - timedelta(minutes=7))
        return take_up(**given)

    monkeypatch.setattr(passing, "take_up_due", another_pass_first)
    assert run(now=noon - timedelta(minutes=7)).denied == 0
    assert (standing(request).status, request.status, request.decisions.count()) == ("granted", "queued", 1)
    assert plan_differences() == []


def test_what_waits_again_between_a_look_and_the_lock_is_withdrawn_from_the_plan(team, budget, monkeypatch):
    request = ask(team.principal)
    run()
    monkeypatch.setattr(resolve, "is_waiting", lambda request_id: False)  # it was a grant then, and gave way
    cancel(request_id=request.pk, actor="test", now=NOW)
    assert reserved(budget) == 0
    assert plan_differences() == []


def test_the_last_hour_grants_nothing_that_the_carbon_budget_held_back(team, budget):
    allocation = {**body()["allocation"], "carbon_budget_g_per_day": 0}
    terms = {**body(), "allocation": allocation}
    made = create_policy_version(name="default", body=terms, rationale="because", author_id=None, now=NOW)
    activate_policy(policy_id=made, now=NOW, actor="test")
    request = ask(team.principal)
    assert run().waiting == 1
    done = run(now=LAST_MINUTE)
    request.refresh_from_db()
    assert (done.granted, done.denied, request.status) == (0, 1, "denied")
    assert "The carbon budget of the plan has 0 g CO2e left" in request.decisions.latest("sequence").explanation
    assert reserved(budget) == 0
    assert plan_differences() == []


def test_the_last_hour_grants_what_the_carbon_budget_has_left_and_no_more(team, budget):
    one_g = ask(team.principal, latest=None).decisions.latest("sequence").location_g_central
    requests = [ask(team.principal) for _ in range(3)]
    of_now = AllocationRun.objects.create(trigger="test", started_at=NOW, lease_expires_at=NOW + HOUR)
    ids = [each.pk for each in requests]
    assert decide_last(of_now, None, ids, carbon_left_g=1.5 * one_g, clock=lambda: LAST_MINUTE) == (1, 2)
    for request in requests:
        request.refresh_from_db()
    assert [each.status for each in requests] == ["granted", "denied", "denied"]


def test_a_pass_takes_up_so_much_at_once_and_the_task_of_every_minute_the_rest(team, budget, monkeypatch):
    monkeypatch.setattr(passing, "MOST_TAKEN_UP", 2)
    window = {"earliest": NOW + 3 * HOUR, "latest": NOW + 3.5 * HOUR}
    requests = [ask(team.principal, **window) for _ in range(3)]
    run(now=NOW + 3 * HOUR)
    taken = AllocationRequest.objects.filter(pk__in=[each.pk for each in requests], status="granted")
    assert taken.count() == 2
    assert take_up_due(now=NOW + 3 * HOUR) == 1
    assert taken.count() == 3
    assert plan_differences() == []
