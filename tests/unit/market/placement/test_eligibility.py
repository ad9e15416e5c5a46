from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.domain.asks import hours_of_window
from market.domain.placement import caps
from market.domain.placement.columns import RequestColumns
from market.domain.placement.eligibility import Eligibility, eligibility_of
from market.domain.placement.facts import PlacementFacts, candidate_at, facts_of
from market.domain.placement.figures import Placed, figures_of
from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import NO_SET
from market.domain.sifting import sift
from market.domain.verdict import price_of
from tests.unit.market.examples import NOW
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

UNLIMITED = 10**15


def eligibility(inputs: PlanInputs, requests: RequestColumns) -> Eligibility:
    return eligibility_of(inputs, requests, terms=TERMS, countries=COUNTRIES)


def places(inputs: PlanInputs, found: Eligibility, request: int = 0) -> set[tuple[int, int]]:
    """Sites and hours in which a request may run."""
    hours = range(int(found.first_hour[request]), int(found.last_hour[request]) + 1)
    sets = {hour: int(found.set_of_hour[found.profile[request], hour]) for hour in hours}
    return {
        (index, hour)
        for hour, number in sets.items()
        if number != NO_SET
        for index in np.flatnonzero(found.is_eligible[number]).tolist()
    }


def regions(inputs: PlanInputs, found: Eligibility, request: int = 0) -> set[str]:
    return {inputs.sites[index].region for index, _ in places(inputs, found, request)}


def expected_places(inputs: PlanInputs, requests: RequestColumns, request: int) -> set[tuple[int, int]]:
    """By the rules of a single verdict: window, sieve and price, region-hour by region-hour."""
    kind, asked = requests.kinds[requests.kind[request]], request_facts(requests, request)
    terms = TERMS[kind.policy_id]
    offered = {
        (index, hour): candidate_at(inputs, kind.origin, index, hour, promised_tokens=_promised(inputs, index, hour))
        for index, each in enumerate(inputs.sites)
        for hour in range(inputs.hour_count)
        if each.model_class == kind.model_class
    }
    row = PlacementFacts(site=0, hour=0, party=0, tokens=asked.tokens, from_fund_micro_usd=0)
    facts = facts_of(replace(inputs, parties=(party(),)), asked, row, terms=terms)
    facts = replace(facts, candidates=tuple(offered.values()))
    hours = hours_of_window(asked.earliest_at, asked.latest_at, NOW, at_most=inputs.hour_count)
    near, _ = sift(facts)
    return {
        place
        for place, each in offered.items()
        if each in near
        and each.starts_at in hours
        and (
            asked.price_cap_micro_usd is None
            or price_of(terms, facts, each, asked.tokens, fund_available_micro_usd=UNLIMITED)[0].total
            <= asked.price_cap_micro_usd
        )
    }


def _promised(inputs: PlanInputs, index: int, hour: int) -> int:
    return int(inputs.arrays["promised_tokens"][index, hour])


def test_a_request_may_run_wherever_its_class_is_served():
    inputs = plan(NEAR, FAR, site("us-1", "US", "US", "S"))
    assert places(inputs, eligibility(inputs, columns({}))) == {(index, hour) for index in (0, 1) for hour in (0, 1, 2)}


def test_named_regions_and_residency_set_sites_aside():
    found = eligibility(
        plan(), columns({"eligible_regions": ("us-1",)}, {"residency": ("BD",)}, {"residency": ("FR",)})
    )
    assert [regions(plan(), found, each) for each in range(3)] == [{"us-1"}, {"bd-1"}, set()]
    assert found.can_be_served.tolist() == [True, True, False]


def test_what_is_too_far_for_the_latency_class_is_set_aside():
    assert regions(plan(), eligibility(plan(), columns({"latency_class": "interactive"}))) == {"bd-1"}


def test_where_nothing_is_near_enough_the_nearest_counts():
    inputs = plan(reach_km={"BD": [12_000.0, 13_000.0]})
    assert regions(inputs, eligibility(inputs, columns({"latency_class": "interactive"}))) == {"bd-1"}


def test_a_distance_that_nobody_knows_is_not_held_against_a_site():
    inputs = plan(reach_km={"BD": [5_000.0, None]})
    assert regions(inputs, eligibility(inputs, columns({"latency_class": "interactive"}))) == {"us-1"}


