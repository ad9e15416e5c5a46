"""A tiny real call to a deployment, as the test button makes it: what it answers, and how fast."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime

from config.kernel.errors import NotFound
from sessions_app.connectors.http import close_sessions
from sessions_app.connectors.registry import provider_of
from sessions_app.domain.gateway.breaker import Outcome
from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk, Target, UpstreamError
from sessions_app.services.gateway import health, registry

WORDS = "Answer with the one word: ok"
MOST_OUTPUT_TOKENS = 16
MOST_SECONDS = 15.0
SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it. `words` say it for a person; they hold no secret."""

    is_good: bool
    words: str
    total_ms: float


def try_deployment(*, deployment_id: int, now: datetime) -> Tried:
    """Call a deployment once; its breaker hears of it. No budget pays: the provider charges a few tokens.

    Takes up to 15 seconds: not to be called inside a transaction, nor on an event loop. Raises NotFound,
    Unavailable where it has no secret that could be sent.
    """
    registry.forget()
    known = registry.snapshot(now)
    candidate = next((each for each in known.all if each.deployment.id == deployment_id), None)
    if candidate is None:
        raise NotFound("There is no such deployment.", field="deployment")
    deployment = candidate.deployment
    target = registry.target_of(deployment, known.terms, total_seconds=MOST_SECONDS)
    if candidate.needs_probe:
        health.may_try(deployment_id, now=now)  # where its time has come this is the try; else it changes nothing
    began = time.monotonic()
    try:
        said = asyncio.run(_called(target, deployment.served_name, is_chat=deployment.serves_chat))
    except UpstreamError as error:
        outcome = Outcome(deployment_id=deployment_id, fault=error.fault, words=error.words, began_at=now)
        health.note_outcomes([outcome], now=now)
        status = f" (status {error.status})" if error.status else ""
        return Tried(is_good=False, words=f"{error.words}{status}", total_ms=_ms_since(began))
    total_ms = _ms_since(began)
    # A whole answer has no first byte of its own: its time would be compared with that of streams.
    health.note_outcomes([Outcome(deployment_id=deployment_id, began_at=now)], now=now)
    return Tried(is_good=True, words=said, total_ms=total_ms)


async def _called(target: Target, model: str, *, is_chat: bool) -> str:
    provider = provider_of(target.provider)
    try:
        if not is_chat:
            embedded = await provider.embed(target, EmbeddingsAsk(model=model, texts=["ok"]))
            return f"a vector of {len(embedded.vectors[0])} numbers"
        ask = ChatAsk(model=model, messages=[{"role": "user", "content": WORDS}])
        reply = await provider.chat(target, ask, max_output_tokens=MOST_OUTPUT_TOKENS)
        content = (reply.choices[0].get("message") or {}).get("content") if reply.choices else ""
        text = " ".join(str(content or "").split())[:SHOWN_CHARACTERS]
        return f"“{text}”" if text else "an answer without text"
    finally:
        await close_sessions()


def _ms_since(began: float) -> float:
    return (time.monotonic() - began) * 1000
