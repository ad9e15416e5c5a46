"""Decisions as JSON: the body of the API's answers, the candidates, and the verdict computed again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as Exact
from typing import Any

from budgets.domain.units import Unit, to_steps
from budgets.selectors import HoldLease, PlanHold
from market.domain.explanation import usd
from market.domain.facts import DecisionFacts
from market.domain.parts import Part, decide_parts
from market.domain.placement.promised import promised_amounts
from market.domain.verdict import Verdict, decide
from market.models import AllocationRequest, Decision
from market.selectors.policies import get_policy_version

AVOIDED_REFERENCE = "run now at home region"
AVOIDED_LABEL = "estimated, unverified"


def answer_body(
    request: AllocationRequest,
    decision: Decision,
    hold: HoldLease | PlanHold | None,
    *,
    status: str | None = None,
    planned_by_run: int | None = None,
) -> dict[str, Any]:
    """The body of a request in the API, with the hold that pays for it, if any.

    `status` and `planned_by_run` are those of a request that waits and has a place in the plan in force.
    """
    return {
        "id": None if request._state.adding else str(request.pk),
        "status": status or request.status or decision.verdict,
        "granted_tokens": decision.granted_tokens,
        "region": {"code": decision.region_id, "zone": decision.zone_code} if decision.region_id else None,
        "starts_at": iso(decision.starts_at),
        "parts": _parts(decision),
        "planned_by_run": planned_by_run,
        "price": _price(decision),
        "carbon": _carbon(decision),
        "priority": {"weight": decision.weight, "factors": decision.factors},
        "hold": _hold(hold),
        "policy": {"name": decision.policy.name, "version": decision.policy.version},
        "explanation": decision.explanation,
        "reasons": decision.reasons,
        "simulated": request.is_simulated,
        "purpose": request.purpose_id,
        "origin": request.origin_code,
        "model_class": request.model_class,
        "tokens": request.tokens,
        "input_tokens": request.input_tokens,
        "tokens_basis": request.tokens_basis,
        "estimate": request.estimate,
        "mode": request.mode,
        "latency_class": request.latency_class,
        "residency": request.residency,
        "min_cfe_share": request.min_cfe_share,
        "may_split": request.may_split,
        "earliest": iso(request.earliest_at),
        "latest": iso(request.latest_at),
        "budget": str(request.budget_id) if request.budget_id else None,
        "created_at": iso(request.created_at),
        "decided_at": iso(decision.made_at),
        "settlement": _settlement(request),
    }


def candidate_rows(decision: Decision) -> list[dict[str, Any]]:
    """The regions that were looked at, best first."""
    facts = DecisionFacts.from_json(decision.inputs["facts"])
    looked_at = decide(get_policy_version(decision.policy_id).terms, facts).looked_at
    outcomes = {(each.code, each.starts_at): each.outcome for each in looked_at}
    return [
        {
            "code": each.code,
            "city": each.city,
            "zone": each.zone,
            "starts_at": each.starts_at,
            "intensity_g_per_kwh": each.intensity_g_per_kwh,
            "basis": each.basis,
            "source": each.source,
            "pue": each.pue,
            "pue_is_assumed": each.pue_is_assumed,
            "free_tokens": each.free_tokens,
            "distance_km": each.distance_km,
            "reason": outcomes.get((each.code, each.starts_at), "not among the eligible regions"),
        }
        for each in sorted(facts.candidates, key=lambda each: (each.grid_g_per_it_kwh, each.code, each.starts_at))
    ]


def explain_again(decision: Decision) -> dict[str, Any]:
    """The stored inputs, the stored verdict and the verdict computed again from the inputs."""
    stored = verdict_of(decision)
    recomputed = _recomputed_verdict(decision)
    return {
        "explanation": decision.explanation,
        "policy": {"name": decision.policy.name, "version": decision.policy.version, "body": decision.policy.body},
        "inputs": decision.inputs,
        "stored": stored,
        "recomputed": recomputed,
        "agrees": stored == recomputed,
    }


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _price(decision: Decision) -> dict[str, str] | None:
    if decision.total_micro_usd is None:
        return None
    names = ("service", "carbon", "justice", "renewable", "total")
    return {f"{name}_usd": usd(getattr(decision, f"{name}_micro_usd")) for name in names}


def _carbon(decision: Decision) -> dict[str, Any] | None:
    if decision.intensity_g_per_kwh is None:
        return None
    levels = ("low", "central", "high")
    return {
        "energy_wh": {level: getattr(decision, f"energy_wh_{level}") for level in levels},
        "location_g": {level: getattr(decision, f"location_g_{level}") for level in levels},
        "market_g": decision.market_g,
        "intensity_g_per_kwh": decision.intensity_g_per_kwh,
        "basis": decision.basis,
        "source": decision.source,
        "as_of": iso(decision.as_of),
        "kind": decision.kind,
        "scope": decision.scope,
        "avoided_g": decision.avoided_g,
        "avoided_reference": AVOIDED_REFERENCE,
        "avoided_label": AVOIDED_LABEL,
    }


def _hold(hold: HoldLease | PlanHold | None) -> dict[str, Any] | None:
    """What pays; a plan's hold pays for all planned work of its budget together."""
    if hold is None:
        return None
    if isinstance(hold, PlanHold):  # its number changes with others' work and proves nothing
        return {"id": str(hold.hold_id), "fence": None, "expires_at": iso(hold.expires_at), "is_shared": True}
    return {"id": str(hold.id), "fence": hold.fence, "expires_at": iso(hold.expires_at), "is_shared": False}


