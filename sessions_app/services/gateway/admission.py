"""The admission lane: grants and the rows of their calls, up to 64 in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from budgets.domain.refusals import BudgetExhausted
from config.kernel.errors import DomainError, StillRunning, Unavailable
from config.kernel.transactions import in_transaction
from market.domain.inline import InlineGrant
from market.services import grant_inline
from sessions_app.models import GatewayCall
from sessions_app.services.gateway import rows
from sessions_app.services.gateway.ending import unused
from sessions_app.services.gateway.lanes import Lane
from sessions_app.services.gateway.planning import Plan
from sessions_app.services.gateway.repeats import HEADER, recall_each
from sessions_app.services.gateway.settlement import SETTLEMENT
from sessions_app.services.gateway.unadmitted import name_call, row_of
from sessions_app.services.gateway.wishes import Answered

Status = GatewayCall.Status
RATE_SECONDS = 5
PATIENCE_SECONDS = 2.0
"""So long a grant is tried again over a lost connection, before the caller hears of it."""


@dataclass(slots=True)
class Admit:
    """A plan that wants to be admitted. `is_counted`: its caller's rate has counted it."""

    plan: Plan
    is_counted: bool = False


Admitted = InlineGrant | Answered


def admit(items: Sequence[Admit]) -> Sequence[Admitted | Exception]:
    """For each a grant, an answer that was kept, or the refusal. Refused by a budget or for want of room, the
    denial and the call are stored; other refusals leave nothing."""
    results: list[Admitted | Exception | None] = [None] * len(items)
    passing = []
    within = _within_rate(items)
    for index, is_within in enumerate(within):
        if is_within:
            passing.append(index)
        else:
            results[index] = rate_exceeded()
    if passing:
        decided = _decided([items[index].plan for index in passing])
        for index, result in zip(passing, decided, strict=True):
            results[index] = result
    return [each if each is not None else Unavailable("Nothing was decided.") for each in results]


def rate_exceeded() -> DomainError:
    """The refusal of a caller who calls too often."""
    return Unavailable("Too many calls.", code="rate_limit_exceeded", retry_after_seconds=RATE_SECONDS)


def _within_rate(items: Sequence[Admit]) -> list[bool]:
    counts: dict[tuple[Callable[[str, int], bool], str], list[int]] = defaultdict(list)
    within = [True] * len(items)
    for index, item in enumerate(items):
        count = item.plan.wish.is_within_rate
        if count is not None and not item.is_counted:
            counts[count, item.plan.wish.principal.actor].append(index)
    for (count, actor), indexes in counts.items():
        # All of a caller's calls of this batch where they fit; else one by one, as many as do.
        if count(actor, len(indexes)):
            passed = [True] * len(indexes)
        else:
            passed = [count(actor, 1) for _ in indexes] if len(indexes) > 1 else [False]
        for index, is_within in zip(indexes, passed, strict=True):
            within[index] = is_within
            items[index].is_counted = is_within
    return within


def _decided(plans: Sequence[Plan]) -> Sequence[Admitted | Exception]:
    now = max(plan.created_at for plan in plans)
    try:
        return in_transaction(lambda: _granted(plans, now=now))
    except IntegrityError:
        if len(plans) > 1 or plans[0].wish.idempotency_key is None:
            raise  # the lane tries each alone
        return [StillRunning(f"Another try with this {HEADER} began at the same moment.")]


def _granted(plans: Sequence[Plan], *, now: datetime) -> Sequence[Admitted | Exception]:
    results: list[Admitted | Exception | None] = list(recall_each([plan.wish for plan in plans], now=now))
    asking = [index for index, known in enumerate(results) if known is None]
    outcomes = grant_inline([plans[index].ask() for index in asking], now=now)
    begun = []
    for index, outcome in zip(asking, outcomes, strict=True):
        results[index] = outcome
        if isinstance(outcome, InlineGrant):
            begun.append(_row(plans[index], max_output_tokens=_output(plans[index], outcome)))
        elif isinstance(outcome, BudgetExhausted) or outcome.code == "no_room":
            _tell_least(plans[index], outcome)
            name_call(outcome, call_id=plans[index].call_id, request_id=plans[index].request_id)
            begun.append(_refused(plans[index], outcome))
    rows.insert(begun)
    return [each if each is not None else Unavailable("Nothing was decided.") for each in results]


def _output(plan: Plan, grant: InlineGrant) -> int | None:
    return plan.output_of(grant.granted_tokens) if plan.wish.is_chat else None


def _row(plan: Plan, *, max_output_tokens: int | None) -> dict[str, Any]:
    row = row_of(
        plan.wish, plan.setup, call_id=plan.call_id, lease_expires_at=plan.lease_expires_at, now=plan.created_at
    )
    return row | {
        "request_id": plan.request_id,
        "fallback": plan.fallback,
        "max_output_tokens": max_output_tokens,
    }


def _tell_least(plan: Plan, refusal: DomainError) -> None:
    """Where the caller stated no bound, less would have been granted: say how little was still too much."""
    least = plan.ask().least_tokens
    if least is not None and isinstance(refusal, BudgetExhausted):
        refusal.detail += f" {least:,} tokens in all, the least that is worth granting, are too many for it as well."
        refusal.facts["least_tokens"] = least


def _refused(plan: Plan, refusal: DomainError) -> dict[str, Any]:
    """A denial is worth a look on the page; its Idempotency-Key stays free for another try."""
    return _row(plan, max_output_tokens=None) | {
        "status": Status.REFUSED,
        "error_code": refusal.code,
        "finished_at": plan.created_at,
        "told_session_at": plan.created_at,
        "idempotency_key": None,
    }


def give_back(plan: Plan, *, error_code: str) -> None:
    """End a call whose grant nobody takes, or of which nobody knows whether it was granted."""
    SETTLEMENT.leave(unused(plan, error_code=error_code))


def _unwanted(item: Admit, result: Admitted) -> None:
    if isinstance(result, InlineGrant):
        give_back(item.plan, error_code="interrupted")


ADMISSION: Lane[Admit, Admitted] = Lane(
    "admission", admit, is_transaction=False, patience_seconds=PATIENCE_SECONDS, unwanted=_unwanted
)
