from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from climate.domain.places import CountryFacts
from market.domain.placement.facts import PlacementFacts, facts_of
from market.domain.placement.figures import Figures, Placed, figures_of, flat_energy_wh
from market.domain.placement.plan import PlanInputs
from market.domain.placement.prices import Quotes, within_fund
from market.domain.policy import Justice, PolicyTerms
from market.domain.verdict import price_of
from tests.unit.market.examples import BANGLADESH
from tests.unit.market.placement.plans import (
    COUNTRIES,
    FAR,
    HOUR_US,
    NEAR,
    NOW_US,
    TERMS,
    columns,
    party,
    plan,
    request_facts,
    site,
)

MANY = 2**61


def placed(*rows: tuple[int, int, int, int]) -> Placed:
    """Rows of request, site, hour, tokens."""
    request, sites, hours, tokens = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Placed(
        request=request.astype(np.int32), site=sites.astype(np.int32), hour=hours.astype(np.int32), tokens=tokens
    )


def assert_equal_to_the_scalars(
    inputs: PlanInputs,
    requests: Any,
    rows: Placed,
    *,
    terms: dict[int, PolicyTerms],
    countries: dict[str, CountryFacts],
    fund: int,
) -> Figures:
    """Row by row `price_of` says the same, the Fund having paid the rows before."""
    figures = figures_of(inputs, requests, rows, terms=terms, countries=countries, fund_available_micro_usd=fund)
    inputs = replace(inputs, parties=(party(),))
    for index in range(len(rows.tokens)):
        request = int(rows.request[index])
        own = terms[requests.kinds[requests.kind[request]].policy_id]
        placement = PlacementFacts(
            site=int(rows.site[index]),
            hour=int(rows.hour[index]),
            party=0,
            tokens=int(rows.tokens[index]),
            from_fund_micro_usd=0,
        )
        facts = facts_of(inputs, request_facts(requests, request, countries), placement, terms=own)
        cost, print_ = price_of(own, facts, facts.candidates[0], placement.tokens, fund_available_micro_usd=fund)
        fund -= cost.from_fund
        assert (
            figures.service_micro_usd[index],
            figures.carbon_micro_usd[index],
            figures.justice_micro_usd[index],
            figures.renewable_micro_usd[index],
            figures.from_fund_micro_usd[index],
            figures.total_micro_usd[index],
        ) == (cost.service, cost.carbon, cost.justice, cost.renewable, cost.from_fund, cost.total)
        assert figures.energy_wh[index] == print_.energy_wh_central
        assert figures.location_g[index] == print_.location_g_central
        avoided = figures.avoided_g[index]
        assert (None if np.isnan(avoided) else avoided) == print_.avoided_g
    return figures


money = st.decimals(0, 3, places=4)
odd_terms = st.builds(
    lambda **changes: replace(TERMS[1], **changes),
    rate_usd_per_token=st.decimals("0.000001", "0.01", places=9).map(lambda rate: dict.fromkeys("SML", rate)),
    scarcity_from_utilisation=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    scarcity_max=st.decimals(1, 4, places=3),
    urgency_min=st.sampled_from(
        [Decimal("0"), Decimal("0.5"), Decimal("0.8125"), Decimal("0.123456789"), Decimal("1")]
    ),
    urgency_full_window_hours=st.sampled_from([1.0, 7.0, 24.0, 23.7]),
    carbon_usd_per_t=st.decimals(0, 100_000, places=2),
    justice=st.one_of(
        st.builds(Justice, kind=st.just("feebate"), phi=st.decimals(0, 1, places=3), discount=money, premium=money),
        st.builds(
            Justice,
            kind=st.just("fixed"),
            phi=st.just(Decimal(0)),
            discount=st.decimals(0, 1, places=3),
            premium=st.decimals(0, 10, places=3),
        ),
    ),
    renewable_discount=st.decimals(0, 1, places=3),
    renewable_share_of=st.sampled_from(["grid", "contracted_supply"]),
    fund_pays_renewable=st.booleans(),
    electricity_usd_per_kwh=st.decimals(0, 20, places=3),
    flat_kwh_per_token=st.one_of(st.none(), st.decimals("0.0000001", "0.001", places=12)),
)
shares = st.one_of(st.none(), st.sampled_from([0.0, 0.4, 0.413, 1.0]), st.floats(0, 1))


