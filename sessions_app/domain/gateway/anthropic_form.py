"""OpenAI's form into that of Anthropic's Messages API and back. Pure.

Written by platform.claude.com/docs (Messages, Streaming, Tool use, Structured outputs), read November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sessions_app.domain.gateway.reading import inline_image, malformed, refused_option, texts_of, usage_of
from sessions_app.domain.gateway.wire import ChatAsk, Piece, Reply, Usage

HIGHEST_TEMPERATURE = 1.0
TAKEN = frozenset(
    {
        "temperature",
        "top_p",
        "stop",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
    }
)
FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_WHO = "Anthropic"


def problem_of(ask: ChatAsk) -> str:
    """What of an ask Anthropic cannot do, in words that begin with the parameter's name."""
    options = ask.options
    if problem := refused_option(ask, TAKEN, _WHO):
        return problem
    if (options.get("temperature") or 0) > HIGHEST_TEMPERATURE:
        return f"temperature: {_WHO} takes at most {HIGHEST_TEMPERATURE}."
    if (options.get("response_format") or {}).get("type") == "json_object":
        return f"response_format: {_WHO} takes a json_schema, not json_object."
    if any(tool.get("type") != "function" for tool in options.get("tools") or ()):
        return f"tools: {_WHO} takes functions only."
    choice = options.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("type") != "function":
        return f"tool_choice: {_WHO} takes auto, none, required or one function."
    return _problem_of_messages(ask.messages)


def _problem_of_messages(messages: Sequence[Mapping[str, Any]]) -> str:
    for message in messages:
        if message.get("role") == "function":
            return f"messages: {_WHO} takes tool calls instead of functions."
        content = message.get("content")
        parts = content if isinstance(content, Sequence) and not isinstance(content, str) else ()
        if any(part.get("type") not in ("text", "image_url", "refusal") for part in parts):
            return f"messages: {_WHO} takes text and images only."
    return ""


def asked(ask: ChatAsk, model: str, max_output_tokens: int) -> dict[str, Any]:
    """The body of a request."""
    options = ask.options
    system = [texts_of(each.get("content")) for each in ask.messages if each["role"] in ("system", "developer")]
    stop = options.get("stop")
    found = {
        "model": model,
        "max_tokens": max_output_tokens,
        "messages": _turns(ask.messages),
        "system": "\n\n".join(text for text in system if text) or None,
        "temperature": options.get("temperature"),
        "top_p": options.get("top_p"),
        "stop_sequences": [stop] if isinstance(stop, str) else stop or None,
        "tools": [_tool(each["function"]) for each in options.get("tools") or ()] or None,
        "tool_choice": _choice(options),
        "output_config": _output_config(options) or None,
        "metadata": {"user_id": options["user"]} if options.get("user") else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    optional = {name: function[name] for name in ("description", "strict") if function.get(name) is not None}
    return {"name": function["name"], "input_schema": schema, **optional}


def _choice(options: Mapping[str, Any]) -> dict[str, Any] | None:
    if not options.get("tools"):
        return None
    choice = options.get("tool_choice") or "auto"
    if isinstance(choice, Mapping):
        found: dict[str, Any] = {"type": "tool", "name": choice["function"]["name"]}
    else:
        found = {"type": {"required": "any"}.get(choice, choice)}
    if options.get("parallel_tool_calls") is False and found["type"] != "none":
        found["disable_parallel_tool_use"] = True
    return found


def _output_config(options: Mapping[str, Any]) -> dict[str, Any]:
    form = options.get("response_format") or {}
    found: dict[str, Any] = {}
    if form.get("type") == "json_schema":
        found["format"] = {"type": "json_schema", "schema": form["json_schema"].get("schema") or {"type": "object"}}
    if effort := _EFFORTS.get(str(options.get("reasoning_effort"))):
        found["effort"] = effort
    return found


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Turns of user and assistant; what stands together of one of them is one turn, as tool results must be."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = {"user": "user", "tool": "user", "assistant": "assistant"}.get(message["role"])
        blocks = list(_blocks(message)) if role else []
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if message["role"] == "tool":
        content = list(_content(message.get("content")))
        yield {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}
        return
    yield from _content(message.get("content"))
    if message.get("refusal"):
        yield {"type": "text", "text": message["refusal"]}
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield {"type": "tool_use", "id": call["id"], "name": function["name"], "input": arguments_of(function)}


def _content(content: Any) -> Iterator[dict[str, Any]]:
    """Blocks of a content; empty texts are left out, which Anthropic refuses."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for part in content or ():
        if part["type"] == "image_url":
            yield {"type": "image", "source": _source(part["image_url"]["url"])}
        elif text := part.get("text") or part.get("refusal"):
            yield {"type": "text", "text": text}


def _source(address: str) -> dict[str, str]:
    inline = inline_image(address)
    if inline is None:
        return {"type": "url", "url": address}
    return {"type": "base64", "media_type": inline[0], "data": inline[1]}


def arguments_of(function: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a call as an object. What a model wrote that is none is kept as text, for the model to see."""
    text = function.get("arguments") or "{}"
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"arguments": text}
    return found if isinstance(found, dict) else {"arguments": found}


