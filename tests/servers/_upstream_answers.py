"""What the upstream answers, in the forms of OpenAI, Anthropic and Gemini. Deterministic; one word is one token."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

WORDS = 8
DIMENSIONS = 8
CREATED = 1_700_000_000
TOOL_ARGUMENTS = {"city": "Oslo"}
PATHS = re.compile(
    r"(?P<lane>.*?)(?:/v1(?:beta)?)?/(?:"
    r"(?P<chat>chat/completions)|(?P<embeddings>embeddings)|(?P<messages>messages)"
    r"|models/(?P<gemini>[^/:]+):(?P<verb>\w+)|(?P<models>models))$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, in a form that all dialects share."""

    dialect: str
    model: str
    text: str
    input_tokens: int
    most_tokens: int | None
    is_stream: bool
    wants_usage: bool
    tool: str | None = None
    count: int = 1
    texts: list[str] = field(default_factory=list)
    is_base64: bool = False
    dimensions: int = DIMENSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer before it has a form."""

    asked: Asked
    words: list[str]
    usage: Mapping[str, int] | None

    @property
    def text(self) -> str:
        """All words; a stream gives one in each chunk."""
        return "".join(self.words)

    @property
    def is_short(self) -> bool:
        """It ended at the most tokens that were asked for."""
        return self.asked.most_tokens is not None and len(self.words) >= self.asked.most_tokens


def read_ask(found: re.Match[str], body: Mapping[str, Any], query: str) -> Asked:
    """What a request asks for."""
    if found["gemini"]:
        return _read_gemini(found, body, query)
    if found["embeddings"]:
        given = body["input"]
        return _embeds("openai", body["model"], given if isinstance(given, list) else [given], body)
    is_claude = bool(found["messages"])
    messages = ([{"content": body.get("system", "")}] if is_claude else []) + list(body["messages"])
    texts = [_text_of(message.get("content")) for message in messages]
    has_result = any(_is_result(message) for message in messages)
    tools = [tool.get("name") or tool.get("function", {}).get("name") for tool in body.get("tools") or ()]
    return Asked(
        dialect="anthropic" if is_claude else "openai",
        model=body["model"],
        text=texts[-1],
        input_tokens=sum(len(text.split()) for text in texts),
        most_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        is_stream=bool(body.get("stream")),
        wants_usage=is_claude or bool((body.get("stream_options") or {}).get("include_usage")),
        tool=tools[0] if tools and not has_result else None,
        count=body.get("n") or 1,
    )


def _read_gemini(found: re.Match[str], body: Mapping[str, Any], query: str) -> Asked:
    if found["verb"] in {"embedContent", "batchEmbedContents"}:
        asks = body.get("requests") or [body]
        return _embeds("gemini", found["gemini"], [_text_of(ask["content"]["parts"]) for ask in asks], {})
    turns = [body.get("systemInstruction") or body.get("system_instruction") or {"parts": []}, *body["contents"]]
    texts = [_text_of(turn["parts"]) for turn in turns]
    has_result = any("functionResponse" in part for turn in turns for part in turn["parts"])
    tools = [each["name"] for tool in body.get("tools") or () for each in tool.get("functionDeclarations", ())]
    return Asked(
        dialect="gemini",
        model=found["gemini"],
        text=texts[-1],
        input_tokens=sum(len(text.split()) for text in texts),
        most_tokens=(body.get("generationConfig") or {}).get("maxOutputTokens"),
        is_stream=found["verb"] == "streamGenerateContent",
        wants_usage=True,
        tool=tools[0] if tools and not has_result else None,
        count=(body.get("generationConfig") or {}).get("candidateCount") or 1,
    )


def _embeds(dialect: str, model: str, texts: list[Any], body: Mapping[str, Any]) -> Asked:
    counted = sum(len(text.split()) if isinstance(text, str) else len(text) for text in texts)
    return Asked(
        dialect=dialect,
        model=model,
        text="",
        texts=[str(text) for text in texts],
        input_tokens=counted,
        most_tokens=None,
        is_stream=False,
        wants_usage=True,
        is_base64=body.get("encoding_format") == "base64",
        dimensions=body.get("dimensions") or DIMENSIONS,
    )


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content)
    return content or ""


def _is_result(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return message.get("role") == "tool" or any(part.get("type") == "tool_result" for part in parts)


def answer_to(asked: Asked, *, words: int | None, usage: str | Mapping[str, int]) -> Told:
    """The words of the last message, again and again: an answer that got to another caller is found out."""
    length = min(words or WORDS, asked.most_tokens or 1_000_000)
    said = asked.text.split() or ["nothing"]
    answer = [f"{said[index % len(said)]} " for index in range(length)]
    right = {"input": asked.input_tokens, "output": length, "cached": 0}
    if usage == "none":
        return Told(asked=asked, words=answer, usage=None)
    wrong = {"input": right["input"] * 10, "output": right["output"] * 10, "cached": 0}
    chosen = usage if isinstance(usage, Mapping) else wrong if usage == "wrong" else {}
    return Told(asked=asked, words=answer, usage={**right, **chosen})


def as_body(told: Told) -> bytes:
    """A whole answer."""
    if told.asked.texts:
        return _dump(_embeddings(told))
    makers: dict[str, Callable[[Told, str], dict[str, Any]]]
    makers = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}
    return _dump(makers[told.asked.dialect](told, told.text))


def as_events(told: Told) -> Iterator[bytes]:
    """The events of a stream, one word in each."""
    makers = {"openai": _openai_events, "anthropic": _anthropic_events, "gemini": _gemini_events}
    return makers[told.asked.dialect](told)


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _event(value: Any, name: str = "") -> bytes:
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + _dump(value) + b"\n\n"


def _embeddings(told: Told) -> dict[str, Any]:
    vectors = [_vector(text, told.asked.dimensions) for text in told.asked.texts]
    if told.asked.dialect == "gemini":
        values = [{"values": vector} for vector in vectors]
        return {"embeddings": values} if len(values) > 1 else {"embedding": values[0], "embeddings": values}
    packed = [
        base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if told.asked.is_base64 else vector
        for vector in vectors
    ]
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(packed)]
    usage = {} if told.usage is None else {"usage": {"prompt_tokens": told.usage["input"]}}
    if usage:
        usage["usage"]["total_tokens"] = told.usage["input"] if told.usage else 0
    return {"object": "list", "model": told.asked.model, "data": data, **usage}


def _vector(text: str, dimensions: int) -> list[float]:
    digest = hashlib.sha256(text.encode()).digest()
    return [digest[index % len(digest)] / 256 for index in range(dimensions)]


# --- OpenAI -------------------------------------------------------------------------


def _openai_usage(told: Told) -> dict[str, Any]:
    assert told.usage is not None
    given, made = told.usage["input"], told.usage["output"]
    return {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": told.usage["cached"]},
    }


def _openai_calls(told: Told) -> list[dict[str, Any]]:
    function = {"name": told.asked.tool, "arguments": json.dumps(TOOL_ARGUMENTS)}
    return [{"id": "call_1", "type": "function", "function": function}]


def _openai(told: Told, text: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    reason = "length" if told.is_short else "stop"
    if told.asked.tool:
        message, reason = {"role": "assistant", "content": None, "tool_calls": _openai_calls(told)}, "tool_calls"
    choices = [{"index": index, "message": message, "finish_reason": reason} for index in range(told.asked.count)]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": told.asked.model}
    return {**head, "choices": choices, **({} if told.usage is None else {"usage": _openai_usage(told)})}


def _openai_events(told: Told) -> Iterator[bytes]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": told.asked.model}
    nothing = {"usage": None} if told.asked.wants_usage else {}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> Iterator[bytes]:
        for index in range(told.asked.count):
            choice = {"index": index, "delta": delta, "finish_reason": reason}
            yield _event({**head, "choices": [choice], **nothing})

    yield from chunk({"role": "assistant", "content": None if told.asked.tool else ""})
    if told.asked.tool:
        call = {"index": 0, **_openai_calls(told)[0]}
        arguments = call["function"]["arguments"]
        yield from chunk({"tool_calls": [{**call, "function": {"name": told.asked.tool, "arguments": ""}}]})
        for part in (arguments[:5], arguments[5:]):
            yield from chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
        yield from chunk({}, "tool_calls")
    else:
        for word in told.words:
            yield from chunk({"content": word})
        yield from chunk({}, "length" if told.is_short else "stop")
    if told.asked.wants_usage and told.usage is not None:
        yield _event({**head, "choices": [], "usage": _openai_usage(told)})
    yield b"data: [DONE]\n\n"


# --- Anthropic ----------------------------------------------------------------------


def _anthropic_usage(told: Told) -> dict[str, int]:
    usage = told.usage or {"input": 0, "output": 0, "cached": 0}
    # Anthropic's input_tokens leave out what came from the cache.
    return {
        "input_tokens": usage["input"] - usage["cached"],
        "cache_read_input_tokens": usage["cached"],
        "cache_creation_input_tokens": 0,
        "output_tokens": usage["output"],
    }


def _anthropic(told: Told, text: str) -> dict[str, Any]:
    content: dict[str, Any] = {"type": "text", "text": text}
    reason = "max_tokens" if told.is_short else "end_turn"
    if told.asked.tool:
        content = {"type": "tool_use", "id": "toolu_1", "name": told.asked.tool, "input": TOOL_ARGUMENTS}
        reason = "tool_use"
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": told.asked.model}
    usage = {} if told.usage is None else {"usage": _anthropic_usage(told)}
    return {**head, "content": [content], "stop_reason": reason, "stop_sequence": None, **usage}


def _anthropic_events(told: Told) -> Iterator[bytes]:
    whole = _anthropic(told, "")
    usage = _anthropic_usage(told)
    start = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    if told.usage is None:
        del start["usage"]
    yield _event({"type": "message_start", "message": start}, "message_start")
    block = whole["content"][0] | ({"input": {}} if told.asked.tool else {})
    yield _event({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
    yield _event({"type": "ping"}, "ping")
    arguments = json.dumps(TOOL_ARGUMENTS)
    deltas = (
        [{"type": "input_json_delta", "partial_json": part} for part in ("", arguments[:5], arguments[5:])]
        if told.asked.tool
        else [{"type": "text_delta", "text": word} for word in told.words]
    )
    for delta in deltas:
        yield _event({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
    yield _event({"type": "content_block_stop", "index": 0}, "content_block_stop")
    end = {"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None}}
    made = {} if told.usage is None else {"usage": {"output_tokens": usage["output_tokens"]}}
    yield _event({**end, **made}, "message_delta")
    yield _event({"type": "message_stop"}, "message_stop")


# --- Gemini -------------------------------------------------------------------------


def _gemini(told: Told, text: str, *, reason: str | None = "STOP") -> dict[str, Any]:
    part: dict[str, Any] = {"text": text}
    if told.asked.tool:
        part = {"functionCall": {"name": told.asked.tool, "args": TOOL_ARGUMENTS}}
    elif reason is not None and told.is_short:
        reason = "MAX_TOKENS"
    ended = {} if reason is None else {"finishReason": reason}
    content = {"role": "model", "parts": [part]}
    candidates = [{"content": content, "index": index, **ended} for index in range(told.asked.count)]
    answer: dict[str, Any] = {"candidates": candidates, "modelVersion": told.asked.model}
    if told.usage is not None and reason is not None:
        given, made = told.usage["input"], told.usage["output"]
        counts = {"promptTokenCount": given, "candidatesTokenCount": made, "totalTokenCount": given + made}
        answer["usageMetadata"] = {**counts, "cachedContentTokenCount": told.usage["cached"]}
    return answer


def _gemini_events(told: Told) -> Iterator[bytes]:
    if told.asked.tool:
        yield _event(_gemini(told, ""))
        return
    for index, word in enumerate(told.words):
        yield _event(_gemini(told, word, reason="STOP" if index == len(told.words) - 1 else None))
