"""Why a request was decided as it was, and the verdict computed again from what is stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from market.domain.explanation import usd
from market.domain.facts import DecisionFacts
from market.domain.justice import need_score, weigh
from market.domain.placement.counterfactuals import Option
from market.domain.placement.handback import HEADROOM_SHARE
from market.domain.placement.plan import PlacementVerdict, PlanInputs, WaitingReason
from market.domain.placement.story import tell
from market.domain.placement.story_words import Told
from market.models import AllocationRequest, AllocationRun, Decision, Placement
from market.selectors.answers import candidate_rows, explain_again, iso, verdict_of
from market.selectors.plan_stories import find_told, party_of, plan_candidates
from market.selectors.planned import Standing
from market.selectors.policies import get_policy_version

MONEY = ("service", "carbon", "justice", "renewable")


def explain(standing: Standing) -> dict[str, Any]:
    """Inputs, stored verdict and the verdict computed again; `plan` is the story of the plan that placed it, if any."""
    decision, run = standing.decision, standing.run
    if run is None:
        return _of_decision(decision)
    told = find_told(decision.request, run, standing.rows)
    if told is None:
        rows = {"placements": [_row(each) for each in standing.rows]}
        return {**explain_again(decision), "stored": rows, "recomputed": {}, "agrees": False, "plan": None}
    if standing.is_planned:
        stored, recomputed = _stored(told.inputs, decision, standing.rows), _recomputed(told, decision, standing.rows)
    else:
        stored, recomputed = _stored_wait(standing.rows[0]), _recomputed_wait(told, decision.request, run)
    return {
        "explanation": decision.explanation,
        "policy": {"name": decision.policy.name, "version": decision.policy.version, "body": decision.policy.body},
        "inputs": {**decision.inputs, "run": run.pk, "placements": [_row(each) for each in standing.rows]},
        "stored": stored,
        "recomputed": recomputed,
        "agrees": stored == recomputed,
        "plan": tell(told),
    }


def list_candidates(standing: Standing) -> list[dict[str, Any]]:
    """The region-hours that were looked at, best first: by the plan that placed the request, or by its decision."""
    decision, run, rows = standing.decision, standing.run, standing.rows
    if run is None:
        run, rows = decision.run, _rows_of(decision)
    told = find_told(decision.request, run, rows) if run is not None else None
    return candidate_rows(decision) if told is None else plan_candidates(told)


def _of_decision(decision: Decision) -> dict[str, Any]:
    """A stored decision; one that a plan's promise became is told with the plan, as long as that is kept."""
    told = None if decision.run is None else find_told(decision.request, decision.run, _rows_of(decision))
    return {**explain_again(decision), "plan": None if told is None else tell(told)}


def _rows_of(decision: Decision) -> tuple[Placement, ...]:
    """The rows of the plan whose promise this decision became."""
    if decision.run_id is None:
        return ()
    return tuple(Placement.objects.filter(run=decision.run_id, request=decision.request_id).order_by("part"))


def _stored(inputs: PlanInputs, decision: Decision, rows: Sequence[Placement]) -> dict[str, Any]:
    """What the rows of the plan say. That its place is the best, a plan claims unless its solver failed."""
    placed = [row for row in rows if row.tokens]
    largest = max(placed, key=lambda row: row.tokens)
    money = {name: sum(getattr(row, f"{name}_micro_usd") for row in placed) for name in MONEY}
    total = money["service"] + money["carbon"] + money["justice"] - money["renewable"]
    begins = max(inputs.hour_at(largest.hour), decision.request.earliest_at, inputs.made_at)
    return {
        "verdict": PlacementVerdict(rows[0].verdict).name.lower(),
        "granted_tokens": sum(row.tokens for row in placed),
        "region": inputs.sites[largest.site].region,
        "starts_at": iso(begins),
        "price": {f"{name}_usd": usd(value) for name, value in {**money, "total": total}.items()},
        "from_fund_usd": usd(sum(row.from_fund_micro_usd for row in placed)),
        "energy_wh": sum(row.energy_wh for row in placed),
        "location_g": sum(row.location_g for row in placed),
        "avoided_g": _avoided([row.avoided_g for row in placed]),
        "weight": inputs.parties[largest.party].weight,
        "party": _party_of_row(inputs, largest),
        "is_eligible": True,
        "is_best_place": True,
    }


