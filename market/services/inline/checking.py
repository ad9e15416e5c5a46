"""Checking an ask for tokens that are wanted now, as `submit` checks a request, out of what the process has read."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from budgets import selectors as budgets
from budgets.domain.model_classes import require_class
from climate.domain.model_classes import MODEL_CLASSES
from config.kernel.errors import InvalidInput, NotAllowed, NotFound
from market.domain.asks import LARGEST_REQUEST_TOKENS
from market.domain.inline import InlineAsk
from market.selectors.policies import PurposeFacts
from market.selectors.scenes import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An ask with everything about it found to be in order: who pays, what it is for, whose need counts."""

    ask: InlineAsk
    organisation_id: int
    team_id: int
    purpose: PurposeFacts
    scored_code: str
    budget_id: UUID


def checked(ask: InlineAsk, scene: Scene) -> Checked:
    """The ask, checked. Raises InvalidInput or NotAllowed naming the field at fault, in the words of `submit`."""
    principal = ask.principal
    if principal.team_id is None or principal.organisation_id is None:
        raise NotAllowed("You act for no team, so nobody would pay. Use the API key of a team, or join one.")
    purpose = scene.purpose(ask.purpose)
    _check_origin(ask, scene)
    _check_places(ask, scene)
    _check_work(ask, scene)
    if not principal.may_claim_purpose(purpose.name):
        raise NotAllowed("Your team is not registered for this purpose.", field="purpose", code="claim_refused")
    by_headquarters = scene.policy.terms.company_scores_by_headquarters and principal.organisation_type == "company"
    return Checked(
        ask=ask,
        organisation_id=principal.organisation_id,
        team_id=principal.team_id,
        purpose=purpose,
        scored_code=principal.country_code if by_headquarters else ask.origin,
        budget_id=_budget_id(ask, principal.team_id, scene),
    )


def _check_origin(ask: InlineAsk, scene: Scene) -> None:
    if scene.country(ask.origin) is None:
        raise InvalidInput("There is no country with this ISO 3166-1 code.", field="origin", code="unknown_origin")
    if not ask.principal.may_claim_origin(ask.origin):
        raise NotAllowed("Your team is not registered for this origin.", field="origin", code="claim_refused")


def _check_places(ask: InlineAsk, scene: Scene) -> None:
    if not ask.regions:
        raise InvalidInput("Name at least one region.", field="eligible_regions")
    if unknown := sorted(set(ask.regions) - scene.regions.keys()):
        raise InvalidInput(
            f"No active region is called {', '.join(unknown)}.", field="eligible_regions", code="unknown_region"
        )
    if ask.residency is None:
        return
    if not ask.residency:
        raise InvalidInput("Name at least one country, or none at all for any.", field="residency")
    if unknown := [code for code in ask.residency if scene.country(code) is None]:
        raise InvalidInput(
            f"There is no country with the ISO 3166-1 code {', '.join(unknown)}.",
            field="residency",
            code="unknown_country",
        )
    if not any(scene.regions[code].country_code in ask.residency for code in ask.regions):
        raise InvalidInput(
            "None of the regions you name is in these countries.", field="residency", code="no_region_there"
        )


def _check_work(ask: InlineAsk, scene: Scene) -> None:
    if ask.model_class not in MODEL_CLASSES:
        raise InvalidInput(f"A model class is one of {', '.join(MODEL_CLASSES)}.", field="model_class")
    if ask.latency_class not in scene.policy.terms.latency_km:
        raise InvalidInput("There is no such latency class.", field="latency_class")
    if ask.tokens <= 0 or ask.input_tokens < 0:
        raise InvalidInput("Work takes at least one token.", field="tokens")
    if ask.input_tokens > ask.tokens:
        raise InvalidInput("More input tokens than tokens in all.", field="input_tokens")
    if ask.tokens > LARGEST_REQUEST_TOKENS:
        raise InvalidInput(f"One request is at most {LARGEST_REQUEST_TOKENS} tokens.", field="tokens", code="too_large")
    if ask.least_tokens is not None and not 0 < ask.least_tokens <= ask.tokens:
        raise InvalidInput("The least is more than nothing, and not more than all.", field="tokens")


def _budget_id(ask: InlineAsk, team_id: int, scene: Scene) -> UUID:
    """The budget that pays, for this class too. One that is not the caller's looks like one that is not there."""
    if ask.budget_id is None:
        default = scene.default_budget_id(team_id)
        if default is None:
            raise InvalidInput(
                "Your team has no default budget. Name the one that pays.", field="budget", code="no_budget"
            )
        require_class(budgets.get_owner(default).model_class, ask.model_class)
        return default
    try:
        owner = budgets.get_owner(ask.budget_id)
    except NotFound:
        owner = None
    if owner is None or owner.team_id != team_id:
        raise NotAllowed("No budget of your team has this id.", field="budget", code="not_your_budget")
    require_class(owner.model_class, ask.model_class)
    return ask.budget_id
