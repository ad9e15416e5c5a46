"""Anthropic's Messages API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from sessions_app.connectors.faults import fault_of_event, object_of
from sessions_app.connectors.guarding import Rules
from sessions_app.connectors.http import post_events, post_json
from sessions_app.connectors.openai_compatible import call_url
from sessions_app.domain.gateway import anthropic_form
from sessions_app.domain.gateway.wire import (
    ChatAsk,
    EmbeddingsAsk,
    EmbeddingsReply,
    Fault,
    Piece,
    Reply,
    Target,
    UpstreamError,
)

USUAL_PATH = "/v1"
VERSION = "2023-06-01"


class Anthropic:
    """Claude, by translation both ways."""

    def __init__(self, rules: Rules):
        self._rules = rules

    async def chat(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> Reply:
        """A whole answer."""
        url = call_url(target.base_url, "messages", usual_path=USUAL_PATH)
        body = anthropic_form.asked(ask, target.model, max_output_tokens)
        return anthropic_form.answered(await post_json(target, url, body, _headers(target), self._rules))

    async def stream(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> AsyncIterator[Piece]:
        """The answer in parts; it is whole with `message_stop`."""
        url = call_url(target.base_url, "messages", usual_path=USUAL_PATH)
        body = anthropic_form.asked(ask, target.model, max_output_tokens) | {"stream": True}
        reader = anthropic_form.StreamReader()
        async with contextlib.aclosing(post_events(target, url, body, _headers(target), self._rules)) as events:
            async for event in events:
                found = object_of(event.data)
                if found.get("type") == "error":
                    raise fault_of_event(found.get("error"), secret=target.secret)
                piece = reader.take(found)
                if piece is not None:
                    yield piece
                if reader.is_ended:
                    return
        raise UpstreamError(Fault.CUT, "The provider's stream ended before its end.")

    async def embed(self, target: Target, ask: EmbeddingsAsk) -> EmbeddingsReply:
        """Never: Anthropic has no embeddings."""
        raise UpstreamError(Fault.BAD_REQUEST, "model: Anthropic has no embeddings.", status=400)

    def problem_of(self, ask: ChatAsk) -> str:
        """What of an ask Anthropic cannot do."""
        return anthropic_form.problem_of(ask)


def _headers(target: Target) -> dict[str, str]:
    return {"x-api-key": target.secret, "anthropic-version": VERSION}
