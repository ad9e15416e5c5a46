"""Calls of models by our own code: from any thread that is not an event loop's, or from one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack
from uuid import UUID

from accounts.domain.principal import Principal
from accounts.services.idempotency import fingerprint_of
from config.kernel.errors import Unavailable
from sessions_app.domain.gateway.wire import ANYWHERE, ChatAsk, EmbeddingsAsk, Usage
from sessions_app.services.gateway import engine
from sessions_app.services.gateway.background import close_connections
from sessions_app.services.gateway.seen import text_of_choices
from sessions_app.services.gateway.wishes import Answered, Wish

DEADLINE_SECONDS = 60.0
SETTLING_SECONDS = 30.0
"""After its deadline a call is still settled; so long that is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What a call came to. `text` is that of the first answer; `location_g` g CO2e; `tokens` input and output.

    `request_id` is None where nothing was granted, as for a kept summary. `warning_percent`: the highest threshold that
    its budget has passed, if any.
    """

    call_id: UUID
    request_id: UUID | None
    text: str
    choices: Sequence[Mapping[str, Any]]
    usage: Usage
    usage_basis: str
    total_micro_usd: int
    location_g: float
    tokens: int
    deployment: str
    warning_percent: int | None = None


class Options(TypedDict, total=False):
    """What else may be said of a call. `deadline_seconds` bounds all of it, 60 unless told otherwise.

    With an `idempotency_key` the answer is kept, and the same call again is not made twice; `fingerprint` says what
    is the same, by default the ask.
    """

    purpose: str | None
    origin: str | None
    session_id: UUID | None
    agent: str
    round_id: UUID | None
    budget_id: UUID | None
    deadline_seconds: float
    latency_class: str
    residency: tuple[str, ...] | None
    idempotency_key: str | None
    fingerprint: str | None


def call_model(*, principal: Principal, ask: ChatAsk, **options: Unpack[Options]) -> CallResult:
    """One answer of one model, admitted, settled and told to the agent's window. Blocks; not for an event loop.

    Raises DomainErrors as `engine.perform` does.
    """
    return result_of(_answered(principal, ask, options))


def embed(*, principal: Principal, ask: EmbeddingsAsk, **options: Unpack[Options]) -> Answered:
    """Vectors of texts, admitted and settled, in `vectors`. Blocks and raises as `call_model`."""
    return _answered(principal, ask, options)


def _answered(principal: Principal, ask: ChatAsk | EmbeddingsAsk, options: Options) -> Answered:
    key, seconds = options.get("idempotency_key"), options.get("deadline_seconds", DEADLINE_SECONDS)
    wish = Wish(
        principal=principal,
        ask=ask,
        purpose=options.get("purpose") or None,
        origin=options.get("origin") or None,
        session_id=options.get("session_id"),
        agent=options.get("agent", ""),
        round_id=options.get("round_id"),
        budget_id=options.get("budget_id"),
        deadline_seconds=seconds,
        latency_class=options.get("latency_class") or ANYWHERE,
        residency=options.get("residency"),
        mode="express",  # whoever calls a model by our own hand has chosen: a council's agents must not seat another
        idempotency_key=key,
        fingerprint=(options.get("fingerprint") or _fingerprint(ask)) if key is not None else "",
    )
    loop = _loop()
    answering = asyncio.run_coroutine_threadsafe(perform(wish), loop)
    try:
        return answering.result(timeout=seconds + SETTLING_SECONDS)
    except (TimeoutError, CancelledError) as error:
        answering.cancel()
        raise Unavailable("The call was not answered in time.", code="deadline") from error


async def perform(wish: Wish) -> Answered:
    """The same on an event loop: see `engine.perform`."""
    return await engine.perform(wish)


def result_of(answered: Answered) -> CallResult:
    """An answer as our own code wants it."""
    figures, usage = answered.figures, answered.usage
    return CallResult(
        call_id=UUID(figures.call_id),
        request_id=UUID(figures.request_id) if figures.request_id else None,
        text=text_of_choices(answered.choices[:1]),
        choices=answered.choices,
        usage=usage,
        usage_basis=answered.usage_basis,
        total_micro_usd=figures.total_micro_usd,
        location_g=figures.carbon_g,
        tokens=usage.total_tokens,
        deployment=figures.deployment,
        warning_percent=figures.warning_percent,
    )


def _fingerprint(ask: ChatAsk | EmbeddingsAsk) -> str:
    if isinstance(ask, EmbeddingsAsk):
        return fingerprint_of("CALL", "embed", [ask.model, list(ask.texts), ask.dimensions])
    told = [ask.model, list(ask.messages), ask.max_output_tokens, dict(ask.options)]
    return fingerprint_of("CALL", "call_model", told)


@dataclass(slots=True)
class _Own:
    """The loop of this process for calls by threads, made when it is first needed."""

    lock: threading.Lock
    loop: asyncio.AbstractEventLoop | None = None
    is_ended: bool = False


_own = _Own(lock=threading.Lock())


def _loop() -> asyncio.AbstractEventLoop:
    with _own.lock:
        if _own.is_ended:
            raise Unavailable("This process is about to end.", code="ending")
        if _own.loop is None:
            _own.loop = asyncio.new_event_loop()
            threading.Thread(target=_own.loop.run_forever, name="gateway-calls", daemon=True).start()
        return _own.loop


def end_calls(*, seconds: float) -> None:
    """End the calls that are under way, settled as far as they came, as a process does before it ends; no others
    can begin. Waits so long at most."""
    with _own.lock:
        _own.is_ended, loop = True, _own.loop
    if loop is None:
        return
    with contextlib.suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(_ended(), loop).result(timeout=seconds)
    loop.call_soon_threadsafe(loop.stop)


async def _ended() -> None:
    under_way = asyncio.all_tasks() - {asyncio.current_task()}
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    await close_connections()


def _begin_anew() -> None:
    """A forked child has none of its parent's threads."""
    global _own
    _own = _Own(lock=threading.Lock())


os.register_at_fork(after_in_child=_begin_anew)
