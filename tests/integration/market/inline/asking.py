"""Asks for tokens that are wanted now, and the same by the ordinary services."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from budgets.domain.estimates import Mode
from market import services as market
from market.domain.asks import Ask
from market.domain.inline import InlineAsk, InlineReturn, InlineUse
from market.models import AllocationRequest, Decision
from market.selectors.policies import get_policy_in_force
from market.selectors.scenes import forget_scene
from tests.integration.world import NOW, Team

REGIONS = ("aws-eu-north-1", "aws-eu-west-3", "aws-us-east-1")


def lease(now: datetime = NOW) -> datetime:
    """When a grant of the ordinary services runs out."""
    return now + timedelta(minutes=get_policy_in_force().terms.hold_lease_minutes)


def inline_ask(team: Team, **changes: Any) -> InlineAsk:
    """300 tokens of class S for general research, 100 of them input, at any of three regions."""
    values: dict[str, Any] = {
        "request_id": uuid4(),
        "principal": team.principal,
        "purpose": "general_ai_research",
        "origin": "DE",
        "model_class": "S",
        "tokens": 300,
        "input_tokens": 100,
        "tokens_basis": "stated",
        "regions": REGIONS,
        "lease_expires_at": lease(),
        "mode": Mode.EXPRESS,
    }
    return InlineAsk(**{**values, **changes})


def grant(*asks: InlineAsk, now: datetime = NOW) -> list[Any]:
    """What becomes of these asks, decided by what is in the database now."""
    forget_scene()
    return market.grant_inline(asks, now=now)


def submit_the_same(ask: InlineAsk, *, now: datetime = NOW) -> market.Outcome:
    """The same by `submit`, dispatched if it was granted."""
    outcome = market.submit(
        ask=Ask(
            purpose=ask.purpose,
            origin=ask.origin,
            model_class=ask.model_class,
            tokens=ask.tokens,
            input_tokens=ask.input_tokens,
            budget_id=ask.budget_id,
            latency_class=ask.latency_class,
            eligible_regions=tuple(ask.regions),
            residency=None if ask.residency is None else tuple(ask.residency),
            price_cap_micro_usd=ask.price_cap_micro_usd,
            complexity=ask.complexity,
        ),
        principal=ask.principal,
        now=now,
    )
    if outcome.decision.verdict in ("granted", "partial"):
        market.dispatch(request_id=outcome.decision.request_id, fence=None, actor=ask.principal.actor, now=now)
    return outcome


def request_of(ask: InlineAsk) -> AllocationRequest:
    """The request that was stored for an ask."""
    return AllocationRequest.objects.get(pk=ask.request_id)


def decision_of(ask: InlineAsk) -> Decision:
    """Its newest decision."""
    return request_of(ask).decisions.latest("sequence")


def settle_inline(uses: Sequence[InlineUse], *, now: datetime) -> list[Any]:
    """What came of calls that used something."""
    return market.end_inline(uses, now=now)[0]


def release_inline(request_ids: Sequence[UUID], *, actor: str, reason: str, now: datetime) -> list[Any]:
    """None, or a refusal, of each call of which nothing was used."""
    returns = [InlineReturn(request_id=each, actor=actor, reason=reason) for each in request_ids]
    return market.end_inline([], returns, now=now)[1]
