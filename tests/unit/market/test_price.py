from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.policy import MODEL_CLASSES
from market.domain.price import PriceInputs, price
from tests.unit.market.examples import terms


def inputs(**changes: Any) -> PriceInputs:
    values: dict[str, Any] = {
        "tokens": 2000,
        "model_class": "L",
        "energy_wh": 1.32,
        "location_g": 0.132,
        "utilisation": 0.0,
        "window_hours": 0.0,
        "need_score": None,
        "mean_need_score": None,
        "is_global_south": True,
        "renewable_share": None,
        "fund_available_micro_usd": 10**9,
    }
    return PriceInputs(**{**values, **changes})


@pytest.mark.parametrize(
    ("tokens", "grams", "share", "is_south", "carbon", "justice", "renewable", "total"),
    [
        (2000, 60, 0.40, True, 6_000, -600_000, 120_000, 1_286_000),
        (2000, 120, 0.25, False, 12_000, 400_000, 75_000, 2_337_000),
        (1500, 45, 0.40, True, 4_500, -450_000, 90_000, 964_500),
    ],
)
def test_the_founding_requests_cost_what_the_repaired_documents_say(
    tokens, grams, share, is_south, carbon, justice, renewable, total
):
    cost = price(
        terms("seed-2025"),
        inputs(
            tokens=tokens, energy_wh=tokens * 0.1, location_g=grams, renewable_share=share, is_global_south=is_south
        ),
    )
    assert cost.service == tokens * 1000
    assert (cost.carbon, cost.justice, cost.renewable, cost.total) == (carbon, justice, renewable, total)


def test_the_default_policy_charges_the_social_cost_of_carbon_undiscounted():
    cost = price(terms(), inputs(location_g=1_000_000, tokens=10**9))
    assert cost.carbon == 210_000_000


def test_the_feebate_is_the_distance_to_the_mean_times_the_service():
    cost = price(terms(), inputs(tokens=1_000_000, need_score=0.8, mean_need_score=0.5))
    assert cost.service == 3_000_000
    assert cost.justice == -270_000


def test_feebates_at_the_final_mean_sum_to_zero_within_rounding():
    spends = [(0.83, 700_000), (0.0, 2_000_000), (0.725, 100_000)]
    mean = sum(score * tokens for score, tokens in spends) / sum(tokens for _, tokens in spends)
    flows = [
        price(terms(), inputs(tokens=tokens, need_score=score, mean_need_score=mean)).justice
        for score, tokens in spends
    ]
    assert abs(sum(flows)) <= len(spends)


def test_without_a_settled_period_there_is_no_feebate_and_it_says_so():
    cost = price(terms(), inputs(need_score=0.8))
    assert cost.justice == 0
    assert any("nothing has been settled" in note for note in cost.notes)


def test_an_empty_fund_shrinks_its_discounts_and_says_so():
    full = price(terms("seed-2025"), inputs(renewable_share=0.4))
    short = price(terms("seed-2025"), inputs(renewable_share=0.4, fund_available_micro_usd=360_000))
    none = price(terms("seed-2025"), inputs(renewable_share=0.4, fund_available_micro_usd=0))
    assert full.from_fund == 720_000
    assert (short.justice, short.renewable, short.from_fund) == (-300_000, 60_000, 360_000)
    assert (none.justice, none.renewable, none.from_fund) == (0, 0, 0)
    assert "The Fund cannot pay the whole discount." in none.notes


def test_discounts_end_at_electricity_and_carbon_cost():
    greedy = replace(terms(), electricity_usd_per_kwh=Decimal("4"))
    cost = price(greedy, inputs(renewable_share=1.0, need_score=1.0, mean_need_score=0.0))
    assert cost.service == 6_000
    assert cost.total == 5_280 + cost.carbon
    assert cost.renewable == 0


def test_a_full_region_costs_the_policys_scarcity_and_waiting_saves_its_urgency():
    assert price(terms(), inputs(utilisation=0.5)).service == 6_000
    assert price(terms(), inputs(utilisation=0.75)).service == 7_500
    assert price(terms(), inputs(utilisation=1.0)).service == 9_000
    assert price(terms(), inputs(window_hours=24)).service == 4_800
    assert price(terms(), inputs(window_hours=240)).service == 4_800


@given(
    tokens=st.integers(1, 10**9),
    model_class=st.sampled_from(MODEL_CLASSES),
    energy_wh=st.floats(0, 10**9),
    location_g=st.floats(0, 10**9),
    utilisation=st.floats(0, 1),
    need=st.one_of(st.none(), st.floats(0, 1)),
    mean=st.one_of(st.none(), st.floats(0, 1)),
    share=st.one_of(st.none(), st.floats(0, 1)),
    fund=st.integers(0, 10**12),
    is_south=st.booleans(),
    policy=st.sampled_from(["default", "seed-2025"]),
)
def test_no_price_is_below_carbon_cost_and_no_fund_pays_more_than_it_has(
    tokens, model_class, energy_wh, location_g, utilisation, need, mean, share, fund, is_south, policy
):
    cost = price(
        terms(policy),
        inputs(
            tokens=tokens,
            model_class=model_class,
            energy_wh=energy_wh,
            location_g=location_g,
            utilisation=utilisation,
            need_score=need,
            mean_need_score=mean,
            renewable_share=share,
            fund_available_micro_usd=fund,
            is_global_south=is_south,
        ),
    )
    assert 0 <= cost.from_fund <= fund
    assert cost.renewable >= 0
    discounts = max(0, -cost.justice) + cost.renewable
    assert cost.total >= cost.carbon or discounts == 0
