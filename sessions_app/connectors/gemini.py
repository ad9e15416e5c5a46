"""Google's Gemini API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import quote

from sessions_app.connectors.faults import fault_of_event, object_of
from sessions_app.connectors.guarding import Rules
from sessions_app.connectors.http import post_events, post_json
from sessions_app.connectors.openai_compatible import call_url
from sessions_app.domain.gateway import gemini_form
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

USUAL_PATH = "/v1beta"


class Gemini:
    """Gemini, by translation both ways."""

    def __init__(self, rules: Rules):
        self._rules = rules

    async def chat(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> Reply:
        """A whole answer."""
        body = gemini_form.asked(ask, target.model, max_output_tokens)
        found = await post_json(target, _url(target, "generateContent"), body, _headers(target), self._rules)
        return gemini_form.answered(found, ask)

    async def stream(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> AsyncIterator[Piece]:
        """The answer in parts; it is whole where it ends after every candidate has finished."""
        url = _url(target, "streamGenerateContent") + "?alt=sse"
        body = gemini_form.asked(ask, target.model, max_output_tokens)
        reader = gemini_form.StreamReader(ask)
        async with contextlib.aclosing(post_events(target, url, body, _headers(target), self._rules)) as events:
            async for event in events:
                found = object_of(event.data)
                if found.get("error"):
                    raise fault_of_event(found["error"], secret=target.secret)
                for choice in reader.take(found):
                    yield Piece(choices=[choice])
        if not reader.is_ended:
            raise UpstreamError(Fault.CUT, "The provider's stream ended before its end.")
        if reader.usage is not None:
            yield Piece(usage=reader.usage)

    async def embed(self, target: Target, ask: EmbeddingsAsk) -> EmbeddingsReply:
        """Vectors."""
        body = gemini_form.asked_vectors(ask, target.model)
        found = await post_json(target, _url(target, "batchEmbedContents"), body, _headers(target), self._rules)
        return gemini_form.answered_vectors(found, len(ask.texts))

    def problem_of(self, ask: ChatAsk) -> str:
        """What of an ask Gemini cannot do."""
        return gemini_form.problem_of(ask)


def _url(target: Target, verb: str) -> str:
    name = quote(target.model, safe="/")
    path = name if name.startswith(("models/", "tunedModels/")) else f"models/{name}"
    return call_url(target.base_url, f"{path}:{verb}", usual_path=USUAL_PATH)


def _headers(target: Target) -> dict[str, str]:
    return {"x-goog-api-key": target.secret}
