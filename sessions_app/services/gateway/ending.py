"""How a call ends: what it used by whose count, and what is stored of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from market.domain.inline import InlineUse
from sessions_app.domain.gateway.deployments import DeploymentFacts
from sessions_app.domain.gateway.wire import Usage
from sessions_app.models import GatewayCall
from sessions_app.services.gateway import rows
from sessions_app.services.gateway.attempts import Tries
from sessions_app.services.gateway.counting import count_text
from sessions_app.services.gateway.planning import Plan
from sessions_app.services.gateway.settlement import Finish
from sessions_app.services.gateway.wishes import Answered

Status, Basis = GatewayCall.Status, GatewayCall.UsageBasis
LONG_CHARACTERS = 20_000
MOST_TIMES_GRANTED = 10
"""A provider that tells more than so many times what was granted is wrong: then we count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Tokens, and who counted them."""

    usage: Usage
    basis: str


async def used_of(tries: Tries, told: Usage | None, written: str) -> Used:
    """What a call used: as the provider tells, where that can be; else as we count input and what was written."""
    if told is not None and _is_believable(tries, told, written):
        return Used(usage=told, basis=Basis.PROVIDER)
    output = (
        await asyncio.to_thread(_count, tries, written) if len(written) > LONG_CHARACTERS else _count(tries, written)
    )
    return Used(usage=Usage(input_tokens=tries.plan.input_tokens, output_tokens=output), basis=Basis.COUNTED)


def counted_now(tries: Tries, written: str) -> Used:
    """The same where nobody may wait for a thread: the loop is about to end."""
    output = _count(tries, written[:LONG_CHARACTERS])
    return Used(usage=Usage(input_tokens=tries.plan.input_tokens, output_tokens=output), basis=Basis.COUNTED)


def _count(tries: Tries, written: str) -> int:
    deployment = _deployment(tries)
    tokeniser = deployment.tokeniser if deployment else "o200k"
    return count_text(written, tokeniser=tokeniser).tokens if written else 0


def _is_believable(tries: Tries, told: Usage, written: str) -> bool:
    if min(told.input_tokens, told.output_tokens, told.cached_tokens, told.reasoning_tokens) < 0:
        return False
    if told.cached_tokens > told.input_tokens or told.reasoning_tokens > told.output_tokens:
        return False
    if told.total_tokens > MOST_TIMES_GRANTED * tries.grant.granted_tokens:
        return False
    # Nothing for something: a provider that leaves usage out may send zeros.
    return told.input_tokens > 0 and (told.output_tokens > 0 or not written)


def unused(plan: Plan, *, error_code: str) -> Finish:
    """What the settlement lane needs of a call that was admitted and never sent: all is given back."""
    now, row = timezone.now(), dict.fromkeys(rows.ENDED)
    ended = {"status": Status.FAILED, "fallback": plan.fallback, "error_code": error_code, "attempts": []}
    return Finish(
        call_id=plan.call_id,
        request_id=plan.request_id,
        actor=plan.wish.principal.actor,
        use=None,
        row=row | ended | {"usage_basis": "", "finished_at": now, "told_session_at": now},
        outcomes=(),
        answer=None,
        keeps_key=False,
        at=now,
    )


def finish_of(
    tries: Tries,
    *,
    status: str,
    used: Used | None,
    error_code: str = "",
    answer: Answered | None = None,
    fallback: str = "",
) -> Finish:
    """What the settlement lane needs of a call that ended. `used` None: nothing was used."""
    plan, now = tries.plan, timezone.now()
    wish, deployment = plan.wish, _deployment(tries)
    keeps_key = answer is not None and wish.idempotency_key is not None
    row: dict[str, Any] = {
        "status": status,
        "fallback": fallback or plan.fallback,
        "error_code": error_code,
        "deployment_id": deployment.id if deployment else None,
        "attempts": tries.attempts,
        "first_byte_ms": tries.first_byte_ms,
        "total_ms": (time.perf_counter() - plan.setup.began) * 1000,
        "upstream_ms": tries.upstream_ms,
        "finished_at": now,
        "told_session_at": None if plan.seat and plan.seat.agent and used else now,
    }
    return Finish(
        call_id=plan.call_id,
        request_id=plan.request_id,
        actor=wish.principal.actor,
        use=_use(plan, used.usage) if used is not None else None,
        row=row | _used_columns(used, deployment),
        outcomes=tuple(tries.outcomes),
        answer=answer if keeps_key else None,
        keeps_key=keeps_key,
        at=now,
    )


def _deployment(tries: Tries) -> DeploymentFacts | None:
    return tries.chosen.candidate.deployment if tries.chosen else None


def _use(plan: Plan, usage: Usage) -> InlineUse:
    return InlineUse(
        request_id=plan.request_id,
        actor=plan.wish.principal.actor,
        used_tokens=usage.total_tokens,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
    )


def _used_columns(used: Used | None, deployment: DeploymentFacts | None) -> dict[str, Any]:
    """Tokens of a call, who counted them, and what its provider takes for them."""
    tokens = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens"))
    if used is None:
        return {**tokens, "usage_basis": "", "provider_micro_usd": None}
    told = {name: getattr(used.usage, name) for name in tokens}
    price = deployment.provider_micro_usd(**told) if deployment else None
    return {**told, "usage_basis": used.basis, "provider_micro_usd": price}
