"""Writing requests and decisions. Not for other apps; they use the services built on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from budgets.domain.asks import PlacedHold
from budgets.domain.estimates import Estimate
from config.kernel.events import publish
from market.domain.explanation import explain, explain_estimate
from market.domain.facts import DecisionFacts
from market.domain.verdict import Verdict
from market.events import RequestDecided
from market.models import AllocationRequest, AllocationRun, Decision
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


def record(
    decision: Decision,
    *,
    status: AllocationRequest.Status,
    hold: PlacedHold | None = None,
    fund_reserved_micro_usd: int = 0,
    run: AllocationRun | None = None,
) -> Decision:
    """Store a decision as the latest of its request, move the request's status and tell the apps above."""
    request = decision.request
    decision.sequence = request.decisions.count() + 1
    decision.hold_id = hold.hold_id if hold else None
    decision.hold_expires_at = hold.expires_at if hold else None
    decision.fund_reserved_micro_usd = fund_reserved_micro_usd
    decision.run = run
    decision.save(force_insert=True)
    AllocationRequest.objects.filter(pk=request.pk).update(status=status)
    request.status = status
    publish(
        RequestDecided(request_id=request.pk, decision_id=decision.pk, team_id=request.team_id, at=decision.made_at)
    )
    return decision
