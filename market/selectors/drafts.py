"""Decisions that are not stored yet: the record of a verdict, and what a plan makes of a request that waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from budgets.domain.estimates import Estimate
from market.domain.explanation import explain, explain_estimate
from market.domain.facts import DecisionFacts
from market.domain.parts import Part, decide_parts
from market.domain.placement.facts import PlacementFacts, RequestFacts, facts_of
from market.domain.placement.plan import PlanInputs
from market.domain.placement.words import parts_in_words, placed_in_words
from market.domain.verdict import Verdict, decide
from market.models import AllocationRequest, Decision, Placement
from market.selectors.policies import PolicyFacts


def unsaved_decision(
    request: AllocationRequest, policy: PolicyFacts, facts: DecisionFacts, verdict: Verdict, *, now: datetime
) -> Decision:
    """The record of a verdict with every input it used, and the estimate that its tokens came from."""
    columns = columns_of(policy, facts, verdict, estimate=request.estimate, words=tokens_in_words(request), made_at=now)
    return Decision(request=request, **columns)


def columns_of(
    policy: PolicyFacts,
    facts: DecisionFacts,
    verdict: Verdict,
    *,
    estimate: dict[str, Any] | None,
    words: str,
    made_at: datetime,
) -> dict[str, Any]:
    """What a decision has by its verdict, by column. `words` about its tokens follow the explanation."""
    return {
        "policy_id": policy.id,
        "verdict": verdict.outcome,
        "made_at": made_at,
        "granted_tokens": verdict.granted_tokens,
        "weight": verdict.weight.value,
        "factors": [{"name": name, "value": value} for name, value in verdict.weight.factors],
        "reasons": list(verdict.reasons),
        "explanation": f"{explain(facts, verdict, policy=policy.title)}{words}",
        "inputs": {"facts": facts.to_json(), **({"estimate": estimate} if estimate else {})},
        **figures_of(verdict),
    }


def tokens_in_words(request: AllocationRequest) -> str:
    """A sentence, with a space before it, about tokens that were left out; nothing where they were stated."""
    if request.estimate is None or request.tokens_basis == "stated":
        return ""
    return f" {explain_estimate(Estimate.from_json(request.estimate), input_tokens=request.input_tokens)}"


def figures_of(verdict: Verdict) -> dict[str, Any]:
    """Columns of a grant; empty for a refusal."""
    if verdict.chosen is None or verdict.price is None or verdict.footprint is None:
        return {}
    chosen, cost, print_ = verdict.chosen, verdict.price, verdict.footprint
    return {
        "region_id": chosen.code,
        "zone_code": chosen.zone,
        "starts_at": verdict.starts_at,
        "service_micro_usd": cost.service,
        "carbon_micro_usd": cost.carbon,
        "justice_micro_usd": cost.justice,
        "renewable_micro_usd": cost.renewable,
        "total_micro_usd": cost.total,
        "energy_wh_low": print_.energy_wh_low,
        "energy_wh_central": print_.energy_wh_central,
        "energy_wh_high": print_.energy_wh_high,
        "location_g_low": print_.location_g_low,
        "location_g_central": print_.location_g_central,
        "location_g_high": print_.location_g_high,
        "market_g": print_.market_g,
        "avoided_g": print_.avoided_g,
        "intensity_g_per_kwh": chosen.intensity_g_per_kwh,
        "basis": chosen.basis,
        "source": chosen.source,
        "as_of": chosen.as_of,
        "kind": chosen.kind,
        "scope": chosen.scope,
    }


def request_facts(request: AllocationRequest, inputs: PlanInputs) -> RequestFacts:
    """A stored request as the facts of its placement are made from, countries as the plan knew them."""
    return RequestFacts(
        tokens=request.tokens,
        input_tokens=request.input_tokens,
        tokens_basis=request.tokens_basis,
        model_class=request.model_class,
        latency_class=request.latency_class,
        earliest_at=request.earliest_at,
        latest_at=request.latest_at,
        created_at=request.created_at,
        price_cap_micro_usd=request.price_cap_micro_usd,
        eligible_regions=None if request.eligible_regions is None else tuple(request.eligible_regions),
        residency=None if request.residency is None else tuple(request.residency),
        min_cfe_share=request.min_cfe_share,
        purpose=request.purpose_id,
        purpose_title=request.purpose.title,
        origin=inputs.country(request.origin_code),
        scored_country=inputs.country(request.scored_code),
    )


def planned_decision(
    request: AllocationRequest,
    rows: Sequence[Placement],
    *,
    run_id: int,
    inputs: PlanInputs,
    policy: PolicyFacts,
    is_degraded: bool,
) -> Decision:
    """What a plan makes of a request: the verdict over its own region-hours, with price and carbon as planned.

    `rows` are its placements with tokens, by part. `policy` is the request's own.
    """
    asked, parts = request_facts(request, inputs), [_part(inputs, row) for row in rows]
    facts = _together([facts_of(inputs, asked, _placement(row), terms=policy.terms) for row in rows])
    verdict = decide(policy.terms, facts) if len(rows) == 1 else decide_parts(policy.terms, facts, parts)
    sentence = placed_in_words(
        run_id,
        inputs.made_at,
        tokens=verdict.granted_tokens,
        asked_tokens=request.tokens,
        is_degraded=is_degraded,
    )
    verdict = replace(verdict, reasons=(sentence, *verdict.reasons[1:]))
    decision = unsaved_decision(request, policy, facts, verdict, now=inputs.made_at)
    if len(parts) > 1:
        decision.parts = [part.to_json() for part in parts]
        decision.explanation += f" {parts_in_words(parts)}"
    return decision


def _together(facts: Sequence[DecisionFacts]) -> DecisionFacts:
    """The facts of all parts as one: their region-hours side by side, and what the Fund keeps for all of them."""
    if len(facts) == 1:
        return facts[0]
    return replace(
        facts[0],
        candidates=tuple(candidate for each in facts for candidate in each.candidates),
        fund_available_micro_usd=sum(each.fund_available_micro_usd for each in facts),
        left_out=max(0, facts[0].left_out + 1 - len(facts)),
    )


def _part(inputs: PlanInputs, row: Placement) -> Part:
    return Part(
        region=inputs.sites[row.site].region,
        starts_at=inputs.hour_at(row.hour),
        tokens=row.tokens,
        from_fund_micro_usd=row.from_fund_micro_usd,
    )


def _placement(row: Placement) -> PlacementFacts:
    return PlacementFacts(
        site=row.site, hour=row.hour, party=row.party, tokens=row.tokens, from_fund_micro_usd=row.from_fund_micro_usd
    )
