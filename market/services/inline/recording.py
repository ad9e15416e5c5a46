"""Requests and decisions of a batch as rows: the same that `submit` stores, written at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from budgets.domain.asks import PlacedHold
from budgets.domain.refusals import BudgetExhausted
from config.kernel.errors import DomainError
from config.kernel.inserting import insert_of
from config.kernel.raw import Statement, run_all
from market.domain.explanation import explain_estimate
from market.domain.inline import InlineAsk
from market.domain.verdict import refused_by_budget
from market.models import AllocationRequest, Decision
from market.selectors.drafts import columns_of
from market.selectors.policies import PolicyFacts
from market.services.inline.deciding import Decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A decided ask, the hold that pays for it, or the budget's refusal."""

    decided: Decided
    hold: PlacedHold | None
    refusal: DomainError | None


def record_all(
    records: Sequence[Record], promises: Sequence[Statement], policy: PolicyFacts, *, now: datetime
) -> list[int]:
    """Take what was promised and store each ask as a request with its decision; the ids of the decisions, in order."""
    if not records:
        return []
    decisions = [_decision(each, policy, now=now) for each in records]
    requests = [_request(each, row["verdict"], policy, now=now) for each, row in zip(records, decisions, strict=True)]
    told = run_all([*promises, insert_of(AllocationRequest, requests), insert_of(Decision, decisions, returning="id")])
    return [row[0] for row in told[-1]]


def _request(record: Record, status: str, policy: PolicyFacts, *, now: datetime) -> dict[str, Any]:
    of = record.decided.of
    ask = of.ask
    return {
        "id": ask.request_id,
        "organisation_id": of.organisation_id,
        "team_id": of.team_id,
        "budget_id": of.budget_id,
        "policy_id": policy.id,
        "purpose_id": of.purpose.name,
        "actor": ask.principal.actor,
        "origin_code": ask.origin,
        "scored_code": of.scored_code,
        "model_class": ask.model_class,
        "tokens": ask.tokens,
        "input_tokens": ask.input_tokens,
        "tokens_basis": ask.tokens_basis,
        "mode": ask.mode.value,
        "complexity": ask.complexity,
        "estimate": ask.estimate.to_json() if ask.estimate else None,
        "earliest_at": now,
        "latest_at": now,
        "latency_class": ask.latency_class,
        "eligible_regions": list(ask.regions),
        "residency": None if ask.residency is None else list(ask.residency),
        "price_cap_micro_usd": ask.price_cap_micro_usd,
        "status": status,
        "created_at": now,
    }


def _decision(record: Record, policy: PolicyFacts, *, now: datetime) -> dict[str, Any]:
    decided, ask = record.decided, record.decided.of.ask
    refusal = record.refusal if isinstance(record.refusal, BudgetExhausted) else None
    columns = columns_of(
        policy,
        decided.facts,
        refused_by_budget(decided.verdict, refusal.detail) if refusal else decided.verdict,
        estimate=ask.estimate.to_json() if ask.estimate else None,
        words=_tokens_in_words(ask),
        made_at=now,
    )
    if refusal:
        columns["inputs"]["budget_refusal"] = {"detail": refusal.detail, **refusal.facts}
    if record.hold and decided.grant:
        columns["hold_id"], columns["hold_expires_at"] = record.hold.hold_id, record.hold.expires_at
        columns["fund_reserved_micro_usd"] = decided.grant.price.from_fund
    return {"request_id": ask.request_id, "sequence": 1, **columns}


def _tokens_in_words(ask: InlineAsk) -> str:
    if ask.estimate is None or ask.tokens_basis == "stated":
        return ""
    return f" {explain_estimate(ask.estimate, input_tokens=ask.input_tokens)}"