def _recomputed(told: Told, decision: Decision, rows: Sequence[Placement]) -> dict[str, Any]:
    """The same by the scalar rules: price and carbon, window and rules, and the certificate of the place."""
    verdict = verdict_of(decision)
    asked = decision.request.tokens
    return {
        **verdict,
        "from_fund_usd": usd(told.price.from_fund) if told.price else None,
        "energy_wh": decision.energy_wh_central,
        "avoided_g": decision.avoided_g,
        "verdict": "granted" if verdict["granted_tokens"] == asked else "partial",
        "weight": _weight_in_plan(told.inputs, decision),
        "party": list(party_of(decision.request, told.inputs)),
        "is_eligible": all(each.is_eligible for each in told.certificates),
        "is_best_place": told.is_degraded or all(each.holds for each in told.certificates),
    }


def _avoided(parts: Sequence[float | None]) -> float | None:
    """Of all parts; unknown where it is of any."""
    known = [each for each in parts if each is not None and not math.isnan(each)]
    return sum(known) if len(known) == len(parts) else None


def _stored_wait(row: Placement) -> dict[str, Any]:
    return {"verdict": "queued", "granted_tokens": 0, "reason": WaitingReason(row.reason).name.lower()}


def _recomputed_wait(told: Told, request: AllocationRequest, run: AllocationRun) -> dict[str, Any]:
    return {"verdict": "queued", "granted_tokens": 0, "reason": _reason_again(told, request, run).name.lower()}


def _reason_again(told: Told, request: AllocationRequest, run: AllocationRun) -> WaitingReason:
    """Why it waits, by the region-hours it could use; what its budget and the Fund had then is as recorded."""
    has_cap = request.price_cap_micro_usd is not None
    is_rounded = has_cap and told.inputs.caps_are_rounded
    if not told.options:
        return WaitingReason.NOT_ELIGIBLE
    match told.reason:
        case WaitingReason.NOT_ELIGIBLE:
            return told.reason if is_rounded else WaitingReason.FULL
        case WaitingReason.FULL:
            claims_nothing = told.is_degraded or is_rounded or _lost_some(told.inputs, run)
            has_room = not claims_nothing and any(_had_room(told, each) for each in told.options)
            return WaitingReason.NONE if has_room else told.reason
        case WaitingReason.FUND:
            return told.reason if has_cap else WaitingReason.NONE
        case WaitingReason.CARBON_BUDGET:
            return WaitingReason.NONE if run.record.get("carbon_budget_ng") is None else told.reason
    return told.reason


def _lost_some(inputs: PlanInputs, run: AllocationRun) -> bool:
    """Whether room was taken, or work withdrawn, between the drawing of the plan and its coming into force."""
    return (run.planned_tokens or 0) < int(inputs.arrays["planned_tokens"].sum())


def _had_room(told: Told, option: Option) -> bool:
    """Room for the whole of it, beyond what plans leave for rounding to whole requests."""
    headroom = math.floor(option.room_tokens * HEADROOM_SHARE)
    return option.free_tokens >= told.asked_tokens and option.free_tokens > headroom


def _party_of_row(inputs: PlanInputs, row: Placement) -> list[str]:
    party = inputs.parties[row.party]
    return [party.origin, party.scored, party.purpose]


def _weight_in_plan(inputs: PlanInputs, decision: Decision) -> float:
    """By the plan's policy, whatever policy the request names."""
    facts, terms = DecisionFacts.from_json(decision.inputs["facts"]), get_policy_version(inputs.terms_policy_id).terms
    country = facts.scored_country if terms.company_scores_by_headquarters else facts.origin
    return weigh(
        priority=facts.priority,
        country=country,
        score=need_score(country).score,
        home_renewable_share=facts.home_renewable_share,
        emergency_multiplier=facts.emergency_multiplier,
        terms=terms,
    ).value


def _row(row: Placement) -> dict[str, Any]:
    names = ("part", "verdict", "reason", "site", "hour", "party", "tokens", "from_fund_micro_usd", "location_g")
    return {name: getattr(row, name) for name in names}
