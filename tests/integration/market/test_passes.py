from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.principal import Principal
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from config.kernel.errors import Conflict
from market.domain.asks import Ask
from market.models import AllocationRequest, AllocationRun, RegionHour
from market.selectors import list_fund_differences
from market.services import cancel, deposit_to_fund, expire_overdue, run_allocation_pass, settle, submit
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=12)


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
    from market.selectors import get_explanation, get_request_detail

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
    done = run()
    light.refresh_from_db()
    heavy.refresh_from_db()
    assert (heavy.status, light.status) == ("granted", "denied")
    assert (done.considered, done.granted, done.denied) == (2, 1, 1)


def test_a_budget_that_cannot_pay_is_a_denial_of_the_pass(team):
    make_budget(team, 500, is_default=True)
    request = ask(team.principal)
    assert run().denied == 1
    request.refresh_from_db()
    assert request.status == "denied"
    assert "500 of 500 tokens left" in request.decisions.latest("sequence").explanation


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
    assert expire_overdue(now=LATER + timedelta(hours=2)) == 1
    request.refresh_from_db()
    assert request.status == "expired"


def test_the_feebate_compares_with_what_was_settled_this_month(team, budget):
    rich = ask(team.principal, latest=None, origin="US")
    settle(request_id=rich.pk, used_tokens=1000, quality=None, collaboration=None, actor="test", now=NOW)
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    from django.core.cache import cache

    cache.clear()
    poor = ask(team.principal, latest=None, origin="BD").decisions.get()
    assert poor.justice_micro_usd < 0
    assert poor.inputs["facts"]["mean_need_score"] == 0.0
