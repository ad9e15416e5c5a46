"""Work that begins the moment it is granted: what is stored, taken and answered, and what a refusal leaves alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from budgets.domain.refusals import BudgetExhausted
from budgets.models import Budget, Hold, SpendBucket
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from config.kernel.errors import InvalidInput, NotAllowed, Unavailable
from market import services as market
from market.domain.inline import InlineGrant
from market.models import AllocationRequest, Decision, Fund, Policy, Purpose, RegionHour
from market.selectors import get_explanation, list_fund_differences
from market.services import deposit_to_fund
from tests.integration.market.inline.asking import REGIONS, decision_of, grant, inline_ask, lease, request_of
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db):
    load_world()
    return make_team()


def test_a_grant_holds_and_dispatches_what_it_grants(team):
    budget = make_budget(team)
    ask = inline_ask(team, budget_id=budget)
    [answer] = grant(ask)
    assert isinstance(answer, InlineGrant)
    assert (answer.granted_tokens, answer.region) == (300, REGIONS[0])
    assert (answer.remaining, answer.remaining_unit) == ("9700", "tokens")
    hold = Hold.objects.get(pk=answer.hold_id)
    assert (hold.status, hold.fence, hold.lease_expires_at) == ("dispatched", 2, lease())
    assert (hold.reference, hold.dispatched_at) == (f"request:{ask.request_id}", NOW)
    assert request_of(ask).status == "granted"
    assert decision_of(ask).pk == answer.decision_id
    assert RegionHour.objects.get(region=REGIONS[0]).promised_tokens == 300
    assert Budget.objects.get(pk=budget).reserved == 300
    assert list_ledger_differences() == []


def test_regions_are_taken_in_the_order_asked_for(team):
    make_budget(team, is_default=True)
    first, second = inline_ask(team), inline_ask(team, regions=tuple(reversed(REGIONS)))
    answers = grant(first, second)
    assert [each.region for each in answers] == [REGIONS[0], REGIONS[2]]
    assert "not the cleanest" in decision_of(second).explanation


def test_what_is_stored_explains_itself_again(team):
    make_budget(team, 700, is_default=True)
    asks = [inline_ask(team, tokens=400, least_tokens=150, routing={"scores": {"a": 0.5}}) for _ in range(3)]
    grant(*asks)
    for ask in asks:
        told = get_explanation(ask.request_id)
        assert told["agrees"], told


def test_a_full_hour_sends_work_to_the_next_region(team):
    make_budget(team, is_default=True)
    RegionCapacity.objects.filter(region=REGIONS[0], model_class="S").update(tokens_per_hour=500)
    asks = [inline_ask(team) for _ in range(2)]
    assert [each.region for each in grant(*asks)] == list(REGIONS[:2])


def test_where_no_region_has_room_the_denial_is_stored_and_nothing_taken(team):
    budget = make_budget(team, is_default=True)
    RegionCapacity.objects.filter(model_class="S").update(tokens_per_hour=200)
    ask = inline_ask(team)
    [answer] = grant(ask)
    assert isinstance(answer, Unavailable)
    assert answer.code == "no_room"
    assert request_of(ask).status == "denied"
    assert not Hold.objects.exists()
    assert Budget.objects.get(pk=budget).reserved == 0
    assert not RegionHour.objects.filter(promised_tokens__gt=0).exists()


def test_less_is_granted_where_the_hour_has_less_and_that_is_enough(team):
    make_budget(team, is_default=True)
    RegionCapacity.objects.filter(model_class="S").update(tokens_per_hour=200)
    ask = inline_ask(team, least_tokens=150)
    [answer] = grant(ask)
    assert answer.granted_tokens == 200
    assert request_of(ask).status == "partial"


@pytest.mark.parametrize("unit", ["tokens", "carbon_g", "micro_usd", "energy_wh"])
def test_less_is_granted_where_the_budget_pays_for_less(team, unit):
    whole = Hold.objects.get(pk=grant(inline_ask(team, budget_id=make_budget(team)))[0].hold_id)
    columns = {"tokens": "tokens", "carbon_g": "carbon_ug", "micro_usd": "micro_usd", "energy_wh": "energy_uwh"}
    steps = getattr(whole, columns[unit]) * 3 // 4
    budget = make_budget(team, 1, unit=unit)
    Budget.objects.filter(pk=budget).update(limit=steps)
    ask = inline_ask(team, budget_id=budget, least_tokens=110)
    [answer] = grant(ask)
    assert 110 <= answer.granted_tokens < 300
    assert "Its budget can pay for" in decision_of(ask).explanation
    assert 0 < Budget.objects.get(pk=budget).reserved <= steps
    assert request_of(ask).tokens == 300


def test_a_budget_that_cannot_pay_is_named_counted_and_left_alone(team):
    budget = make_budget(team, 250)
    ask = inline_ask(team, budget_id=budget)
    [answer] = grant(ask)
    assert isinstance(answer, BudgetExhausted)
    assert (answer.facts["remaining"], answer.facts["needed"]) == (250, 300)
    assert request_of(ask).status == "denied"
    assert decision_of(ask).inputs["budget_refusal"]["budget"] == str(budget)
    assert SpendBucket.objects.get(budget=budget).refusals == 1
    assert not Hold.objects.exists()
    assert RegionHour.objects.get(region=REGIONS[0]).promised_tokens == 0


def test_of_a_batch_exactly_those_that_the_budget_pays_are_granted(team):
    budget = make_budget(team, 3000)
    answers = grant(*[inline_ask(team, budget_id=budget) for _ in range(24)])
    assert sum(isinstance(each, InlineGrant) for each in answers) == 10
    assert sum(isinstance(each, BudgetExhausted) for each in answers) == 14
    assert Budget.objects.get(pk=budget).reserved == 3000
    assert RegionHour.objects.get(region=REGIONS[0]).promised_tokens == 3000
    assert SpendBucket.objects.get(budget=budget).refusals == 14
    assert list_ledger_differences() == []


def test_the_fund_promises_no_more_than_it_has_over_a_batch(team):
    make_budget(team, 10**9, is_default=True)
    poor = make_team("Delta desk", country_code="BD")
    budget = make_budget(poor, 100_000)
    deposit_to_fund(micro_usd=40_000, actor="test", reason="test", now=NOW)
    Policy.objects.filter(is_default=True).update(is_default=False)
    Policy.objects.filter(name="seed-2025", is_current=True).update(is_default=True)
    answers = grant(*[inline_ask(poor, origin="BD", budget_id=budget, tokens=30_000) for _ in range(5)])
    fund = Fund.objects.get()
    assert 0 < fund.reserved_micro_usd <= fund.balance_micro_usd
    granted = [each.decision_id for each in answers if isinstance(each, InlineGrant)]
    reserved = Decision.objects.filter(pk__in=granted).values_list("fund_reserved_micro_usd", flat=True)
    assert len(granted) == 3
    assert sum(reserved) == fund.reserved_micro_usd
    assert list_fund_differences() == []


REFUSED = [
    ({"purpose": "juggling"}, InvalidInput, "purpose", "unknown_purpose"),
    ({"origin": "XX"}, InvalidInput, "origin", "unknown_origin"),
    ({"origin": "BD"}, NotAllowed, "origin", "claim_refused"),
    ({"purpose": "climate_adaptation"}, NotAllowed, "purpose", "claim_refused"),
    ({"regions": ()}, InvalidInput, "eligible_regions", "invalid"),
    ({"regions": ("atlantis",)}, InvalidInput, "eligible_regions", "unknown_region"),
    ({"residency": ("XX",)}, InvalidInput, "residency", "unknown_country"),
    ({"residency": ("BD",)}, InvalidInput, "residency", "no_region_there"),
    ({"model_class": "XS"}, InvalidInput, "model_class", "invalid"),
    ({"latency_class": "warp"}, InvalidInput, "latency_class", "invalid"),
    ({"tokens": 0, "input_tokens": 0}, InvalidInput, "tokens", "invalid"),
    ({"tokens": 50}, InvalidInput, "input_tokens", "invalid"),
    ({"tokens": 10**12 + 1}, InvalidInput, "tokens", "too_large"),
    ({"least_tokens": 301}, InvalidInput, "tokens", "invalid"),
    ({"budget_id": uuid4()}, NotAllowed, "budget", "not_your_budget"),
]


@pytest.mark.parametrize(("changes", "error", "field", "code"), REFUSED)
def test_an_ask_that_is_not_in_order_is_refused_and_its_neighbours_are_granted(team, changes, error, field, code):
    bound = make_team("Bound", origins=("DE",), purposes=("general_ai_research",))
    make_budget(bound, is_default=True)
    answers = grant(inline_ask(bound), inline_ask(bound, **changes), inline_ask(bound))
    assert isinstance(answers[1], error)
    assert (answers[1].field, answers[1].code) == (field, code)
    assert [isinstance(each, InlineGrant) for each in answers] == [True, False, True]
    assert AllocationRequest.objects.count() == 2


def test_a_budget_of_another_class_or_team_does_not_pay(team):
    make_budget(team, is_default=True, model_class="L")
    others = make_budget(make_team("Others"))
    answers = grant(inline_ask(team), inline_ask(team, budget_id=others))
    assert [each.code for each in answers] == ["wrong_class", "not_your_budget"]
    assert not AllocationRequest.objects.exists()


def test_what_an_administrator_changes_and_the_next_hour_count_within_the_time_that_a_scene_is_trusted(team):
    make_budget(team, is_default=True)
    first, within, past, next_hour = (inline_ask(team) for _ in range(4))
    grant(first)
    before = decision_of(first).weight
    Purpose.objects.filter(name="general_ai_research").update(priority=before * 3)
    market.grant_inline([within], now=NOW + timedelta(seconds=1))
    market.grant_inline([past], now=NOW + timedelta(seconds=3))
    market.grant_inline([next_hour], now=NOW + timedelta(hours=1))
    assert [decision_of(each).weight for each in (within, past)] == [before, before * 3]
    assert decision_of(next_hour).starts_at == NOW + timedelta(hours=1)
    assert RegionHour.objects.filter(promised_tokens=300).count() == 1
