"""A call that a council answers. Its agents' calls are admitted one by one; the call itself holds nothing."""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, close_old_connections, transaction
from django.utils import timezone

from config.kernel.errors import DomainError, Exhausted, StillRunning, Unavailable
from sessions_app.domain.gateway.wire import ChatAsk, Usage
from sessions_app.models import GatewayCall, Round
from sessions_app.services.gateway import learning, rows
from sessions_app.services.gateway.admission import rate_exceeded
from sessions_app.services.gateway.background import change
from sessions_app.services.gateway.planning import Setup
from sessions_app.services.gateway.repeats import WAIT_SECONDS
from sessions_app.services.gateway.unadmitted import row_of
from sessions_app.services.gateway.wishes import Answered, Figures, Wish
from sessions_app.services.rounds.council import CouncilAnswer, council_answer

MOST_COUNCILS = 8
"""At once in a process; a call beyond that is answered by one model."""
PASSED_ON = (Unavailable, Exhausted)
"""Refusals after which one model answers."""
FINGERPRINT = "council"
SHARE_OF_TIME = 0.75
"""Of what a call may take: the rest is left for one model, if the council comes to nothing."""
Status = GatewayCall.Status

_threads = ThreadPoolExecutor(MOST_COUNCILS, thread_name_prefix="council")
_open = 0


async def answer(wish: Wish, setup: Setup) -> Answered:
    """What a council came to. Raises Unavailable where too many are at work or nobody answered in time, and as
    `council_answer` does."""
    global _open
    if wish.is_within_rate is not None and not await change(lambda: _is_within(wish)):
        raise rate_exceeded()
    if _open >= MOST_COUNCILS:
        raise Unavailable("Too many councils are at work.", code="council_busy")
    _open += 1
    try:
        return await _held(wish, setup)
    finally:
        _open -= 1


def _is_within(wish: Wish) -> bool:
    return wish.is_within_rate is None or wish.is_within_rate(wish.principal.actor, 1)


async def _held(wish: Wish, setup: Setup) -> Answered:
    terms, now, call_id = setup.snapshot.terms, timezone.now(), uuid.uuid4()
    seconds = min(wish.deadline_seconds or terms.calls.default_deadline_seconds, terms.calls.most_deadline_seconds)
    until = now + timedelta(seconds=seconds + terms.calls.lease_margin_seconds)
    began = time.perf_counter()
    begun = row_of(wish, setup, call_id=call_id, lease_expires_at=until, now=now)
    await change(lambda: _store(begun))
    found: CouncilAnswer | None = None
    refusal_code = "interrupted"
    try:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(_threads, lambda: _asked(wish, setup, seconds))
    except DomainError as refusal:
        refusal_code = refusal.code
        raise
    finally:
        answered = _answered(wish, call_id, found) if found is not None else None
        row = _end(wish, answered, "" if answered is not None else refusal_code, (time.perf_counter() - began) * 1000)
        await change(lambda: rows.end(row | {"id": call_id}, keeps_key=answered is not None))
    if answered is None:
        raise Unavailable("The council gave no answer.", code="council_failed")
    round_id = found.round_id
    await change(lambda: _kept(wish, setup, call_id, round_id))
    return answered


def _kept(wish: Wish, setup: Setup, call_id: UUID, round_id: UUID) -> None:
    """Let the call lead to the round that answered it, whose agents' calls hold its tokens; and learn from that."""
    session = Round.objects.filter(pk=round_id).values("session_id")[:1]
    GatewayCall.objects.filter(pk=call_id).update(round_id=round_id, session_id=session)
    team_id, assessed = wish.principal.team_id, setup.looked.assessed
    if team_id is not None and assessed is not None:
        kind = assessed.assessment.kind
        learning.note_council(team_id=team_id, kind=kind, round_id=round_id, now=timezone.now())


def _store(row: dict[str, Any]) -> None:
    """Store a call that begins. Raises StillRunning where another took its Idempotency-Key in the same moment."""
    try:
        with transaction.atomic():
            rows.insert([row])
    except IntegrityError as error:
        if row["idempotency_key"] is None:
            raise
        words = "Another try with this Idempotency-Key is being answered."
        raise StillRunning(words, retry_after_seconds=WAIT_SECONDS) from error


def _asked(wish: Wish, setup: Setup, seconds: float) -> CouncilAnswer:
    if not isinstance(wish.ask, ChatAsk):
        raise Unavailable("A council answers chats only.")
    close_old_connections()
    try:
        return council_answer(
            principal=wish.principal,
            ask=wish.ask,
            clock=timezone.now,
            session_id=wish.session_id,
            roles=setup.looked.assessed.assessment.roles if setup.looked.assessed else (),
            purpose=setup.purpose,
            origin=wish.origin,
            budget_id=wish.budget_id,
            deadline_seconds=SHARE_OF_TIME * seconds,
        )
    finally:
        close_old_connections()


def _answered(wish: Wish, call_id: UUID, found: CouncilAnswer) -> Answered:
    message = {"role": "assistant", "content": found.text, "refusal": None}
    return Answered(
        figures=Figures(
            call_id=str(call_id),
            request_id=None,
            carbon_g=found.spent.g or 0.0,
            total_micro_usd=found.spent.micro_usd or 0,
            is_settled=True,
        ),
        model=wish.ask.model,
        created=int(time.time()),
        usage=Usage(input_tokens=found.input_tokens, output_tokens=found.output_tokens),
        usage_basis=GatewayCall.UsageBasis.PROVIDER.value,
        choices=[{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        fingerprint=FINGERPRINT,
    )


def _end(wish: Wish, answered: Answered | None, error_code: str, total_ms: float) -> dict[str, Any]:
    """Tokens stand with the calls of its agents: here they would be counted twice."""
    now = timezone.now()
    row: dict[str, Any] = dict.fromkeys(rows.ENDED)
    kept = replace(answered).to_json() if answered is not None and wish.idempotency_key is not None else None
    return row | {
        "status": Status.ANSWERED if answered is not None else Status.FAILED,
        "fallback": "",
        "error_code": error_code,
        "attempts": [],
        "usage_basis": "",
        "total_ms": total_ms,
        "finished_at": now,
        "told_session_at": now,
        "answer": kept,
    }
