"""OpenAI's form into that of Google's Gemini API (generateContent) and back. Pure.

Written by ai.google.dev/api and ai.google.dev/gemini-api/docs (Generating content, Function calling, Thought
signatures, Embeddings), read November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sessions_app.domain.gateway.anthropic_form import arguments_of
from sessions_app.domain.gateway.reading import (
    MOST_CHOICES,
    count,
    inline_image,
    malformed,
    refused_option,
    texts_of,
    usage_of,
    vectors,
)
from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk, EmbeddingsReply, Reply, Usage

MOST_STOP_WORDS = 5
TAKEN = frozenset(
    {
        "temperature",
        "top_p",
        "stop",
        "n",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
    }
)
BLOCKED = frozenset({"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
BROKEN = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"})
UNSIGNED = "skip_thought_signature_validator"
"""What Google's documentation has in place of a signature, of calls that another model made or a client lost."""
_THINKING_TOKENS = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
"""As Google's own OpenAI-compatible door translates efforts for models before Gemini 3."""
_THINKING_LEVELS = {
    **{"none": "minimal", "minimal": "minimal", "low": "low", "medium": "medium"},
    **dict.fromkeys(("high", "xhigh", "max"), "high"),
}
_WHO = "Gemini"


def problem_of(ask: ChatAsk) -> str:
    """What of an ask Gemini cannot do, in words that begin with the parameter's name."""
    options = ask.options
    if problem := refused_option(ask, TAKEN, _WHO):
        return problem
    stop = options.get("stop")
    if isinstance(stop, Sequence) and not isinstance(stop, str) and len(stop) > MOST_STOP_WORDS:
        return f"stop: {_WHO} takes at most {MOST_STOP_WORDS}."
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
        for part in content if isinstance(content, Sequence) and not isinstance(content, str) else ():
            if part.get("type") not in ("text", "image_url", "refusal"):
                return f"messages: {_WHO} takes text and images only."
            if part["type"] == "image_url" and inline_image(part["image_url"]["url"]) is None:
                return f"messages: {_WHO} takes images inside of the message (data URLs), not by address."
    return ""


def asked(ask: ChatAsk, model: str, max_output_tokens: int) -> dict[str, Any]:
    """The body of a request."""
    options = ask.options
    system = [texts_of(each.get("content")) for each in ask.messages if each["role"] in ("system", "developer")]
    functions = [_function(each["function"]) for each in options.get("tools") or ()]
    found: dict[str, Any] = {
        "contents": _turns(ask.messages, is_signed=_is_signed(model)),
        "generationConfig": _config(options, model, max_output_tokens),
    }
    if any(system):
        found["systemInstruction"] = {"parts": [{"text": "\n\n".join(text for text in system if text)}]}
    if functions:
        found["tools"] = [{"functionDeclarations": functions}]
        found["toolConfig"] = {"functionCallingConfig": _calling(options.get("tool_choice") or "auto")}
    return found


def _is_signed(model: str) -> bool:
    """Whether a model demands the signatures of calls that it made: from Gemini 3 on."""
    return not model.removeprefix("models/").startswith(("gemini-1", "gemini-2"))


def _config(options: Mapping[str, Any], model: str, max_output_tokens: int) -> dict[str, Any]:
    stop, form = options.get("stop"), options.get("response_format") or {}
    found: dict[str, Any] = {
        "maxOutputTokens": max_output_tokens,
        "temperature": options.get("temperature"),
        "topP": options.get("top_p"),
        "stopSequences": [stop] if isinstance(stop, str) else stop or None,
        "candidateCount": options["n"] if (options.get("n") or 1) > 1 else None,
        "seed": options.get("seed"),
        "presencePenalty": options.get("presence_penalty"),
        "frequencyPenalty": options.get("frequency_penalty"),
    }
    if form.get("type") in ("json_object", "json_schema"):
        found["responseMimeType"] = "application/json"
    if form.get("type") == "json_schema":
        found["responseJsonSchema"] = form["json_schema"].get("schema")
    effort = str(options.get("reasoning_effort"))
    if _is_signed(model) and effort in _THINKING_LEVELS:
        found["thinkingConfig"] = {"thinkingLevel": _THINKING_LEVELS[effort]}
    elif not _is_signed(model) and effort in _THINKING_TOKENS:
        found["thinkingConfig"] = {"thinkingBudget": _THINKING_TOKENS[effort]}
    return {name: value for name, value in found.items() if value is not None}


