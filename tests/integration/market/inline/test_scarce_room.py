"""Batches in an hour that is nearly full, paid by budgets that are nearly empty: nothing twice, nothing left unused."""

from __future__ import annotations

import pytest
from django.db.models import F, Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.domain.refusals import BudgetExhausted
from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from config.kernel.errors import Unavailable
from market.domain.inline import InlineGrant
from market.models import Decision, Fund, Policy, RegionHour
from market.selectors import get_explanation, list_fund_differences
from market.services import deposit_to_fund
from tests.integration.market.inline.asking import REGIONS, decision_of, grant, inline_ask
from tests.integration.world import NOW, load_world, make_budget, make_team, undone

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db):
    load_world()
    return make_team()


def capacities(*tokens):
    for region, of_region in zip(REGIONS, tokens, strict=True):
        RegionCapacity.objects.filter(region=region, model_class="S").update(tokens_per_hour=of_region)


def test_room_that_a_budget_refused_is_there_for_the_next_of_the_batch(team):
    capacities(300, 0, 0)
    poor, rich = make_budget(team, 200, name="poor"), make_budget(team, name="rich")
    asks = [inline_ask(team, budget_id=budget) for budget in (poor, poor, rich, rich)]
    answers = grant(*asks)
    assert [type(each) for each in answers] == [BudgetExhausted, BudgetExhausted, InlineGrant, Unavailable]
    assert RegionHour.objects.get(region=REGIONS[0]).promised_tokens == 300
    assert get_explanation(asks[2].request_id)["agrees"]


def test_an_ask_that_is_cut_takes_no_room_that_the_next_of_the_batch_has(team):
    capacities(100, 1000, 0)
    poor, rich = make_budget(team, 100, name="poor"), make_budget(team, name="rich")
    cut, small = inline_ask(team, budget_id=poor, least_tokens=50), inline_ask(team, budget_id=rich, tokens=100)
    answers = grant(cut, small)
    assert [(each.granted_tokens, each.region) for each in answers] == [(100, REGIONS[1]), (100, REGIONS[0])]
    assert "Its budget can pay for 100" in decision_of(cut).explanation
    assert get_explanation(cut.request_id)["agrees"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([100, 400, 900]), st.booleans(), st.permutations(REGIONS)),
        min_size=2,
        max_size=9,
    ),
    limits=st.tuples(*[st.sampled_from([50, 300, 1_000, 10_000])] * 3),
    room=st.tuples(*[st.sampled_from([0, 100, 500, 2_000])] * 3),
    fund=st.sampled_from([1, 50, 100_000]),
)
def test_nothing_is_promised_twice_and_no_room_means_that_there_is_none(team, wanted, limits, room, fund):
    with undone():
        Policy.objects.filter(is_default=True).update(is_default=False)
        Policy.objects.filter(name="seed-2025", is_current=True).update(is_default=True)
        capacities(*room)
        deposit_to_fund(micro_usd=fund, actor="test", reason="test", now=NOW)
        desk = make_team("Delta desk", country_code="BD")
        budgets = [make_budget(desk, limit, name=str(index)) for index, limit in enumerate(limits)]
        asks = [
            inline_ask(
                desk,
                origin="BD",
                budget_id=budgets[payer],
                tokens=tokens,
                regions=regions,
                least_tokens=50 if may_be_cut else tokens,
                input_tokens=0,
            )
            for payer, tokens, may_be_cut, regions in wanted
        ]
        answers = grant(*asks)
        free = {hour.region_id: hour.capacity_tokens - hour.promised_tokens for hour in RegionHour.objects.all()}
        most = max((free.get(region, of_room) for region, of_room in zip(REGIONS, room, strict=True)), default=0)
        for ask, answer in zip(asks, answers, strict=True):
            assert get_explanation(ask.request_id)["agrees"]
            if isinstance(answer, Unavailable):
                assert ask.least_tokens > most, (free, room)
        granted = [each for each in answers if isinstance(each, InlineGrant)]
        taken = RegionHour.objects.aggregate(sum=Sum("promised_tokens"))["sum"] or 0
        assert taken == sum(each.granted_tokens for each in granted)
        assert taken == sum(Budget.objects.filter(pk__in=budgets).values_list("reserved", flat=True))
        assert not RegionHour.objects.filter(capacity_tokens__lt=F("promised_tokens")).exists()
        promised = Decision.objects.aggregate(sum=Sum("fund_reserved_micro_usd"))["sum"] or 0
        assert Fund.objects.get().reserved_micro_usd == promised <= fund
        assert (list_ledger_differences(), list_fund_differences()) == ([], [])