def _parts(decision: Decision) -> list[dict[str, Any]] | None:
    if decision.parts is None:
        return None
    parts = [Part.from_json(each) for each in decision.parts]
    return [{"region": each.region, "starts_at": iso(each.starts_at), "tokens": each.tokens} for each in parts]


def _settlement(request: AllocationRequest) -> dict[str, Any] | None:
    settlement = None if request._state.adding else getattr(request, "settlement", None)
    if settlement is None:
        return None
    return {
        "used_tokens": settlement.used_tokens,
        "input_tokens": settlement.input_tokens,
        "cached_tokens": settlement.cached_tokens,
        "total_usd": usd(settlement.total_micro_usd),
        "energy_wh": settlement.energy_wh,
        "location_g": settlement.location_g,
        "avoided_g": settlement.avoided_g,
        "market_value_tokens": settlement.market_value_tokens,
        "settled_at": iso(settlement.settled_at),
        "is_verified": settlement.is_verified,
        "corrected_at": iso(settlement.corrected_at),
    }


def verdict_of(decision: Decision) -> dict[str, Any]:
    """What a decision says, in the words in which it is compared."""
    return {
        "verdict": decision.verdict,
        "granted_tokens": decision.granted_tokens,
        "region": decision.region_id,
        "starts_at": iso(decision.starts_at),
        "price": _price(decision),
        "location_g": decision.location_g_central,
        "weight": decision.weight,
    }


def _recomputed_verdict(decision: Decision) -> dict[str, Any]:
    facts, terms = DecisionFacts.from_json(decision.inputs["facts"]), get_policy_version(decision.policy_id).terms
    parts = [Part.from_json(each) for each in decision.parts or ()]
    verdict = decide_parts(terms, facts, parts) if parts else decide(terms, facts)
    refused = decision.inputs.get("budget_refusal")
    waits = decision.verdict == Decision.Verdict.QUEUED
    granted = verdict.chosen is not None and not waits and not (refused and _budget_cannot_pay(verdict, refused))
    outcome = "queued" if waits else verdict.outcome if granted else "denied"
    cost, print_ = (verdict.price, verdict.footprint) if granted else (None, None)
    names = ("service", "carbon", "justice", "renewable", "total")
    return {
        "verdict": outcome,
        "granted_tokens": verdict.granted_tokens if granted else 0,
        "region": verdict.chosen.code if granted and verdict.chosen else None,
        "starts_at": iso(verdict.starts_at) if granted else None,
        "price": {f"{name}_usd": usd(getattr(cost, name)) for name in names} if cost else None,
        "location_g": print_.location_g_central if print_ else None,
        "weight": verdict.weight.value,
    }


def _budget_cannot_pay(verdict: Verdict, refused: dict[str, Any]) -> bool:
    """Whether what the verdict costs is more than the budget is recorded to have had."""
    if verdict.price is None or verdict.footprint is None:
        return False
    unit = Unit(refused["unit"])
    needed = promised_amounts(
        tokens=verdict.granted_tokens,
        location_g=verdict.footprint.location_g_central,
        total_micro_usd=verdict.price.total,
        energy_wh=verdict.footprint.energy_wh_central,
    )
    return needed.of(unit) > to_steps(unit, Exact(str(refused["remaining"])))