@st.composite
def situations(draw: st.DrawFn) -> dict[str, Any]:
    """A plan of two regions, some requests of two policies, and placements of them."""
    near, far = replace(NEAR, contracted_cfe_share=draw(shares)), replace(FAR, pue=draw(st.floats(1, 2)))
    small = site("us-1", "US", "US", "S", contracted_cfe_share=draw(shares))
    share = draw(shares)
    arrays = {
        "intensity_g_per_kwh": np.array(draw(st.lists(st.floats(0, 1300), min_size=8, max_size=8))).reshape(2, 4),
        "renewable_share": np.full((2, 4), np.nan if share is None else share),
        "capacity_tokens": np.full((3, 4), draw(st.sampled_from([0, 10, 3, 1_000_000]))),
        "promised_tokens": np.full((3, 4), draw(st.integers(0, 12))),
    }
    mean = draw(st.one_of(st.none(), st.floats(0, 1)))
    homes = draw(st.sampled_from([{}, {"BD": "bd-1"}, {"BD": "us-1"}]))
    inputs = plan(near, far, small, arrays=arrays, mean_need_score=mean, home_of_origin=homes)
    count = draw(st.integers(1, 6))
    rows, requests = [], []
    for index in range(count):
        sited = draw(st.integers(0, 2))
        tokens = draw(st.one_of(st.integers(1, 40), st.integers(1, 10**6), st.integers(1, 10**12)))
        wait = draw(st.one_of(st.integers(0, 48 * HOUR_US), st.integers(0, 48).map(lambda hours: hours * HOUR_US)))
        requests.append(
            {
                "policy_id": draw(st.sampled_from([1, 2, 3])),
                "model_class": inputs.sites[sited].model_class,
                "scored": draw(st.sampled_from(["BD", "KE", "US", "XX"])),
                "tokens": tokens,
                "input_tokens": draw(st.one_of(st.none(), st.integers(0, tokens))),
                "created_us": NOW_US,
                "latest_us": NOW_US + wait,
            }
        )
        granted = tokens if draw(st.booleans()) else draw(st.integers(1, tokens))
        rows.append((index, sited, draw(st.integers(0, 3)), granted))
    return {"inputs": inputs, "requests": columns(*requests), "rows": placed(*rows)}


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150, deadline=None)
@given(situations(), odd_terms, st.one_of(st.just(0), st.integers(0, 10_000_000), st.just(MANY)))
def test_figures_of_many_are_the_figures_of_each(situation, third_policy, fund):
    nowhere = replace(BANGLADESH, code="XX", income_group="", is_ldc=False)
    assert_equal_to_the_scalars(
        situation["inputs"],
        situation["requests"],
        situation["rows"],
        terms={**TERMS, 3: third_policy},
        countries={**COUNTRIES, "XX": nowhere},
        fund=fund,
    )


def test_ties_of_rounding_go_up_as_they_do_in_decimal():
    """In an hour promised by 100 % a token of class L costs 4.5 micro-USD: every odd count is a tie."""
    full = {"promised_tokens": np.full((2, 4), 1_000_000, dtype=np.int64)}
    inputs = plan(arrays=full, mean_need_score=None)
    requests = columns(*({"tokens": tokens, "latest_us": NOW_US} for tokens in range(1, 40)))
    rows = placed(*((index, 0, 0, index + 1) for index in range(39)))
    figures = assert_equal_to_the_scalars(inputs, requests, rows, terms=TERMS, countries=COUNTRIES, fund=0)
    assert figures.service_micro_usd[:3].tolist() == [5, 9, 14]


def test_the_fund_pays_in_the_order_of_the_rows_until_it_is_empty():
    requests = columns(*({"policy_id": 2} for _ in range(3)))
    rows = placed((0, 0, 0, 2000), (1, 0, 0, 2000), (2, 0, 0, 2000))
    figures = assert_equal_to_the_scalars(plan(), requests, rows, terms=TERMS, countries=COUNTRIES, fund=1_000_000)
    assert figures.from_fund_micro_usd.tolist() == [720_000, 280_000, 0]
    assert figures.justice_micro_usd.tolist() == [-600_000, -233_333, 0]
    assert figures.renewable_micro_usd.tolist() == [120_000, 46_667, 0]


def test_a_fund_that_pays_beyond_64_bits_is_shrunk_exactly():
    quotes = Quotes(
        service=np.array([0]), carbon=np.array([0]), justice=np.array([-(4 * 10**15)]), renewable=np.array([2 * 10**15])
    )
    paid, from_fund = within_fund(quotes, pays_renewable=np.array([True]), available_micro_usd=10**15 + 1)
    assert paid.justice.tolist() == [-(4 * 10**15 * (10**15 + 1) // (6 * 10**15))]
    assert from_fund.tolist() == [10**15 + 1]


def test_a_fund_in_debt_pays_nothing():
    figures = figures_of(
        plan(),
        columns({"policy_id": 2}),
        placed((0, 0, 0, 2000)),
        terms=TERMS,
        countries=COUNTRIES,
        fund_available_micro_usd=-5,
    )
    assert figures.from_fund_micro_usd.tolist() == [0]
    assert figures.total_micro_usd[0] > figures.service_micro_usd[0]


def test_no_placements_have_no_figures():
    figures = figures_of(plan(), columns({}), placed(), terms=TERMS, countries=COUNTRIES, fund_available_micro_usd=10)
    assert len(figures.total_micro_usd) == 0


@pytest.mark.parametrize("kwh", ["0.0001", "0.000000123456789012345678", "3", "0"])
@pytest.mark.parametrize("tokens", [1, 999_983, 10**12])
def test_a_flat_energy_is_the_float_of_its_decimal(kwh, tokens):
    [energy] = flat_energy_wh(Decimal(kwh), np.array([tokens])).tolist()
    assert energy == float(Decimal(kwh) * tokens * 1000)
