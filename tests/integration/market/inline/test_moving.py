"""Work that goes on in another region."""

from __future__ import annotations

from datetime import timedelta

import pytest

from budgets.domain.refusals import BudgetExhausted
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from config.kernel.errors import Conflict, Unavailable
from market import services as market
from market.models import Fund, Policy, RegionHour
from market.selectors import get_explanation, list_fund_differences
from market.services import deposit_to_fund
from tests.integration.market.inline.asking import REGIONS, decision_of, grant, inline_ask, request_of
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db):
    load_world()
    return make_team()


def move(ask, *regions, now=NOW):
    return market.move_inline(
        request_id=ask.request_id, regions=regions, routing={"try": 2}, actor="gateway", now=now, why="it hangs"
    )


def promised():
    return dict(RegionHour.objects.filter(promised_tokens__gt=0).values_list("region", "promised_tokens"))


def test_capacity_price_and_hold_move_with_the_work(team):
    budget = make_budget(team, unit="carbon_g")
    ask = inline_ask(team, budget_id=budget)
    [before] = grant(ask)
    after = move(ask, REGIONS[2], now=NOW + timedelta(seconds=1))
    assert (after.region, after.granted_tokens) == (REGIONS[2], 300)
    assert after.location_g != before.location_g
    assert promised() == {REGIONS[2]: 300}
    decision = decision_of(ask)
    assert (decision.sequence, decision.hold_id, decision.pk) == (2, after.hold_id, after.decision_id)
    assert decision.explanation.endswith("It went on here from aws-eu-north-1: it hangs.")
    held = Hold.objects.get(status="dispatched")
    assert held.pk == after.hold_id
    assert Budget.objects.get(pk=budget).reserved == held.carbon_ug
    assert get_explanation(ask.request_id)["agrees"]
    assert (list_ledger_differences(), list_fund_differences()) == ([], [])


def test_moved_work_is_settled_where_it_ended(team):
    make_budget(team, is_default=True)
    ask = inline_ask(team)
    grant(ask)
    move(ask, REGIONS[1])
    market.settle(
        request_id=ask.request_id, used_tokens=250, quality=None, collaboration=None, actor="gateway", now=NOW
    )
    assert request_of(ask).settlement.decision_id == decision_of(ask).pk
    assert promised() == {REGIONS[1]: 250}
    assert list_ledger_differences() == []


def test_where_nothing_has_room_the_work_stays_as_it_was(team):
    make_budget(team, is_default=True)
    RegionCapacity.objects.filter(region=REGIONS[1], model_class="S").update(tokens_per_hour=299)
    ask = inline_ask(team)
    [before] = grant(ask)
    with pytest.raises(Unavailable) as refusal:
        move(ask, REGIONS[1])
    assert refusal.value.code == "no_room"
    assert promised() == {REGIONS[0]: 300}
    assert decision_of(ask).pk == before.decision_id


def test_where_the_budget_cannot_pay_the_other_region_the_work_stays_as_it_was(team):
    clean, dirty = sorted(
        (each.location_g, each.region)
        for region in REGIONS
        for each in grant(inline_ask(team, regions=(region,), budget_id=make_budget(team)))
    )[::2]
    budget = make_budget(team, f"{clean[0] * 1.01:.6f}", unit="carbon_g")
    ask = inline_ask(team, regions=(clean[1],), budget_id=budget)
    [before] = grant(ask)
    at_first = promised()
    with pytest.raises(BudgetExhausted):
        move(ask, dirty[1])
    assert promised() == at_first
    assert Hold.objects.get(pk=before.hold_id).status == "dispatched"
    assert list_ledger_differences() == []


def test_work_that_is_over_does_not_move(team):
    make_budget(team, is_default=True)
    ask = inline_ask(team)
    grant(ask)
    market.release(request_id=ask.request_id, actor="gateway", now=NOW)
    with pytest.raises(Conflict):
        move(ask, REGIONS[1])
    assert promised() == {}


def test_work_that_moved_is_promised_its_discount_once(team):
    Policy.objects.filter(is_default=True).update(is_default=False)
    Policy.objects.filter(name="seed-2025", is_current=True).update(is_default=True)
    deposit_to_fund(micro_usd=1_000_000, actor="test", reason="test", now=NOW)
    desk = make_team("Delta desk", country_code="BD")
    ask = inline_ask(desk, origin="BD", tokens=9_000, budget_id=make_budget(desk))
    grant(ask)
    move(ask, REGIONS[2])
    assert 0 < decision_of(ask).fund_reserved_micro_usd == Fund.objects.get().reserved_micro_usd
    assert list_fund_differences() == []
