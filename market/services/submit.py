"""Taking a request in: claims checked, tokens counted, then decided at once or queued for the pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from budgets import selectors as budgets
from budgets.domain.estimates import Estimate, Mode, choose_mode
from budgets.domain.model_classes import require_class
from budgets.services import count_tokens
from climate import selectors as climate
from config.kernel.errors import InvalidInput, NotAllowed, NotFound
from config.kernel.transactions import transactional
from market.domain.asks import FURTHEST_DEADLINE, LARGEST_REQUEST_TOKENS, Ask, is_flexible, window_hours
from market.domain.facts import DecisionFacts
from market.domain.verdict import decide, without_grant
from market.models import AllocationRequest
from market.selectors.answers import answer_body
from market.selectors.facts import gather_facts
from market.selectors.policies import PolicyFacts, PurposeFacts, get_policy_in_force, get_purpose
from market.services.grant import Outcome, decide_and_take, hours_to_consider
from market.services.records import record, tokens_in_words, unsaved_decision

Status = AllocationRequest.Status


@transactional
def submit(*, ask: Ask, principal: Principal, now: datetime) -> Outcome:
    """Store a request and decide it, or queue it if it can wait.

    Raises InvalidInput or NotAllowed naming the field at fault, with nothing stored. A budget that
    cannot pay is an answer, not an error: the denial is stored and `Outcome.refusal` says which.
    """
    request, purpose, policy = _request(ask, principal, now)
    request.save(force_insert=True)
    if is_flexible(request.earliest_at, request.latest_at, now) and not request.is_simulated:
        return _queue(request, purpose, policy, now=now)
    outcome = decide_and_take(
        request,
        purpose=purpose,
        policy=policy,
        hours=hours_to_consider(request, now=now),
        window_hours=window_hours(now, request.latest_at),
        now=now,
    )
    if outcome is None:
        raise RuntimeError("A request that is decided at once is never left waiting.")
    return outcome


def quote(*, ask: Ask, principal: Principal, now: datetime) -> dict[str, Any]:
    """What would be decided now, over the whole window of work that can wait.

    Stores nothing, takes nothing; same refusals of bad input as `submit`.
    """
    request, purpose, policy = _request(ask, principal, now)
    facts = _facts(request, purpose, policy, hours=hours_to_consider(request, now=now), now=now)
    decision = unsaved_decision(request, policy, facts, decide(policy.terms, facts), now=now)
    return answer_body(request, decision, None)


def _queue(request: AllocationRequest, purpose: PurposeFacts, policy: PolicyFacts, *, now: datetime) -> Outcome:
    facts = _facts(request, purpose, policy, hours=[], now=now)
    reasons = (f"Can wait until {request.latest_at:%Y-%m-%d %H:%M} UTC: the next allocation pass places it.",)
    waiting = without_grant(policy.terms, facts, outcome="queued", reasons=reasons)
    decision = unsaved_decision(request, policy, facts, waiting, now=now)
    decision.explanation = (
        f"Queued. {waiting.reasons[0]} Policy {policy.name} v{policy.version}.{tokens_in_words(request)}"
    )
    return Outcome(decision=record(decision, status=Status.QUEUED))


def _facts(
    request: AllocationRequest,
    purpose: PurposeFacts,
    policy: PolicyFacts,
    *,
    hours: Sequence[datetime],
    now: datetime,
) -> DecisionFacts:
    return gather_facts(
        request,
        purpose=purpose,
        terms=policy.terms,
        hours=hours,
        window_hours=window_hours(now, request.latest_at),
        now=now,
    )


def _request(ask: Ask, principal: Principal, now: datetime) -> tuple[AllocationRequest, PurposeFacts, PolicyFacts]:
    """An unsaved request with everything about it checked."""
    if principal.team_id is None or principal.organisation_id is None:
        raise NotAllowed("You act for no team, so nobody would pay. Use the API key of a team, or join one.")
    policy = get_policy_in_force(ask.policy)
    purpose = get_purpose(ask.purpose)
    earliest, latest = _window(ask, now)
    if ask.what_if and not principal.may(Scope.REQUESTS_SIMULATE):
        raise NotAllowed(f"This needs the scope {Scope.REQUESTS_SIMULATE}.", field="carbon", code="missing_scope")
    origin = _origin(ask, principal)
    by_headquarters = policy.terms.company_scores_by_headquarters and principal.organisation_type == "company"
    request = AllocationRequest(
        organisation_id=principal.organisation_id,
        team_id=principal.team_id,
        policy_id=policy.id,
        purpose_id=purpose.name,
        actor=principal.actor,
        origin_code=origin,
        scored_code=principal.country_code if by_headquarters else origin,
        model_class=ask.model_class,
        earliest_at=earliest,
        latest_at=latest,
        latency_class=ask.latency_class,
        eligible_regions=_regions(ask),
        residency=_residency(ask),
        min_cfe_share=ask.min_cfe_share,
        may_split=ask.may_split,
        price_cap_micro_usd=ask.price_cap_micro_usd,
        is_simulated=ask.what_if is not None,
        carbon_override=_override(ask),
        complexity=ask.complexity,
        created_at=now,
        **_tokens(ask, purpose.name),
    )
    if not principal.may_claim_purpose(purpose.name):
        raise NotAllowed("Your team is not registered for this purpose.", field="purpose", code="claim_refused")
    request.budget_id = None if request.is_simulated else _budget_id(ask, principal)
    return request, purpose, policy


def _origin(ask: Ask, principal: Principal) -> str:
    origin = ask.origin or principal.country_code
    country = climate.find_country(origin)
    if country is None:
        raise InvalidInput("There is no country with this ISO 3166-1 code.", field="origin", code="unknown_origin")
    if not principal.may_claim_origin(origin):
        raise NotAllowed("Your team is not registered for this origin.", field="origin", code="claim_refused")
    return origin


def _window(ask: Ask, now: datetime) -> tuple[datetime, datetime]:
    """When the work may run. Without a deadline it is wanted as soon as it may start."""
    earliest = max(ask.earliest or now, now)
    latest = ask.latest or earliest
    if latest < now:
        raise InvalidInput("This deadline has passed.", field="latest", code="past_deadline")
    if latest < earliest:
        raise InvalidInput("The deadline is before the earliest start.", field="latest", code="empty_window")
    if latest - now > FURTHEST_DEADLINE:
        raise InvalidInput(f"A deadline is at most {FURTHEST_DEADLINE.days} days ahead.", field="latest")
    return earliest, latest


def _regions(ask: Ask) -> list[str] | None:
    if ask.eligible_regions is None:
        return None
    known = {region.code for region in climate.list_regions()}
    if unknown := sorted(set(ask.eligible_regions) - known):
        raise InvalidInput(
            f"No active region is called {', '.join(unknown)}.", field="eligible_regions", code="unknown_region"
        )
    if not ask.eligible_regions:
        raise InvalidInput("Name at least one region, or none at all for any.", field="eligible_regions")
    return list(ask.eligible_regions)


def _residency(ask: Ask) -> list[str] | None:
    """The countries its data may not leave. Some of them may have no region, as of a union's members."""
    if ask.residency is None:
        return None
    if not ask.residency:
        raise InvalidInput("Name at least one country, or none at all for any.", field="residency")
    if unknown := [code for code in ask.residency if climate.find_country(code) is None]:
        raise InvalidInput(
            f"There is no country with the ISO 3166-1 code {', '.join(unknown)}.",
            field="residency",
            code="unknown_country",
        )
    there = {region.code for region in climate.list_regions() if region.country_code in ask.residency}
    if not there:
        raise InvalidInput("No active region is in any of these countries.", field="residency", code="no_region_there")
    if ask.eligible_regions is not None and not there & set(ask.eligible_regions):
        raise InvalidInput(
            "None of the regions you name is in these countries.", field="residency", code="no_region_there"
        )
    return list(ask.residency)