def test_a_carbon_free_share_must_be_known_and_met_in_the_hour():
    grid = np.array([[0.2, 0.9, 0.9, 0.9], [np.nan, np.nan, np.nan, np.nan]])
    inputs = plan(NEAR, replace(FAR, contracted_cfe_share=None), arrays={"carbon_free_share": grid})
    assert places(inputs, eligibility(inputs, columns({"min_cfe_share": 0.8}))) == {(0, 1), (0, 2)}


def test_contracts_count_towards_the_carbon_free_share():
    assert regions(plan(), eligibility(plan(), columns({"min_cfe_share": 0.94}))) == {
        "us-1"
    }  # 0.9 and half of the rest


def test_the_window_is_that_of_the_plan_from_the_current_hour_on():
    found = eligibility(
        plan(hours=4),
        columns(
            {"earliest_us": NOW_US - 5 * HOUR_US},
            {"latest_us": NOW_US + 99 * HOUR_US},
            {"earliest_us": NOW_US + 9 * HOUR_US, "latest_us": NOW_US + 10 * HOUR_US},
        ),
    )
    assert (found.first_hour[0], found.last_hour[0]) == (0, 2)
    assert (found.first_hour[1], found.last_hour[1]) == (0, 3)
    assert found.first_hour[2] > found.last_hour[2]
    assert found.can_be_served.tolist() == [True, True, False]


def test_requests_that_allow_the_same_have_one_profile_and_parties_follow_origin_and_purpose():
    requests = columns({}, {"purpose": "education"}, {"latency_class": "interactive"}, {"scored": "US"})
    found = eligibility(plan(), requests)
    assert found.profile[0] == found.profile[1] == found.profile[3] != found.profile[2]
    assert [found.parties[each][:3] for each in found.party] == [
        ("BD", "BD", "climate_adaptation"),
        ("BD", "BD", "education"),
        ("BD", "BD", "climate_adaptation"),
        ("BD", "US", "climate_adaptation"),
    ]


def test_a_price_cap_leaves_the_region_hours_that_cost_no_more():
    promised = np.array([[0, 900_000, 0, 0], [900_000, 900_000, 900_000, 0]], dtype=np.int64)
    inputs = plan(arrays={"promised_tokens": promised})
    requests = columns({"price_cap_micro_usd": 6000}, {"price_cap_micro_usd": 100}, {})
    found = eligibility(inputs, requests)
    assert places(inputs, found, 0) == {(0, 0), (0, 2)}
    assert places(inputs, found, 1) == set()
    assert found.can_be_served.tolist() == [True, False, True]


asks = st.fixed_dictionaries(
    {
        "policy_id": st.sampled_from([1, 2]),
        "scored": st.sampled_from(["BD", "KE", "US"]),
        "model_class": st.sampled_from(["S", "L"]),
        "latency_class": st.sampled_from(["anywhere", "regional", "interactive"]),
        "eligible_regions": st.sampled_from([None, ("bd-1",), ("us-1", "ke-1")]),
        "residency": st.sampled_from([None, ("BD", "KE"), ("FR",)]),
        "min_cfe_share": st.sampled_from([None, 0.0, 0.5, 0.9]),
        "earliest_us": st.integers(-2 * HOUR_US, 6 * HOUR_US).map(lambda wait: NOW_US + wait),
        "tokens": st.sampled_from([1, 50, 2000, 10**6]),
        "cap_share": st.one_of(st.none(), st.floats(0.5, 2)),
    }
)
grids = st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0, np.nan]), min_size=12, max_size=12)


@st.composite
def situations(draw: st.DrawFn) -> tuple[PlanInputs, RequestColumns]:
    """Three regions, one of them with two classes, and some requests of all sorts."""
    third = site("ke-1", "KE", "KE", contracted_cfe_share=draw(st.sampled_from([None, 0.0, 0.5])), pue=1.2)
    reach: list[float | None] = [draw(st.sampled_from([None, 100.0, 5000.0, 12_000.0])) for _ in range(3)]
    arrays = {
        "carbon_free_share": np.array(draw(grids)).reshape(3, 4),
        "promised_tokens": np.array(draw(st.lists(st.integers(0, 10**6), min_size=16, max_size=16))).reshape(4, 4),
    }
    inputs = plan(NEAR, FAR, third, site("ke-1", "KE", "KE", "S"), arrays=arrays, reach_km={"BD": reach})
    rows: list[dict[str, Any]] = []
    for ask in draw(st.lists(asks, min_size=1, max_size=6)):
        share, tokens = ask.pop("cap_share"), ask["tokens"]
        rate = float(TERMS[ask["policy_id"]].rate_usd_per_token[ask["model_class"]]) * 1e6
        latest = ask["earliest_us"] + draw(st.integers(0, 5)) * HOUR_US
        cap = None if share is None else int(tokens * rate * share)
        rows.append({**ask, "latest_us": max(latest, NOW_US), "created_us": NOW_US, "price_cap_micro_usd": cap})
    return inputs, columns(*rows)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=100, deadline=None)
