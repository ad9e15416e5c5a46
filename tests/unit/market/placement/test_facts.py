from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from climate.domain.places import CountryFacts
from market.domain.facts import DecisionFacts
from market.domain.placement.columns import RequestColumns
from market.domain.placement.facts import PlacementFacts, facts_of
from market.domain.placement.figures import Placed, figures_of
from market.domain.placement.plan import PlanInputs
from market.domain.verdict import Verdict, decide
from tests.unit.market.examples import HOUR, candidate, facts
from tests.unit.market.placement.plans import COUNTRIES, HOUR_US, NOW_US, TERMS, columns, party, plan, request_facts

AWAY = 1


def placement(**changes: Any) -> PlacementFacts:
    values = {"site": AWAY, "hour": 2, "party": 0, "tokens": 2000, "from_fund_micro_usd": 0}
    return PlacementFacts(**{**values, **changes})


def decided(inputs: PlanInputs, requests: RequestColumns, row: PlacementFacts, *, request: int = 0) -> Verdict:
    """The verdict on facts that were stored and read again."""
    terms = TERMS[requests.kinds[requests.kind[request]].policy_id]
    made = facts_of(inputs, request_facts(requests, request), row, terms=terms)
    read = DecisionFacts.from_json(json.loads(json.dumps(made.to_json())))
    assert read == made
    return decide(terms, read)


def test_the_verdict_is_the_placement():
    verdict = decided(plan(parties=(party(),)), columns({}), placement())
    assert (verdict.outcome, verdict.granted_tokens) == ("granted", 2000)
    assert verdict.chosen is not None
    assert (verdict.chosen.code, verdict.chosen.starts_at) == ("us-1", HOUR + timedelta(hours=2))
    assert verdict.starts_at == HOUR + timedelta(hours=2)


def test_a_partial_placement_is_a_partial_grant_at_the_posted_price():
    promised = {"promised_tokens": np.full((2, 4), 900_000, dtype=np.int64)}
    inputs = plan(parties=(party(),), arrays=promised)
    verdict = decided(inputs, columns({}), placement(tokens=700))
    assert (verdict.outcome, verdict.granted_tokens) == ("partial", 700)
    assert verdict.price is not None
    assert verdict.price.scarcity == 1.4  # of an hour that is promised by 90 %, whatever is kept for this request


def test_the_weight_is_that_of_the_party():
    kind = columns({"policy_id": 2}).kinds[0]
    mine = party(kind, home_grid=1.2, emergency=5.0)
    verdict = decided(plan(parties=(mine,)), columns({"policy_id": 2}), placement())
    assert dict(verdict.weight.factors)["home_grid"] == 1.2  # half of the 40 % that the home grid has
    assert dict(verdict.weight.factors)["emergency"] == 5.0


def test_what_the_plan_did_not_look_at_is_counted():
    made = facts_of(plan(parties=(party(),)), request_facts(columns({}), 0), placement(), terms=TERMS[1])
    assert made.left_out == 2 * 3 - 1  # two regions, three hours


def test_the_time_it_can_wait_counts_from_when_it_was_asked():
    requests = columns({"created_us": NOW_US - 10 * HOUR_US})
    made = facts_of(plan(parties=(party(),)), request_facts(requests, 0), placement(), terms=TERMS[1])
    assert made.window_hours == 12


@pytest.mark.parametrize("demand", [{"residency": ("US",)}, {"min_cfe_share": 0.95}, {"latency_class": "interactive"}])
def test_what_the_request_demands_is_kept_and_met(demand):
    verdict = decided(plan(parties=(party(),)), columns({**demand, "eligible_regions": ("us-1",)}), placement())
    assert verdict.outcome == "granted"


def test_a_placement_where_its_data_may_not_go_would_be_refused():
    verdict = decided(plan(parties=(party(),)), columns({"residency": ("BD",)}), placement())
    assert verdict.outcome == "denied"


def test_decisions_from_before_plans_still_read_back():
    stored = facts(candidate(), home=candidate("aa-home-1")).to_json()
    table, home = stored["candidates"], stored["home"]
    place = table["columns"].index("room_tokens")
    for row in (table["columns"], *table["rows"]):
        del row[place]
    del home["room_tokens"]
    read = DecisionFacts.from_json(stored)
    assert read.candidates == (candidate(),)
    assert read.candidates[0].free_tokens == 1_000_000


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(
    policy_id=st.sampled_from([1, 2]),
    scored=st.sampled_from(["BD", "KE", "US"]),
    tokens=st.integers(1, 10**7),
    share=st.floats(0.01, 1),
    given_share=st.one_of(st.none(), st.floats(0, 1)),
    promised=st.integers(0, 1_000_000),
    wait_us=st.integers(0, 30 * HOUR_US),
    fund=st.one_of(st.just(0), st.integers(0, 10**7), st.just(10**12)),
    mean=st.one_of(st.none(), st.floats(0, 1)),
)
def test_decide_comes_to_the_figures_of_the_plan(
    policy_id, scored, tokens, share, given_share, promised, wait_us, fund, mean
):
    granted = max(1, int(tokens * share))
    requests = columns(
        {
            "policy_id": policy_id,
            "scored": scored,
            "tokens": tokens,
            "input_tokens": None if given_share is None else int(tokens * given_share),
            "created_us": NOW_US - 1,
            "latest_us": NOW_US + wait_us,
        }
    )
    inputs = plan(
        parties=(party(requests.kinds[0]),),
        mean_need_score=mean,
        arrays={"promised_tokens": np.full((2, 4), promised, dtype=np.int64)},
    )
    some = np.array([AWAY], dtype=np.int32)
    figures = figures_of(
        inputs,
        requests,
        Placed(request=some * 0, site=some, hour=some * 2, tokens=np.array([granted])),
        terms=TERMS,
        countries=COUNTRIES,
        fund_available_micro_usd=fund,
    )
    row = placement(tokens=granted, from_fund_micro_usd=int(figures.from_fund_micro_usd[0]))
    verdict = decided(inputs, requests, row)
    assert verdict.price is not None
    assert verdict.footprint is not None
    assert verdict.granted_tokens == granted
    assert verdict.outcome == ("granted" if granted == tokens else "partial")
    assert verdict.price.total == figures.total_micro_usd[0]
    assert verdict.price.from_fund == figures.from_fund_micro_usd[0]
    assert verdict.footprint.location_g_central == figures.location_g[0]
    assert verdict.footprint.avoided_g == figures.avoided_g[0]


def test_a_country_of_its_own_is_scored_and_the_origin_is_served():
    company: CountryFacts = COUNTRIES["US"]
    requests = columns({"scored": "US"})
    made = facts_of(plan(parties=(party(),)), request_facts(requests, 0), placement(), terms=TERMS[1])
    assert made.scored_country == company
    assert made.home is not None
    assert made.home.code == "bd-1"