def _budget_id(ask: Ask, principal: Principal) -> UUID:
    """The budget that pays, for this class too. One that is not the caller's looks like one that is not there."""
    if ask.budget_id is None:
        default = budgets.find_default_budget_id(team_id=principal.team_id or 0)
        if default is None:
            raise InvalidInput(
                "Your team has no default budget. Name the one that pays.", field="budget", code="no_budget"
            )
        require_class(budgets.get_owner(default).model_class, ask.model_class)
        return default
    try:
        state = budgets.get_budget(ask.budget_id)
    except NotFound:
        state = None
    if state is None or state.team_id != principal.team_id:
        raise NotAllowed("No budget of your team has this id.", field="budget", code="not_your_budget")
    require_class(state.model_class, ask.model_class)
    return state.id


def _tokens(ask: Ask, purpose: str) -> dict[str, Any]:
    """Tokens as stated, or counted from the text, or estimated from the shape of the work.

    What is left out is held at the estimate's 95th percentile beyond the input.
    """
    mode = choose_mode(Mode(ask.mode) if ask.mode else None, ask.complexity, budgets.get_estimate_terms())
    input_tokens, tokens, basis = ask.input_tokens, ask.tokens, "stated"
    if ask.text is not None and input_tokens is None:
        input_tokens = count_tokens(ask.text)
    estimate = _estimate(ask, mode, purpose, input_tokens)
    if tokens is None and estimate is not None:
        basis = "estimated" if ask.text is None else "counted"
        tokens = (input_tokens or 0) + estimate.p95_tokens
    if tokens is None:
        raise RuntimeError("Tokens that are left out are always estimated.")
    if input_tokens is not None and input_tokens > tokens:
        raise InvalidInput("More input tokens than tokens in all.", field="input_tokens")
    if tokens > LARGEST_REQUEST_TOKENS:
        raise InvalidInput(f"One request is at most {LARGEST_REQUEST_TOKENS} tokens.", field="tokens", code="too_large")
    return {
        "tokens": tokens,
        "input_tokens": input_tokens,
        "tokens_basis": basis,
        "mode": mode.value,
        "estimate": estimate.to_json() if estimate else None,
    }


def _estimate(ask: Ask, mode: Mode, purpose: str, input_tokens: int | None) -> Estimate | None:
    """What is predicted: where tokens are left out, and to learn from where the shape and the input are known."""
    has_shape = ask.mode is not None or ask.complexity is not None
    if ask.tokens is not None and not (has_shape and input_tokens is not None):
        return None
    return budgets.get_estimate(
        mode=mode, role_count=ask.roles, complexity=ask.complexity, model_class=ask.model_class, purpose=purpose
    )


def _override(ask: Ask) -> dict[str, Any] | None:
    if ask.what_if is None:
        return None
    return {
        "intensity_g_per_kwh": ask.what_if.intensity_g_per_kwh,
        "renewable_share": ask.what_if.renewable_share,
    }
