from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache

from accounts.domain.principal import Principal
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from config.kernel.errors import Conflict
from market.domain.asks import Ask, WhatIf
from market.models import AllocationRequest, AllocationRun, RegionHour
from market.selectors import (
    get_explanation,
    get_headline,
    get_request_answer,
    get_request_detail,
    list_fund_differences,
)
from market.services import cancel, deposit_to_fund, expire_overdue, passes, quote, run_allocation_pass, settle, submit
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=12)
LAST_MINUTE = LATER - timedelta(minutes=1)


def ask(principal: Principal, *, now=NOW, **changes) -> AllocationRequest:
    values = {"purpose": "general_ai_research", "origin": "DE", "model_class": "L", "tokens": 1000, "latest": LATER}
    outcome = submit(ask=Ask(**{**values, **changes}), principal=principal, now=now)
    return outcome.decision.request


def run(now=NOW):
    return run_allocation_pass(now=now, trigger="test", actor="test")


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def test_work_that_can_wait_is_queued_and_holds_nothing_yet(team, budget):
    request = ask(team.principal)
    assert request.status == "queued"
    assert not Hold.objects.exists()


def test_the_pass_places_it_in_the_cleanest_hour_of_its_window(team, budget):
    request = ask(team.principal)
    assert run().granted == 1
    request.refresh_from_db()
    grant = request.decisions.latest("sequence")
    assert request.status == "granted"
    assert grant.starts_at is not None
    assert NOW <= grant.starts_at <= LATER
    cleanest = min(each["intensity_g_per_kwh"] * each["pue"] for each in get_request_detail(request.pk).candidates)
    assert grant.intensity_g_per_kwh is not None
    assert grant.intensity_g_per_kwh * 1.0 <= cleanest
    assert get_explanation(request.pk)["agrees"] is True
    assert Budget.objects.get(pk=budget).reserved == 1000


def test_the_hold_of_later_work_lasts_beyond_its_hour(team, budget):
    ask(team.principal, earliest=NOW + timedelta(hours=3))
    run()
    hold = Hold.objects.get()
    assert hold.lease_expires_at > NOW + timedelta(hours=3)


def test_the_weightier_request_is_decided_first_when_not_all_fit(team, budget):
    RegionCapacity.objects.filter(model_class="L").update(tokens_per_hour=0)
    RegionCapacity.objects.filter(model_class="L", region="aws-eu-north-1").update(tokens_per_hour=1000)
    soon = NOW + timedelta(minutes=30)
    light = ask(team.principal, earliest=NOW + timedelta(hours=1), latest=soon + timedelta(hours=1))
    heavy = ask(
        team.principal,
        purpose="climate_adaptation",
        earliest=NOW + timedelta(hours=1),
        latest=soon + timedelta(hours=1),
    )
    done = run(now=NOW + timedelta(hours=1))
    light.refresh_from_db()
    heavy.refresh_from_db()
    assert (heavy.status, light.status) == ("granted", "denied")
    assert (done.considered, done.granted, done.denied) == (2, 1, 1)


def test_a_budget_that_cannot_pay_is_a_denial_of_the_pass(team):
    make_budget(team, 500, is_default=True)
    request = ask(team.principal)
    assert run().waiting == 1  # a later hour may bring a new budget
    assert run(now=LAST_MINUTE).denied == 1
    request.refresh_from_db()
    assert request.status == "denied"
    assert "500 of 500 tokens left" in request.decisions.latest("sequence").explanation


def test_work_that_nothing_can_serve_yet_waits_for_a_later_hour_and_is_denied_in_its_last(team, budget):
    request = ask(team.principal, price_cap_micro_usd=1)
    assert (run().waiting, run(now=LATER - timedelta(hours=1)).waiting) == (1, 1)
    assert request.decisions.count() == 1
    assert run(now=LAST_MINUTE).denied == 1
    request.refresh_from_db()
    assert request.status == "denied"


def test_named_regions_and_latency_count_before_the_cleanest_hours_are_chosen(team, budget):
    named = ask(team.principal, origin="KE", eligible_regions=("aws-ap-southeast-3",))
    near = ask(team.principal, origin="BR", latency_class="interactive")
    assert run().granted == 2
    assert named.decisions.latest("sequence").region_id == "aws-ap-southeast-3"
    assert near.decisions.latest("sequence").zone_code.startswith("BR")


def test_a_quote_of_work_that_can_wait_is_what_the_pass_then_grants(team, budget):
    values = {"purpose": "general_ai_research", "origin": "DE", "model_class": "L", "tokens": 1000, "latest": LATER}
    quoted = quote(ask=Ask(**values), principal=team.principal, now=NOW)
    request = ask(team.principal)
    run()
    _, granted = get_request_answer(request.pk)
    for name in ("price", "region", "starts_at"):
        assert granted[name] == quoted[name]
    assert float(granted["price"]["service_usd"]) < 0.003  # waiting makes it cheaper


