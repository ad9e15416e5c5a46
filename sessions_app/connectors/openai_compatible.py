"""OpenAI, and whoever speaks its language: Azure, Groq, Mistral, OpenRouter, Together, vLLM and many more."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from budgets.domain.addresses import host_of
from sessions_app.connectors.faults import fault_of_event, object_of
from sessions_app.connectors.guarding import Rules
from sessions_app.connectors.http import post_events, post_json
from sessions_app.domain.gateway.reading import malformed, openai_piece, openai_reply, openai_vectors
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

OURS = frozenset({"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"})
"""What the gateway states itself, whatever the caller's options hold."""
DONE = b"[DONE]"
MOST_KEPT = 512
"""Addresses of providers whose reading is remembered."""
REASONING = frozenset({"reasoning", "reasoning_content", "reasoning_details"})
"""Thoughts beside an answer, by the names that vLLM, DeepSeek and OpenRouter give them; some want them back."""
_MEMBERS_OF_OTHERS = REASONING | {"extra_content"}
_OF_OTHERS = {"generativelanguage.googleapis.com": frozenset({"extra_content"})}


@lru_cache(maxsize=MOST_KEPT)
def call_url(base_url: str, call: str, *, usual_path: str) -> str:
    """The address of a call: base URL and path. A base URL without a path gets the one that is usual for its kind."""
    base = base_url.rstrip("/")
    has_path = "/" in base.partition("://")[2]
    return f"{base}{'' if has_path else usual_path}/{call}"


class OpenAICompatible:
    """Passes on what is asked, and what is answered, as it is: both are in its own form."""

    USUAL_PATH: ClassVar[str] = "/v1"

    def __init__(self, rules: Rules):
        self._rules = rules

    async def chat(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> Reply:
        """A whole answer."""
        url = call_url(target.base_url, "chat/completions", usual_path=self.USUAL_PATH)
        body = self._body(target, ask, max_output_tokens)
        found = await post_json(target, url, body, _headers(target), self._rules)
        reply = openai_reply(_without_error(found, target))
        _check_number(len(reply.choices), ask)
        return reply

    async def stream(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> AsyncIterator[Piece]:
        """The answer in parts. It is whole with `[DONE]`, or where it ends after every choice has finished."""
        url = call_url(target.base_url, "chat/completions", usual_path=self.USUAL_PATH)
        asked = {"stream": True, "stream_options": {"include_usage": True}}
        body = self._body(target, ask, max_output_tokens) | asked
        is_open: dict[int, bool] = {}
        async with contextlib.aclosing(post_events(target, url, body, _headers(target), self._rules)) as events:
            async for event in events:
                if event.data == DONE:
                    return
                piece = openai_piece(_without_error(object_of(event.data), target))
                if piece is not None:
                    _check_number(max((each["index"] + 1 for each in piece.choices), default=0), ask)
                    is_open |= {each["index"]: each["finish_reason"] is None for each in piece.choices}
                    yield piece
        if not is_open or any(is_open.values()):
            raise UpstreamError(Fault.CUT, "The provider's stream ended before its end.")

    async def embed(self, target: Target, ask: EmbeddingsAsk) -> EmbeddingsReply:
        """Vectors."""
        url = call_url(target.base_url, "embeddings", usual_path=self.USUAL_PATH)
        body: dict[str, Any] = {"model": target.model, "input": list(ask.texts), "encoding_format": "float"}
        if ask.dimensions is not None:
            body["dimensions"] = ask.dimensions
        found = await post_json(target, url, body, _headers(target), self._rules)
        reply = openai_vectors(_without_error(found, target), len(ask.texts))
        if ask.dimensions is not None and len(reply.vectors[0]) != ask.dimensions:  # some overlook what they cannot do
            words = f"dimensions: this model gives {len(reply.vectors[0])}."
            raise UpstreamError(Fault.BAD_REQUEST, words, status=400)
        return reply

    def problem_of(self, ask: ChatAsk) -> str:
        """Nothing that can be known without asking: what a model cannot do is a field of its deployment."""
        return ""

    def _body(self, target: Target, ask: ChatAsk, max_output_tokens: int) -> dict[str, Any]:
        bound, left_out = _tongue(target.base_url)
        return {
            **{name: value for name, value in ask.options.items() if name not in OURS and value is not None},
            "model": target.model,
            "messages": [_message(each, left_out) for each in ask.messages],
            bound: max_output_tokens,
        }


@lru_cache(maxsize=MOST_KEPT)
def _tongue(base_url: str) -> tuple[str, frozenset[str]]:
    """By what name a provider hears of the most output, and the members of messages that it must not see."""
    # OpenAI's newer models refuse `max_tokens`; many others that speak its language know nothing else.
    host = host_of(base_url)
    is_openai = host.endswith((".openai.com", ".openai.azure.com"))
    others = frozenset() if is_openai else _OF_OTHERS.get(host, REASONING)
    return "max_completion_tokens" if is_openai else "max_tokens", _MEMBERS_OF_OTHERS - others


def _message(message: Mapping[str, Any], left_out: frozenset[str]) -> Mapping[str, Any]:
    """A message without members of other providers' answers, which came back with it: OpenAI refuses those."""
    calls = message.get("tool_calls") or ()
    if not left_out & message.keys() and not any(left_out & call.keys() for call in calls):
        return message
    kept = {name: value for name, value in message.items() if name not in left_out}
    if calls:
        kept["tool_calls"] = [{name: call[name] for name in call if name not in left_out} for call in calls]
    return kept


def _check_number(answers: int, ask: ChatAsk) -> None:
    """More answers than were asked for are more than the caller's budget was held for."""
    if answers > (ask.options.get("n") or 1):
        raise malformed("holds more answers than were asked for")


def _headers(target: Target) -> dict[str, str]:
    if not target.secret:
        return {}
    return {"api-key": target.secret} if _is_azure(target.base_url) else {"Authorization": f"Bearer {target.secret}"}


@lru_cache(maxsize=MOST_KEPT)
def _is_azure(base_url: str) -> bool:
    return host_of(base_url).endswith(".azure.com")


def _without_error(found: Mapping[str, Any], target: Target) -> Mapping[str, Any]:
    """An answer, or an error that came where the status had been good already: in a stream, or of a go-between."""
    if found.get("error") and not found.get("choices"):
        raise fault_of_event(found["error"], secret=target.secret)
    return found
