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

from config.kernel.errors import Conflict, DomainError, Exhausted, InvalidInput, StillRunning, Unavailable
from sessions_app.domain.gateway.plain_chat import unkept
from sessions_app.domain.gateway.terms import Rounds
from sessions_app.domain.gateway.triage import TriageMode
from sessions_app.domain.gateway.wire import ChatAsk, Usage
from sessions_app.models import GatewayCall, Round
from sessions_app.services.gateway import learning, rows
from sessions_app.services.gateway.admission import rate_exceeded
from sessions_app.services.gateway.background import change
from sessions_app.services.gateway.counting import cut_text
from sessions_app.services.gateway.planning import Setup
from sessions_app.services.gateway.repeats import WAIT_SECONDS
from sessions_app.services.gateway.unadmitted import name_call, row_of
from sessions_app.services.gateway.wishes import Answered, Figures, Wish
from sessions_app.services.rounds.council import CouncilAnswer, CouncilAsk, council_answer, is_short_enough

MOST_COUNCILS = 8
"""At once in a process; a call beyond that is answered by one model."""
PASSED_ON = (Unavailable, Exhausted)
"""Refusals after which one model answers, also where the caller asked for a council."""
OF_THE_CALL = {"purpose", "origin", "budget", "residency", "messages"}
"""Fields at fault that a call has. Others are those of a round, of which its caller knows nothing."""
FIELD_OF = {"question": "messages", "topic": "messages"}
FINGERPRINT = "council"
SHARE_OF_TIME = 0.75
"""Of what a call may take: the rest is left for one model, if the council comes to nothing."""
Status = GatewayCall.Status

_threads = ThreadPoolExecutor(MOST_COUNCILS, thread_name_prefix="council")
_open = 0


class OneModel(Exception):
    """One model is to answer instead; `why` in words that hold nothing of the call's text."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


async def answer(wish: Wish, setup: Setup) -> Answered:
    """What a council came to. Raises OneModel where one model is to answer instead.

    Where the caller asked for a council, that is so if none could be held or came to anything just now; else the
    refusal is raised, and names what was sent. Where triage chose, one model answers whatever is in a council's way.
    """
    is_asked_for = wish.mode == TriageMode.COUNCIL
    if not isinstance(wish.ask, ChatAsk):
        raise OneModel("A council answers chats only.")
    await _check(wish.ask, setup.snapshot.terms.rounds, is_asked_for=is_asked_for)
    try:
        return await _admitted(wish, setup)
    except DomainError as refusal:
        if refusal.code == "rate_limit_exceeded" or isinstance(refusal, StillRunning):
            raise
        if not is_asked_for or isinstance(refusal, PASSED_ON):
            raise OneModel(refusal.code) from refusal
        if isinstance(refusal, InvalidInput | Conflict):
            _name_what_was_sent(refusal, wish)
        raise


async def _check(ask: ChatAsk, terms: Rounds, *, is_asked_for: bool) -> None:
    """Raises InvalidInput that names what a council cannot keep, where the caller asked for one, else OneModel."""
    if not is_asked_for:
        if why := await asyncio.to_thread(why_one_model, ask, terms):
            raise OneModel(why)
    elif (lost := unkept(ask, most_output_tokens=terms.output_tokens)) is not None:
        raise InvalidInput(lost.words, field=lost.param, code="unsupported_by_council")


def why_one_model(ask: ChatAsk, terms: Rounds) -> str:
    """What of a chat is in the way of a council that nobody asked for; empty if nothing is. Words without its text."""
    if (lost := unkept(ask, most_output_tokens=terms.output_tokens)) is not None:
        return f"'{lost.param}' could not be kept"
    return "" if is_short_enough(ask.messages, terms) else "the question is too long for its agents"


def _name_what_was_sent(refusal: DomainError, wish: Wish) -> None:
    """A round's own fields mean nothing to whoever sent a chat."""
    field = FIELD_OF.get(refusal.field or "", refusal.field or "")
    if field not in OF_THE_CALL:
        field = "X-Commonwatt-Session" if wish.session_id else "X-Commonwatt-Mode"
        refusal.detail = f"The session can hold no council: {refusal.detail}"
    refusal.field = field


async def _admitted(wish: Wish, setup: Setup) -> Answered:
    """Raises Unavailable where too many are at work or nobody answered in time, and as `council_answer` does."""
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
    seconds = terms.calls.deadline_seconds(wish.deadline_seconds)
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
        name_call(refusal, call_id=call_id)
        raise
    finally:
        answered = _answered(wish, setup, call_id, found) if found is not None else None
        row = _end(wish, answered, "" if answered is not None else refusal_code, (time.perf_counter() - began) * 1000)
        await change(lambda: rows.end(row | {"id": call_id}, keeps_key=answered is not None))
    if answered is None:
        raise Unavailable("The council gave no answer.", code="council_failed")
    heard = found
    await change(lambda: _kept(wish, setup, call_id, heard))
    return answered


def _kept(wish: Wish, setup: Setup, call_id: UUID, found: CouncilAnswer) -> None:
    """Let the call lead to the round that answered it, whose agents' calls hold its tokens; and learn from that."""
    round_id, team_id, assessed = found.round_id, wish.principal.team_id, setup.looked.assessed
    told: dict[str, Any] = {
        "round_id": round_id,
        "session_id": Round.objects.filter(pk=round_id).values("session_id")[:1],
    }
    if assessed is not None and found.is_shortened:
        told["triage"] = assessed.to_json() | {"is_shortened": True}
    GatewayCall.objects.filter(pk=call_id).update(**told)
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
        ask = CouncilAsk(
            chat=wish.ask,
            session_id=wish.session_id,
            roles=setup.looked.assessed.assessment.roles if setup.looked.assessed else (),
            purpose=setup.purpose,
            origin=wish.origin or "",
            budget_id=wish.budget_id,
            residency=wish.residency,
            latency_class=wish.latency_class,
            deadline_seconds=SHARE_OF_TIME * seconds,
        )
        return council_answer(principal=wish.principal, ask=ask, clock=timezone.now)
    finally:
        close_old_connections()


def _answered(wish: Wish, setup: Setup, call_id: UUID, found: CouncilAnswer) -> Answered:
    """The answer that was chosen, within the caller's bound; usage, grams and price are those of all of its calls."""
    text, is_cut = found.text, False
    stated = wish.ask.max_output_tokens if isinstance(wish.ask, ChatAsk) else None
    if stated is not None:
        tokenisers = {each.deployment.tokeniser for each in setup.candidates}
        text, is_cut = cut_text(text, most_tokens=stated, tokenisers=tokenisers)
    message = {"role": "assistant", "content": text, "refusal": None}
    finish_reason = "length" if is_cut else "stop"
    return Answered(
        figures=Figures(
            call_id=str(call_id),
            request_id=None,
            carbon_g=found.spent.g or 0.0,
            total_micro_usd=found.spent.micro_usd or 0,
            remaining=found.remaining or None,
            remaining_unit=found.remaining_unit,
            warning_percent=found.warning_percent,
            max_tokens=setup.snapshot.terms.rounds.output_tokens if stated is None else None,
            is_settled=True,
            round_id=str(found.round_id),
            is_shortened=found.is_shortened,
        ),
        model=wish.ask.model,
        created=int(time.time()),
        usage=Usage(input_tokens=found.input_tokens, output_tokens=found.output_tokens),
        usage_basis=GatewayCall.UsageBasis.PROVIDER.value,
        choices=[{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
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