def test_a_what_if_with_a_later_start_can_be_settled(team, budget):
    later = NOW + timedelta(hours=5)
    what_if = WhatIf(intensity_g_per_kwh=300, renewable_share=None)
    request = ask(team.principal, earliest=later, latest=later, what_if=what_if)
    assert request.decisions.get().starts_at == later
    settle(request_id=request.pk, used_tokens=10, quality=None, collaboration=None, actor="test", now=NOW)
    request.refresh_from_db()
    assert request.status == "settled"


def test_a_pass_that_was_taken_over_decides_no_more_and_leaves_the_record(team, budget, monkeypatch):
    first, second = ask(team.principal), ask(team.principal)
    decide_one = passes._decide_one

    def decide_then_lose_the_lease(*args, **kwargs):
        outcome = decide_one(*args, **kwargs)
        AllocationRun.objects.update(state="failed", error="its process died; the lease ran out")
        return outcome

    monkeypatch.setattr(passes, "_decide_one", decide_then_lose_the_lease)
    with pytest.raises(Conflict):
        run()
    statuses = set(AllocationRequest.objects.filter(pk__in=[first.pk, second.pk]).values_list("status", flat=True))
    assert statuses == {"granted", "queued"}
    assert AllocationRun.objects.get().error == "its process died; the lease ran out"


def test_work_beyond_the_horizon_keeps_waiting(team, budget):
    request = ask(team.principal, earliest=NOW + timedelta(days=5), latest=NOW + timedelta(days=6))
    assert run().waiting == 1
    request.refresh_from_db()
    assert request.status == "queued"


def test_only_one_pass_runs_and_a_dead_one_is_taken_over(team, budget):
    AllocationRun.objects.create(trigger="other", started_at=NOW, lease_expires_at=NOW + timedelta(minutes=10))
    ask(team.principal)
    with pytest.raises(Conflict):
        run()
    assert not Hold.objects.exists()
    assert run(now=NOW + timedelta(minutes=11)).granted == 1
    states = AllocationRun.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["failed", "finished"]


def test_withdrawn_work_is_not_placed(team, budget):
    request = ask(team.principal)
    cancel(request_id=request.pk, actor="test", now=NOW)
    assert run().considered == 0
    assert not Hold.objects.exists()


def test_a_grant_nobody_settles_goes_back_when_its_lease_ends(team, budget):
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    request = ask(team.principal, latest=None, policy="seed-2025", origin="BD")
    assert expire_overdue(now=NOW + timedelta(minutes=59)) == 0
    assert expire_overdue(now=NOW + timedelta(minutes=60)) == 1
    request.refresh_from_db()
    assert request.status == "expired"
    assert Budget.objects.get(pk=budget).reserved == 0
    assert list_ledger_differences() == []
    assert list_fund_differences() == []


def test_room_comes_back_only_while_its_hour_lasts(team, budget):
    request = ask(team.principal, latest=None)
    cancel(request_id=request.pk, actor="test", now=NOW + timedelta(minutes=90))
    assert RegionHour.objects.get().promised_tokens == 1000


def test_an_expired_grant_can_still_be_settled_with_what_the_fund_has(team, budget):
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    request = ask(team.principal, latest=None, policy="seed-2025", origin="BD")
    late = NOW + timedelta(hours=2)
    expire_overdue(now=late)
    settle(request_id=request.pk, used_tokens=900, quality=None, collaboration=None, actor="test", now=late)
    assert Budget.objects.get(pk=budget).spent == 900
    assert request.settlement.justice_micro_usd == -270_000
    assert list_ledger_differences() == []
    assert list_fund_differences() == []


def test_waiting_work_past_its_deadline_expires(team, budget):
    request = ask(team.principal)
    assert expire_overdue(now=LATER) == 0
    assert expire_overdue(now=LATER + timedelta(minutes=1)) == 1
    request.refresh_from_db()
    assert request.status == "expired"


def test_the_feebate_compares_with_what_was_settled_this_month(team, budget):
    rich = ask(team.principal, latest=None, origin="US")
    settle(request_id=rich.pk, used_tokens=1000, quality=None, collaboration=None, actor="test", now=NOW)
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    cache.clear()
    poor = ask(team.principal, latest=None, origin="BD").decisions.get()
    assert poor.justice_micro_usd < 0
    assert poor.inputs["facts"]["mean_need_score"] == 0.0


def test_the_figures_of_the_day_leave_out_what_was_given_back_and_take_what_was_used(team, budget):
    kept, used, returned = (ask(team.principal, latest=None) for _ in range(3))
    cancel(request_id=returned.pk, actor="test", now=NOW)
    settle(request_id=used.pk, used_tokens=400, quality=None, collaboration=None, actor="test", now=NOW)
    headline = get_headline(now=NOW, team_ids=None)
    assert (headline.requests, headline.granted_tokens) == (3, 1400)
    grams = kept.decisions.get().location_g_central + used.settlement.location_g
    assert headline.location_g == pytest.approx(grams)
    assert get_headline(now=NOW, team_ids=frozenset()).requests == 0