def _function(function: Mapping[str, Any]) -> dict[str, Any]:
    found = {"name": function["name"], "description": function.get("description")}
    if function.get("parameters"):
        found["parametersJsonSchema"] = function["parameters"]
    return {name: value for name, value in found.items() if value is not None}


def _calling(choice: Any) -> dict[str, Any]:
    if isinstance(choice, Mapping):
        return {"mode": "ANY", "allowedFunctionNames": [choice["function"]["name"]]}
    return {"mode": {"none": "NONE", "required": "ANY"}.get(choice, "AUTO")}


def _turns(messages: Sequence[Mapping[str, Any]], *, is_signed: bool) -> list[dict[str, Any]]:
    """Turns of user and model; what stands together of one of them is one turn, as answers of functions must be."""
    names = {call["id"]: call["function"]["name"] for each in messages for call in each.get("tool_calls") or ()}
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = {"user": "user", "tool": "user", "assistant": "model"}.get(message["role"])
        parts = list(_parts(message, names, is_signed)) if role else []
        if not parts:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": role, "parts": parts})
    return turns


def _parts(message: Mapping[str, Any], names: Mapping[str, str], is_signed: bool) -> Iterator[dict[str, Any]]:
    if message["role"] == "tool":
        called = message["tool_call_id"]
        result = _result(texts_of(message.get("content")))
        yield {"functionResponse": {"id": called, "name": names.get(called, called), "response": result}}
        return
    content: Any = message.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for part in content or ():
        if part["type"] == "image_url":
            kind, data = inline_image(part["image_url"]["url"]) or ("", "")
            yield {"inlineData": {"mimeType": kind, "data": data}}
        elif text := part.get("text") or part.get("refusal"):
            yield {"text": text}
    for at, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        made = {"id": call["id"], "name": function["name"], "args": arguments_of(function)}
        signature = _signature(call) or (UNSIGNED if is_signed and at == 0 else None)
        yield {"functionCall": made, **({"thoughtSignature": signature} if signature else {})}


def _signature(call: Mapping[str, Any]) -> str | None:
    """The signature that came with a call, where Google's own OpenAI-compatible door has it, too."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    signature = google.get("thought_signature") if isinstance(google, Mapping) else None
    return signature if isinstance(signature, str) else None


def _result(text: str) -> dict[str, Any]:
    """What a tool gave, as an object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"result": text}
    return found if isinstance(found, dict) else {"result": found}


def answered(found: Mapping[str, Any], ask: ChatAsk) -> Reply:
    """A whole answer. Raises UpstreamError."""
    reader = StreamReader(ask)
    chunks = reader.take(found)
    if not reader.finishes:
        raise malformed("holds no candidate that has finished")
    choices = [_message(index, chunks, finish) for index, finish in sorted(reader.finishes.items())]
    return Reply(choices=choices, usage=reader.usage)


def _message(index: int, chunks: Sequence[Mapping[str, Any]], finish: str) -> dict[str, Any]:
    deltas = [each["delta"] for each in chunks if each["index"] == index]
    texts = [each["content"] for each in deltas if each.get("content")]
    calls = [call for each in deltas for call in each.get("tool_calls") or ()]
    refusal = next((each["refusal"] for each in deltas if each.get("refusal")), None)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts), "refusal": refusal}
    if calls:
        kept = [{name: value for name, value in call.items() if name != "index"} for call in calls]
        message |= {"content": message["content"] or None, "tool_calls": kept}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": finish}


