"""The built-in echo: no network, no model, and labelled so. It makes a first call work without any key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from budgets.services import count_tokens, split_tokens
from sessions_app.domain.gateway.echoing import (
    EMBEDDING_DIMENSIONS,
    MOST_DIMENSIONS,
    called_tool,
    cut_at_stop,
    echoed,
    hashed,
    text_of,
)
from sessions_app.domain.gateway.wire import (
    ChatAsk,
    EmbeddingsAsk,
    EmbeddingsReply,
    Fault,
    Piece,
    Reply,
    Target,
    UpstreamError,
    Usage,
)

FINGERPRINT = "echo-no-model"
TOKENS_OF_A_MESSAGE = 3  # as OpenAI counts: each message has three more than its text, an answer is begun with three
LONG_CHARACTERS = 20_000  # longer than this, or a schema, is worked at in a thread: the event loop must not wait for it
TOOL_CALL_ID = "call_echo"


class Echo:
    """Answers with what the newest message says, cut at `max_output_tokens`; usage is exact (tokens of o200k)."""

    async def chat(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> Reply:
        """A whole answer."""
        parts, finish, usage = await _answer(ask, max_output_tokens)
        message: dict[str, Any] = {"role": "assistant", "content": "".join(parts), "refusal": None}
        if finish == "tool_calls":
            message |= {"content": None, "tool_calls": [_call(ask)]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return Reply(choices=[choice], usage=usage, fingerprint=FINGERPRINT)

    async def stream(self, target: Target, ask: ChatAsk, *, max_output_tokens: int) -> AsyncIterator[Piece]:
        """One piece a token."""
        parts, finish, usage = await _answer(ask, max_output_tokens)
        yield _piece({"role": "assistant", "content": None if finish == "tool_calls" else ""})
        if finish == "tool_calls":
            call = _call(ask)
            yield _piece({"tool_calls": [call | {"index": 0, "function": call["function"] | {"arguments": ""}}]})
        for part in parts:
            yield _piece(_argument(part) if finish == "tool_calls" else {"content": part})
            await asyncio.sleep(0)  # a long answer lets others go on
        yield _piece({}, finish)
        yield Piece(usage=usage, fingerprint=FINGERPRINT)

    async def embed(self, target: Target, ask: EmbeddingsAsk) -> EmbeddingsReply:
        """Hashed words: no meaning, but texts with words in common are near each other."""
        dimensions = ask.dimensions or EMBEDDING_DIMENSIONS
        if dimensions > MOST_DIMENSIONS:
            raise UpstreamError(Fault.BAD_REQUEST, f"dimensions: the echo has at most {MOST_DIMENSIONS}.", status=400)
        return await asyncio.to_thread(_embedded, ask, dimensions)

    def problem_of(self, ask: ChatAsk) -> str:
        """It gives one answer only, and has no probabilities."""
        if (ask.options.get("n") or 1) != 1:
            return "n: the echo gives one answer."
        return "logprobs: the echo has no probabilities." if ask.options.get("logprobs") else ""


async def _answer(ask: ChatAsk, most: int) -> tuple[list[str], str, Usage]:
    has_schema = bool(ask.options.get("tools") or ask.options.get("response_format"))
    if has_schema or sum(len(text_of(each.get("content"))) for each in ask.messages) > LONG_CHARACTERS:
        return await asyncio.to_thread(_made, ask, most)
    return _made(ask, most)


def _made(ask: ChatAsk, most: int) -> tuple[list[str], str, Usage]:
    """The parts of an answer, why it ends, and what it took. A call that would not fit is cut as text would be."""
    called = called_tool(ask.messages, ask.options)
    text = called[1] if called else cut_at_stop(echoed(ask.messages, ask.options), ask.options.get("stop"))
    parts, tokens = split_tokens(text, most=most)
    is_cut = "".join(parts) != text
    usage = Usage(input_tokens=_input_tokens(ask), output_tokens=tokens)
    if called and not is_cut:
        return parts, "tool_calls", usage
    return parts, "length" if is_cut else "stop", usage


def _input_tokens(ask: ChatAsk) -> int:
    texts = (f"{each.get('role', '')}{text_of(each.get('content'))}" for each in ask.messages)
    return TOKENS_OF_A_MESSAGE + sum(TOKENS_OF_A_MESSAGE + count_tokens(text) for text in texts)


def _embedded(ask: EmbeddingsAsk, dimensions: int) -> EmbeddingsReply:
    return EmbeddingsReply(
        vectors=[hashed(text, dimensions) for text in ask.texts],
        input_tokens=sum(count_tokens(text) for text in ask.texts),
    )


def _call(ask: ChatAsk) -> dict[str, Any]:
    name, arguments = called_tool(ask.messages, ask.options) or ("", "")
    return {"id": TOOL_CALL_ID, "type": "function", "function": {"name": name, "arguments": arguments}}


def _argument(part: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}


def _piece(delta: Mapping[str, Any], finish: str | None = None) -> Piece:
    choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
    return Piece(choices=[choice], fingerprint=FINGERPRINT)
