"""What a plan's stored inputs tell about one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from market.domain.explanation import grams
from market.domain.facts import DecisionFacts
from market.domain.parts import sum_prices
from market.domain.placement.cells import NG_PER_TOKEN_TO_G_PER_1K
from market.domain.placement.columns import PartyKey, party_key
from market.domain.placement.counterfactuals import (
    Option,
    Place,
    base_facts,
    certify,
    full_price,
    more_hours,
    more_regions,
    options_of,
)
from market.domain.placement.facts import candidate_at
from market.domain.placement.plan import PlanInputs, WaitingReason
from market.domain.placement.story_words import Told
from market.domain.policy import PolicyTerms
from market.domain.price import Price
from market.domain.verdict import price_of
from market.models import AllocationRequest, AllocationRun, Placement
from market.selectors.drafts import request_facts
from market.selectors.plan_inputs import find_plan_inputs
from market.selectors.planned import is_of_plan
from market.selectors.policies import get_policy_version

MOST_CANDIDATES = 60


def find_told(request: AllocationRequest, run: AllocationRun, rows: Sequence[Placement]) -> Told | None:
    """Everything the story of a request in a plan is told from.

    None where the plan's inputs are not kept any more, or the rows cannot have come of it.
    """
    inputs = find_plan_inputs([run.pk]).get(run.pk)
    if inputs is None or not is_of_plan(inputs, rows):
        return None
    terms = get_policy_version(request.policy_id).terms
    facts = base_facts(inputs, request_facts(request, inputs), rows[0].party, terms=terms)
    options = options_of(inputs, facts, terms, latest_at=request.latest_at)
    places = tuple(
        Place(site=row.site, hour=row.hour, tokens=row.tokens, location_g=row.location_g) for row in rows if row.tokens
    )
    has_prices = bool(places) and not run.is_degraded
    known = (inputs, facts, terms, places, options, request.latest_at)
    return Told(
        inputs=inputs,
        run_id=run.pk,
        policy=get_policy_version(inputs.terms_policy_id).title,
        is_degraded=run.is_degraded,
        party=rows[0].party,
        asked_tokens=request.tokens,
        places=places,
        reason=WaitingReason(rows[0].reason),
        options=tuple(options),
        certificates=tuple(certify(inputs, place, options) for place in places),
        freedoms=(more_hours(*known), more_regions(*known)) if has_prices else (),
        price=_price(inputs, facts, terms, rows),
    )


def plan_candidates(told: Told) -> list[dict[str, Any]]:
    """The region-hours that a plan could have used for the request, best first, as a request's page lists them."""
    chosen = {(place.site, place.hour) for place in told.places}
    ranked = sorted(told.options, key=lambda each: each.cell not in chosen)[:MOST_CANDIDATES]
    return [_candidate(told, each, is_chosen=each.cell in chosen) for each in ranked]


def _candidate(told: Told, option: Option, *, is_chosen: bool) -> dict[str, Any]:
    place = option.candidate
    return {
        "code": place.code,
        "city": place.city,
        "zone": place.zone,
        "starts_at": place.starts_at,
        "intensity_g_per_kwh": place.intensity_g_per_kwh,
        "basis": place.basis,
        "source": place.source,
        "pue": place.pue,
        "pue_is_assumed": place.pue_is_assumed,
        "free_tokens": option.free_tokens,
        "distance_km": place.distance_km,
        "reason": "chosen" if is_chosen else _why_not(told, option),
    }


def _why_not(told: Told, option: Option) -> str:
    if option.free_tokens < told.asked_tokens:
        return "no room for it in this plan"
    if not told.places:
        return "room was left"
    own = min(full_price(told.inputs, place.site, place.hour) for place in told.places)
    more = (option.full_price_ng_per_token - own) * NG_PER_TOKEN_TO_G_PER_1K
    words = f"{grams(more)} CO2e more per 1,000 tokens, what it would crowd out counted in"
    return words if more > 0 else "not cleaner"


def party_of(request: AllocationRequest, inputs: PlanInputs) -> PartyKey:
    """The party that a request belongs to by the policy of a plan."""
    plan_terms = get_policy_version(inputs.terms_policy_id).terms
    return party_key(
        origin=request.origin_code, scored=request.scored_code, purpose=request.purpose_id, plan_terms=plan_terms
    )


def _price(inputs: PlanInputs, facts: DecisionFacts, terms: PolicyTerms, rows: Sequence[Placement]) -> Price | None:
    """The price build-up by the scalar rule, with its factors and notes."""
    prices = []
    for row in rows:
        if row.tokens:
            promised = int(inputs.arrays["promised_tokens"][row.site, row.hour])
            cell = candidate_at(inputs, facts.origin.code, row.site, row.hour, promised_tokens=promised)
            cost, _ = price_of(terms, facts, cell, row.tokens, fund_available_micro_usd=row.from_fund_micro_usd)
            prices.append(cost)
    return sum_prices(prices) if prices else None
