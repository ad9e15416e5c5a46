"""What a pass plans: where, for whom, at what price, and who waits and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from budgets.models import Budget, Hold
from climate.models import Region, RegionOutage
from market.domain.asks import Ask
from market.domain.placement.plan import WaitingReason
from market.models import Placement, RegionHour
from market.selectors import get_request_answer
from market.selectors.plan_inputs import get_plan_inputs
from market.services import cancel, deposit_to_fund, quote
from tests.integration.market.planned_work import (
    ASK,
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

pytestmark = pytest.mark.django_db


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def reason_of(request) -> WaitingReason:
    return WaitingReason(Placement.objects.get(request=request, run=plan_in_force()).reason)


def test_work_that_can_wait_is_queued_and_holds_nothing_yet(team, budget):
    request = ask(team.principal)
    assert request.status == "queued"
    assert not Hold.objects.exists()


def test_the_pass_plans_it_in_the_cleanest_hour_of_its_window_and_does_not_touch_the_request(team, budget):
    request = ask(team.principal)
    done = run()
    found = standing(request)
    inputs = get_plan_inputs(done.run_id)
    cost = inputs.arrays["cost_ng_per_token"][:, :13]
    row = Placement.objects.get(request=request)
    assert (done.granted, found.status, request.status) == (1, "granted", "queued")
    assert NOW <= found.decision.starts_at <= LATER
    assert cost[row.site, row.hour] == cost.min()
    assert request.decisions.count() == 1


def test_a_plan_keeps_room_and_money_once_for_all_its_work(team, budget):
    ask(team.principal)
    ask(team.principal, tokens=500)
    run()
    hold = Hold.objects.get()
    assert (hold.reference, hold.tokens, reserved(budget)) == (f"plan:{budget}", 1500, 1500)
    assert sum(row.planned_tokens for row in RegionHour.objects.all()) == 1500
    assert plan_differences() == []


def test_each_pass_plans_anew_and_leaves_nothing_of_the_plan_before(team, budget):
    first, second = ask(team.principal), ask(team.principal)
    run()
    cancel(request_id=first.pk, actor="test", now=NOW)
    third = ask(team.principal, tokens=70)
    done = run(now=NOW + timedelta(minutes=5))
    assert plan_in_force().pk == done.run_id
    assert [standing(each).status for each in (first, second, third)] == ["cancelled", "granted", "granted"]
    assert reserved(budget) == 1070
    assert plan_differences() == []


def test_the_weightier_party_goes_first_when_not_all_fit(team, budget):
    only_room(1000)
    window = {"earliest": NOW + timedelta(hours=1), "latest": NOW + timedelta(minutes=90)}
    light = ask(team.principal, **window)
    heavy = ask(team.principal, purpose="climate_adaptation", **window)
    run(now=NOW)
    assert standing(heavy).decision.granted_tokens > standing(light).decision.granted_tokens
    assert plan_differences() == []


def test_a_quote_of_work_that_can_wait_is_what_the_pass_then_grants(team, budget):
    quoted = quote(ask=Ask(**ASK), principal=team.principal, now=NOW)
    request = ask(team.principal)
    run()
    _, granted = get_request_answer(request.pk)
    for name in ("price", "region", "starts_at"):
        assert granted[name] == quoted[name]
    assert float(granted["price"]["service_usd"]) < 0.003  # waiting makes it cheaper


def test_named_regions_latency_and_residency_count_before_the_cleanest_hours_are_chosen(team, budget):
    named = ask(team.principal, origin="KE", eligible_regions=("aws-ap-southeast-3",))
    near = ask(team.principal, origin="BR", latency_class="interactive")
    at_home = ask(team.principal, residency=("IN",))
    assert run().granted == 3
    assert standing(named).decision.region_id == "aws-ap-southeast-3"
    assert standing(near).decision.zone_code.startswith("BR")
    assert Region.objects.get(pk=standing(at_home).decision.region_id).country_id == "IN"


def test_a_region_that_is_out_of_order_gets_no_work(team, budget):
    request = ask(team.principal)
    run()
    chosen = standing(request).decision.region_id
    RegionOutage.objects.create(
        region_id=chosen, starts_at=NOW, ends_at=None, capacity_share=0.0, reason="fire", author="test", created_at=NOW
    )
    run(now=NOW + timedelta(minutes=1))
    assert standing(request).decision.region_id != chosen
    assert plan_differences() == []


def test_work_larger_than_any_hour_is_planned_in_part_or_split_where_it_may_be(team, budget):
    only_room(600)
    whole = ask(team.principal)
    run()
    assert (standing(whole).status, standing(whole).decision.granted_tokens) == ("partial", 600)
    cancel(request_id=whole.pk, actor="test", now=NOW)
    split = ask(team.principal, may_split=True)
    run(now=NOW + timedelta(minutes=1))
    assert (standing(split).status, standing(split).decision.granted_tokens) == ("granted", 1000)
    assert sorted(Placement.objects.filter(request=split).values_list("part", flat=True)) == [0, 1]
    assert plan_differences() == []


def test_work_that_nothing_can_serve_waits_and_says_why(team, budget):
    request = ask(team.principal, price_cap_micro_usd=1)
    assert run().waiting == 1
    assert reason_of(request) == WaitingReason.NOT_ELIGIBLE
    assert (request.decisions.count(), Hold.objects.count()) == (1, 0)


def test_what_a_budget_cannot_pay_waits_and_what_it_can_is_planned(team):
    budget = make_budget(team, 1500, is_default=True)
    first = ask(team.principal, now=NOW - timedelta(minutes=1))
    second, small = ask(team.principal), ask(team.principal, tokens=400)
    run()
    assert [standing(each).status for each in (first, second, small)] == ["granted", "queued", "granted"]
    assert reason_of(second) == WaitingReason.BUDGET
    assert reserved(budget) == 1400
    assert plan_differences() == []


@pytest.mark.parametrize(("unit", "limit"), [("carbon_g", "0.001"), ("energy_wh", "0.01"), ("micro_usd", "2000")])
def test_a_budget_above_or_in_another_unit_counts_as_well(team, unit, limit):
    top = make_budget(team, limit, unit=unit, team_id=None)
    budget = make_budget(team, 100_000, parent_id=top, is_default=True)
    large, small = ask(team.principal, tokens=90_000), ask(team.principal, tokens=1)
    run()
    assert [standing(each).status for each in (large, small)] == ["queued", "granted"]
    assert reason_of(large) == WaitingReason.BUDGET
    assert Budget.objects.get(pk=top).reserved > 0
    assert reserved(budget) == 1
    assert plan_differences() == []


def test_the_fund_promises_what_a_plan_counts_on_and_takes_it_back_with_the_next(team, budget):
    deposit_to_fund(micro_usd=100_000, actor="test", reason="test", now=NOW)
    requests = [ask(team.principal, origin="BD", policy="seed-2025") for _ in range(3)]
    run()
    assert 0 < plan_in_force().fund_promised_micro_usd <= 100_000
    assert plan_differences() == []
    for request in requests:
        cancel(request_id=request.pk, actor="test", now=NOW)
    run(now=NOW + timedelta(minutes=1))
    assert plan_in_force().fund_promised_micro_usd == 0
    assert plan_differences() == []


def test_interactive_work_does_not_take_what_the_plan_keeps(team, budget):
    only_room(1000)
    planned = ask(team.principal, earliest=NOW, latest=NOW + timedelta(minutes=50))
    run()
    assert standing(planned).status == "granted"
    assert ask(team.principal, latest=None).status == "denied"
    assert plan_differences() == []


def test_work_beyond_the_horizon_keeps_waiting(team, budget):
    request = ask(team.principal, earliest=NOW + timedelta(days=5), latest=NOW + timedelta(days=6))
    done = run()
    assert (done.considered, done.waiting) == (1, 1)
    assert standing(request).status == "queued"


def test_withdrawn_work_is_not_planned(team, budget):
    request = ask(team.principal)
    cancel(request_id=request.pk, actor="test", now=NOW)
    assert run().considered == 0
    assert not Hold.objects.exists()


def test_a_pass_over_nothing_is_a_plan_of_nothing(team, budget):
    done = run()
    assert (done.considered, done.granted, done.waiting) == (0, 0, 0)
    assert plan_in_force().pk == done.run_id
