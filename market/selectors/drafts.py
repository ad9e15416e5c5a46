"""Decisions that are not stored yet: the record of a verdict, and what a plan makes of a request that waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from budgets.domain.estimates import Estimate
from climate.domain.places import CountryFacts
from market.domain.explanation import explain, explain_estimate
from market.domain.facts import DecisionFacts
from market.domain.placement.facts import PlacementFacts, RequestFacts, facts_of
from market.domain.placement.plan import PlanInputs
from market.domain.verdict import Verdict, decide
from market.models import AllocationRequest, Decision, Placement
from market.selectors.policies import PolicyFacts


def unsaved_decision(
    request: AllocationRequest, policy: PolicyFacts, facts: DecisionFacts, verdict: Verdict, *, now: datetime
) -> Decision:
    """The record of a verdict with every input it used, and the estimate that its tokens came from."""
    estimate = {"estimate": request.estimate} if request.estimate else {}
    decision = Decision(
        request=request,
        policy_id=policy.id,
        verdict=verdict.outcome,
        made_at=now,
        granted_tokens=verdict.granted_tokens,
        weight=verdict.weight.value,
        factors=[{"name": name, "value": value} for name, value in verdict.weight.factors],
        reasons=list(verdict.reasons),
        explanation=f"{explain(facts, verdict, policy=f'{policy.name} v{policy.version}')}{tokens_in_words(request)}",
        inputs={"facts": facts.to_json(), **estimate},
    )
    for name, value in figures_of(verdict).items():
        setattr(decision, name, value)
    return decision


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


def request_facts(request: AllocationRequest, countries: Mapping[str, CountryFacts]) -> RequestFacts:
    """A stored request as the facts of a placement are made from. Reads its purpose."""
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
        origin=countries[request.origin_code],
        scored_country=countries[request.scored_code],
    )


def planned_decision(
    request: AllocationRequest,
    rows: Sequence[Placement],
    *,
    inputs: PlanInputs,
    policy: PolicyFacts,
    countries: Mapping[str, CountryFacts],
) -> Decision:
    """What the plan makes of a request: the verdict over its own region-hour, all parts of a split one together.

    `rows` are its placements that grant something, by part. `policy` is the request's own.
    """
    asked = request_facts(request, countries)
    facts = [facts_of(inputs, asked, placement_facts(row), terms=policy.terms) for row in rows]
    verdicts = [decide(policy.terms, each) for each in facts]
    parts = [
        unsaved_decision(request, policy, each, verdict, now=inputs.made_at)
        for each, verdict in zip(facts, verdicts, strict=True)
    ]
    return parts[0] if len(parts) == 1 else _together(request, parts)


def placement_facts(row: Placement) -> PlacementFacts:
    """A row of a plan as the facts of a placement are made from."""
    return PlacementFacts(
        site=row.site, hour=row.hour, party=row.party, tokens=row.tokens, from_fund_micro_usd=row.from_fund_micro_usd
    )


_SUMMED = (
    *("granted_tokens", "service_micro_usd", "carbon_micro_usd", "justice_micro_usd", "renewable_micro_usd"),
    *("total_micro_usd", "energy_wh_low", "energy_wh_central", "energy_wh_high", "location_g_low"),
    *("location_g_central", "location_g_high", "market_g", "avoided_g"),
)


def _together(request: AllocationRequest, parts: Sequence[Decision]) -> Decision:
    """The parts of a split grant as one decision: sums, and the first part's region, hour and signal.

    Its intensity is the mean over the energy of all parts. `inputs` keeps the facts of each part.
    """
    in_time = sorted(parts, key=lambda each: (each.starts_at or each.made_at, each.region_id or ""))
    whole = in_time[0]
    described = [
        {"region": each.region_id, "starts_at": _iso(each.starts_at), "tokens": each.granted_tokens} for each in in_time
    ]
    facts = [each.inputs["facts"] for each in in_time]
    for name, value in {name: _sum(in_time, name) for name in _SUMMED}.items():
        setattr(whole, name, value)
    if whole.energy_wh_central and whole.location_g_central is not None:
        whole.intensity_g_per_kwh = whole.location_g_central / whole.energy_wh_central * 1000
    whole.verdict = Decision.Verdict.GRANTED if whole.granted_tokens == request.tokens else Decision.Verdict.PARTIAL
    whole.parts = described
    whole.inputs = {**whole.inputs, "part_facts": facts}
    whole.explanation = f"Served in {len(parts)} parts. {' '.join(each.explanation for each in in_time)}"
    return whole


def _sum(parts: Sequence[Decision], name: str) -> float | int | None:
    known = [getattr(each, name) for each in parts]
    return None if None in known else sum(known)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