@given(situations())
def test_many_may_run_where_each_alone_may_run(situation):
    inputs, requests = situation
    found = eligibility(inputs, requests)
    for request in range(len(requests)):
        expected = expected_places(inputs, requests, request)
        assert places(inputs, found, request) == expected
        assert found.can_be_served[request] == bool(expected)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(situations())
def test_caps_in_levels_never_allow_more_than_caps_taken_exactly(situation):
    inputs, requests = situation
    exact = eligibility(inputs, requests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caps, "EXACT_REQUESTS", 0)
        found = eligibility(inputs, requests)
    for request in range(len(requests)):
        assert places(inputs, found, request) <= places(inputs, exact, request)
        cap, tokens = requests.price_cap_micro_usd[request], requests.tokens[request]
        kind = requests.kinds[requests.kind[request]]
        dearest = 4 * float(TERMS[kind.policy_id].rate_usd_per_token[kind.model_class]) * 1e6 * tokens + 5
        if cap >= dearest:
            assert places(inputs, found, request) == places(inputs, exact, request)


def test_a_cap_one_micro_usd_below_a_price_is_below_it_in_levels_too():
    dear_carbon = {**TERMS, 1: replace(TERMS[1], carbon_usd_per_t=Decimal(100_000))}
    inputs = plan(arrays={"promised_tokens": np.arange(8).reshape(2, 4) * 130_000})
    rows = [
        {"tokens": 3 * each, "input_tokens": each % 13 * 3 * each // 13, "latest_us": NOW_US + each}
        for each in range(1, 60)
    ]
    figures = figures_of(
        inputs,
        columns(*rows),
        Placed(
            request=np.arange(59, dtype=np.int32),
            site=np.arange(59, dtype=np.int32) % 2,
            hour=np.zeros(59, dtype=np.int32),
            tokens=np.array([row["tokens"] for row in rows]),
        ),
        terms=dear_carbon,
        countries=COUNTRIES,
        fund_available_micro_usd=UNLIMITED,
    )
    caps_below = figures.total_micro_usd - 1
    requests = columns(*({**row, "price_cap_micro_usd": int(cap)} for row, cap in zip(rows, caps_below, strict=True)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caps, "EXACT_REQUESTS", 0)
        found = eligibility_of(inputs, requests, terms=dear_carbon, countries=COUNTRIES)
    for request in range(59):
        assert (request % 2, 0) not in places(inputs, found, request)


def test_who_can_pay_everything_is_kept_from_nothing_by_levels():
    rows = [{"tokens": 3000, "input_tokens": 200 * each, "price_cap_micro_usd": 50_000} for each in range(1, 15)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caps, "EXACT_REQUESTS", 0)
        found = eligibility(plan(), columns(*rows))
    everywhere = {(index, hour) for index in (0, 1) for hour in (0, 1, 2)}
    assert all(places(plan(), found, request) == everywhere for request in range(14))


def test_many_caps_come_down_to_few_profiles_and_hardly_lose_a_place():
    promised = np.linspace(500_000, 1_000_000, 8, dtype=np.int64).reshape(2, 4)
    inputs = plan(arrays={"promised_tokens": promised})
    requests = columns(*({"price_cap_micro_usd": 4000 + 5 * each, "tokens": 1500} for each in range(600)))
    found = eligibility(inputs, requests)
    assert len(found.set_of_hour) <= 1 + 8 + 1  # as many as there are prices, everywhere, and nowhere
    few = columns(*({"price_cap_micro_usd": 4000 + 5 * each, "tokens": 1500} for each in range(0, 600, 10)))
    exact = eligibility(inputs, few)
    kept = sum(len(places(inputs, found, 10 * each)) for each in range(60))
    assert kept >= 0.98 * sum(len(places(inputs, exact, each)) for each in range(60))


def test_a_plan_without_sites_serves_nobody():
    inputs = replace(
        plan(),
        sites=(),
        arrays={name: each[:0] if each.shape[0] == 2 else each for name, each in plan().arrays.items()},
    )
    found = eligibility(inputs, columns({}))
    assert found.can_be_served.tolist() == [False]