class StreamReader:
    """Responses of a stream into OpenAI's choices. `finishes` are the reasons by candidate, `usage` the newest."""

    def __init__(self, ask: ChatAsk) -> None:
        self.finishes: dict[int, str] = {}
        self.usage: Usage | None = None
        # Names of calls must differ within a conversation, and the API gives none to most.
        self._named = sum(len(each.get("tool_calls") or ()) for each in ask.messages)
        self._calls: dict[int, int] = {}
        self._begun: set[int] = set()

    @property
    def is_ended(self) -> bool:
        """Every candidate that began has finished, and at least one did."""
        return bool(self.finishes) and self._begun <= set(self.finishes)

    def take(self, found: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Choices of one chunk. Raises UpstreamError."""
        self.usage = _usage(found.get("usageMetadata")) or self.usage
        feedback = found.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self.finishes[0] = "content_filter"
            words = f"The prompt was blocked ({str(feedback['blockReason'])[:40]})."
            return [_choice(0, {"role": "assistant", "content": "", "refusal": words}, "content_filter")]
        candidates = found.get("candidates") or []
        if not isinstance(candidates, list) or not all(isinstance(each, dict) for each in candidates):
            raise malformed("holds candidates that are none")
        return [choice for each in candidates for choice in self._candidate(each)]

    def _candidate(self, found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        index = count(found.get("index", 0))
        content = found.get("content") or {}
        parts = content.get("parts") or [] if isinstance(content, dict) else None
        if (
            index is None
            or index >= MOST_CHOICES
            or not isinstance(parts, list)
            or not all(isinstance(each, dict) for each in parts)
        ):
            raise malformed("holds a candidate without parts")
        if index not in self._begun:
            self._begun.add(index)
            yield _choice(index, {"role": "assistant", "content": ""})
        for part in parts:
            if delta := self._delta(index, part):
                yield _choice(index, delta)
        if reason := found.get("finishReason"):
            self.finishes[index] = finish = self._finish(index, str(reason))
            yield _choice(index, {}, finish)

    def _delta(self, index: int, part: Mapping[str, Any]) -> dict[str, Any] | None:
        if part.get("thought"):
            return None
        if isinstance(part.get("functionCall"), dict):
            return {"tool_calls": [self._call(index, part["functionCall"], part.get("thoughtSignature"))]}
        text = part.get("text")
        return {"content": text} if isinstance(text, str) and text else None

    def _call(self, index: int, call: Mapping[str, Any], signature: Any) -> dict[str, Any]:
        name, given = call.get("name"), call.get("id")
        if not isinstance(name, str):
            raise malformed("holds a function call without a name")
        self._named += 1
        number = self._calls[index] = self._calls.get(index, -1) + 1
        made = {
            "index": number,
            "id": given if isinstance(given, str) and given else f"call_{self._named}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(call.get("args") or {}, ensure_ascii=False)},
        }
        signed = {"extra_content": {"google": {"thought_signature": signature}}}
        return made | (signed if isinstance(signature, str) else {})

    def _finish(self, index: int, reason: str) -> str:
        if reason in BROKEN:
            raise malformed("is a function call that is none")
        if reason == "MAX_TOKENS":
            return "length"
        if reason in BLOCKED or reason.startswith("IMAGE_"):
            return "content_filter"
        return "tool_calls" if index in self._calls else "stop"


def _choice(index: int, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": dict(delta), "logprobs": None, "finish_reason": finish}


def _usage(found: Any) -> Usage | None:
    """Usage: thoughts are stated beside the answer, what tools brought into the prompt beside the prompt."""
    if not isinstance(found, Mapping):
        return None
    prompt, of_tools = count(found.get("promptTokenCount")), count(found.get("toolUsePromptTokenCount") or 0)
    answer, thoughts = count(found.get("candidatesTokenCount") or 0), count(found.get("thoughtsTokenCount") or 0)
    return usage_of(
        inputs=None if prompt is None or of_tools is None else prompt + of_tools,
        outputs=None if answer is None or thoughts is None else answer + thoughts,
        cached=found.get("cachedContentTokenCount"),
        reasoning=thoughts,
    )


def asked_vectors(ask: EmbeddingsAsk, model: str) -> dict[str, Any]:
    """The body of a request for vectors: one request for each text."""
    size = {} if ask.dimensions is None else {"outputDimensionality": ask.dimensions}
    name = model if model.startswith("models/") else f"models/{model}"
    return {"requests": [{"model": name, "content": {"parts": [{"text": text}]}, **size} for text in ask.texts]}


def answered_vectors(found: Mapping[str, Any], texts: int) -> EmbeddingsReply:
    """Vectors, as many as texts. Raises UpstreamError."""
    rows = found.get("embeddings")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise malformed("holds no vectors")
    usage = found.get("usageMetadata")
    tokens = count(usage.get("promptTokenCount")) if isinstance(usage, Mapping) else None
    return EmbeddingsReply(vectors=vectors([row.get("values") for row in rows], texts), input_tokens=tokens)
