"""A call from its wish to its answer: looked at, admitted, attempted, settled. On the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.utils import timezone

from config.kernel.errors import DomainError, Unavailable
from market.domain.inline import InlineGrant, InlineSettled
from sessions_app.connectors.contract import Provider
from sessions_app.domain.gateway.terms import CACHED_SUMMARY
from sessions_app.domain.gateway.wire import EmbeddingsAsk, EmbeddingsReply, Reply, Target, Usage
from sessions_app.models import GatewayCall
from sessions_app.services.gateway import councils
from sessions_app.services.gateway.admission import ADMISSION, Admit, Admitted, give_back
from sessions_app.services.gateway.attempts import Tries, first_answer
from sessions_app.services.gateway.background import read
from sessions_app.services.gateway.ending import Used, counted_now, finish_of, used_of
from sessions_app.services.gateway.fallbacks import is_worth_less, summary_of, summary_unadmitted
from sessions_app.services.gateway.lanes import UNREACHABLE
from sessions_app.services.gateway.planning import Plan, Setup, look, plan
from sessions_app.services.gateway.repeats import recall
from sessions_app.services.gateway.reporting import report
from sessions_app.services.gateway.seen import text_of_choices
from sessions_app.services.gateway.settlement import SETTLEMENT, Finish, finish
from sessions_app.services.gateway.unadmitted import name_call
from sessions_app.services.gateway.wishes import Answered, Figures, Wish

Status = GatewayCall.Status


async def perform(wish: Wish) -> Answered:
    """The whole answer to a call, settled. Raises DomainErrors: nothing is left held.

    InvalidInput names the parameter or header at fault; BudgetExhausted says which budget and what is left;
    Unavailable with codes `no_room`, `no_deployment`, `upstream_...`, `deadline` comes where nobody could answer.
    """
    begun = await begin(wish)
    return begun if isinstance(begun, Answered) else await _whole(begun)


async def begin(wish: Wish) -> Tries | Answered:
    """A call that was admitted; or its answer, where an earlier try, a council or a stored summary gives it.

    Raises as `perform`.
    """
    if wish.idempotency_key is not None and (known := await read(lambda: recall(wish, now=timezone.now()))) is not None:
        return known
    began, setup, fallback = time.monotonic(), await look(wish, now=timezone.now()), ""
    if setup.looked.wants_council and "council" in setup.snapshot.terms.ladder:
        try:
            return await councils.answer(wish, setup)
        except councils.OneModel as instead_of_it:
            fallback = "express"
            if wish.deadline_seconds is not None:  # it bounds both
                wish = replace(wish, deadline_seconds=max(0.0, wish.deadline_seconds - (time.monotonic() - began)))
            # An estimate of one answer, not of a council's.
            wish = replace(wish, mode="express", no_council=instead_of_it.why)
            setup = await look(wish, now=timezone.now())
    try:
        ready = plan(wish, setup, now=timezone.now(), fallback=fallback)
        admitted = await _admitted(ready)
    except Unavailable as refusal:
        return await _summary_or(refusal, wish, setup)
    return Tries(plan=ready, grant=admitted) if isinstance(admitted, InlineGrant) else admitted


async def _admitted(ready: Plan) -> Admitted:
    """The grant, or an answer that was kept. Raises the refusal, or Unavailable with code `deadline`."""
    try:
        async with asyncio.timeout(max(0.0, ready.deadline - time.monotonic())):
            return await ADMISSION.submit(Admit(ready))
    except TimeoutError:
        raise Unavailable("The ledger did not answer before the deadline.", code="deadline") from None
    except Unavailable as refusal:
        if refusal.code == UNREACHABLE:
            give_back(ready, error_code=UNREACHABLE)  # where it was granted, nobody takes it
        raise


async def _summary_or(refusal: Unavailable, wish: Wish, setup: Setup) -> Answered:
    """The last step of the ladder, where it applies; else the refusal."""
    summary = await summary_unadmitted(wish, setup, refusal) if is_worth_less(refusal, setup) else None
    if summary is None:
        raise refusal
    return summary


async def _whole(tries: Tries) -> Answered:
    with surely_ended(tries) as end:
        try:
            reply = await first_answer(tries, _send(tries.plan.wish))
        except DomainError as refusal:
            return await instead(tries, refusal, end)
        tries.answered()
        written = text_of_choices(reply.choices) if isinstance(reply, Reply) else ""
        used = await used_of(tries, _told(reply), written)
        answer = answer_of(tries, reply, used)
        end.item = finish_of(tries, status=Status.ANSWERED, used=used, answer=answer)
    return await concluded(tries, answer, end.item)


def _send(wish: Wish) -> Callable[[Provider, Target, int], Awaitable[Reply | EmbeddingsReply]]:
    ask = wish.ask

    async def send(provider: Provider, target: Target, most: int) -> Reply | EmbeddingsReply:
        if isinstance(ask, EmbeddingsAsk):
            return await provider.embed(target, ask)
        return await provider.chat(target, ask, max_output_tokens=most)

    return send


def _told(reply: Reply | EmbeddingsReply) -> Usage | None:
    if isinstance(reply, Reply):
        return reply.usage
    return None if reply.input_tokens is None else Usage(input_tokens=reply.input_tokens, output_tokens=0)


def figures_of(tries: Tries) -> Figures:
    """What was granted, as it stands when the answer begins."""
    plan, chosen = tries.plan, tries.chosen
    most = tries.max_output_tokens
    stated = None if plan.is_chosen else plan.output_tokens
    return Figures.of_grant(
        plan.call_id,
        tries.grant,
        deployment=chosen.candidate.deployment.name if chosen else "",
        max_tokens=most if plan.wish.is_chat and most != stated else None,
        fallback=plan.fallback,
    )


def answer_of(tries: Tries, reply: Reply | EmbeddingsReply, used: Used) -> Answered:
    """A whole answer with the figures of the grant."""
    return Answered(
        figures=figures_of(tries),
        model=tries.plan.wish.ask.model,
        created=int(time.time()),
        usage=used.usage,
        usage_basis=used.basis,
        choices=reply.choices if isinstance(reply, Reply) else (),
        vectors=reply.vectors if isinstance(reply, EmbeddingsReply) else (),
        fingerprint=reply.fingerprint if isinstance(reply, Reply) else "",
    )


async def concluded(tries: Tries, answer: Answered, item: Finish) -> Answered:
    """Settle a call that was answered and tell its session; the answer with what it came to."""
    settled: InlineSettled | None = await finish(item)
    await report(tries.plan, answer.usage, now=item.at)
    return answer if settled is None else replace(answer, figures=answer.figures.settled(settled))


@dataclass(slots=True)
class End:
    """How a call ends, as soon as that is known. `is_passed_on`: somebody else sees to it now."""

    item: Finish | None = None
    is_passed_on: bool = False


async def instead(tries: Tries, refusal: DomainError, end: End) -> Answered:
    """Give back what was granted; then a summary where that may stand in for an answer, else the refusal."""
    plan, summary = tries.plan, None
    if is_worth_less(refusal, plan.setup):
        summary = await summary_of(plan.wish, call_id=plan.call_id, request_id=plan.request_id)
    status, fallback = (Status.ANSWERED, CACHED_SUMMARY) if summary else (Status.FAILED, "")
    end.item = finish_of(tries, status=status, used=None, error_code=refusal.code, fallback=fallback)
    await finish(end.item)
    if summary is None:
        name_call(refusal, call_id=plan.call_id, request_id=plan.request_id)
        raise refusal
    return summary


@contextmanager
def surely_ended(tries: Tries, written: Callable[[], str] = str) -> Iterator[End]:
    """Settle a call whatever happens: cancelled, as by the end of the server, or broken by a fault of ours.

    What was under way may be charged by its provider: input and what was written are then settled as counted.
    """
    end = End()
    try:
        yield end
    finally:
        if end.item is None and not end.is_passed_on:
            text = written()
            used = counted_now(tries, text) if tries.is_under_way or text else None
            SETTLEMENT.leave(finish_of(tries, status=Status.CUT, used=used, error_code="interrupted"))