def answered(found: Mapping[str, Any]) -> Reply:
    """A whole answer. Raises UpstreamError."""
    blocks = found.get("content")
    if not isinstance(blocks, list) or not all(isinstance(each, dict) for each in blocks):
        raise malformed("holds no content")
    texts = [each["text"] for each in blocks if each.get("type") == "text" and isinstance(each.get("text"), str)]
    calls = [_call(each) for each in blocks if each.get("type") == "tool_use"]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    message["refusal"] = None
    if calls:
        message["tool_calls"] = calls
    finish = FINISHES.get(str(found.get("stop_reason")), "stop")
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return Reply(choices=[choice], usage=usage(found.get("usage")))


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(block.get("id"), str) or not isinstance(block.get("name"), str):
        raise malformed("holds a tool call without a name")
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
    return {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}


def usage(found: Any) -> Usage | None:
    """Usage: what was read from a cache, or written to it, is stated beside the other input."""
    if not isinstance(found, Mapping):
        return None
    parts = [found.get("input_tokens"), found.get("cache_creation_input_tokens"), found.get("cache_read_input_tokens")]
    are_whole = all(each is None or isinstance(each, int) for each in parts) and parts[0] is not None
    details = found.get("output_tokens_details")
    return usage_of(
        inputs=sum(each or 0 for each in parts) if are_whole else None,
        outputs=found.get("output_tokens"),
        cached=parts[2],
        reasoning=details.get("thinking_tokens") if isinstance(details, Mapping) else 0,
    )


class StreamReader:
    """Events of a streamed answer into pieces, one after the other."""

    def __init__(self) -> None:
        self.is_ended = False
        self._usage: dict[str, Any] = {}
        self._calls = 0
        self._open_calls: dict[int, int] = {}  # number of a call by that of its block
        self._silent: set[int] = set()  # blocks of calls that have no argument yet

    def take(self, event: Mapping[str, Any]) -> Piece | None:
        """The piece that an event makes; None if it says nothing. Raises UpstreamError."""
        kind, index = event.get("type"), event.get("index", 0)
        if not isinstance(index, int):
            raise malformed("numbers its blocks with something else")
        if kind == "message_start":
            self._note_usage(_object(event, "message").get("usage"))
            return _piece({"role": "assistant", "content": ""})
        if kind == "content_block_start":
            return self._begin(index, _object(event, "content_block"))
        if kind == "content_block_delta":
            return self._delta(index, _object(event, "delta"))
        if kind == "content_block_stop" and index in self._silent:
            return self._argument(index, "{}")  # a call of nothing is a call with an empty object
        if kind == "message_delta":
            self._note_usage(event.get("usage"))
            reason = _object(event, "delta").get("stop_reason")
            return _piece({}, FINISHES.get(str(reason), "stop"), usage(self._usage)) if reason else None
        self.is_ended = self.is_ended or kind == "message_stop"
        return None

    def _note_usage(self, found: Any) -> None:
        """Figures are cumulative; those that a later event leaves out stand."""
        if isinstance(found, Mapping):
            self._usage |= {name: value for name, value in found.items() if value is not None}

    def _begin(self, index: int, block: Mapping[str, Any]) -> Piece | None:
        if block.get("type") == "text":
            return _piece({"content": block["text"]}) if block.get("text") else None
        if block.get("type") != "tool_use":
            return None
        call = _call({**block, "input": {}})
        number = self._open_calls[index] = self._calls
        self._calls += 1
        self._silent.add(index)
        started = call | {"index": number, "function": {"name": call["function"]["name"], "arguments": ""}}
        return _piece({"tool_calls": [started]})

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Piece | None:
        text, part = delta.get("text"), delta.get("partial_json")
        if delta.get("type") == "text_delta" and isinstance(text, str):
            return _piece({"content": text}) if text else None
        if delta.get("type") == "input_json_delta" and isinstance(part, str) and index in self._open_calls:
            return self._argument(index, part) if part else None
        return None  # thoughts and their signatures, citations

    def _argument(self, index: int, part: str) -> Piece:
        self._silent.discard(index)
        return _piece({"tool_calls": [{"index": self._open_calls[index], "function": {"arguments": part}}]})


def _object(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    if not isinstance(found, dict):
        raise malformed(f"holds an event without its {name}")
    return found


def _piece(delta: Mapping[str, Any], finish: str | None = None, used: Usage | None = None) -> Piece:
    choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
    return Piece(choices=[choice], usage=used)
