"""Reading what providers answer: with suspicion, in the form of OpenAI."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsReply, Fault, Piece, Reply, UpstreamError, Usage

MOST_CHOICES, MOST_CALLS = 128, 1024
"""More answers to one call, or more calls of tools in one, are not kept in memory."""
MOST_TOKENS = 100_000_000
"""More than this, said of one call, is not believed."""
WITHOUT_EFFECT = frozenset({"user", "metadata", "store", "service_tier", "prompt_cache_key", "safety_identifier"})
"""Options that change nothing of an answer: left out where a provider does not know them."""
_NEUTRAL = {
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "parallel_tool_calls": (True,),
    "modalities": (["text"],),
    "verbosity": ("medium",),
}
"""Values that say what would be done anyway."""


def malformed(what: str) -> UpstreamError:
    """An answer that is not what the provider promises."""
    return UpstreamError(Fault.MALFORMED, f"The provider's answer {what}.")


def refused_option(ask: ChatAsk, taken: frozenset[str], who: str) -> str:
    """The first option that a provider cannot serve, in words that begin with its name; empty if there is none."""
    for name, value in ask.options.items():
        if name in taken or name in WITHOUT_EFFECT or value is None or value in ([], {}, *_NEUTRAL.get(name, ())):
            continue
        return f"{name}: {who} cannot do this."
    return ""


def texts_of(content: Any) -> str:
    """The text of a message or of a tool's answer."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def inline_image(address: str) -> tuple[str, str] | None:
    """Kind and base64 of an image inside of a data URL; None of any other address."""
    head, comma, data = address.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return head[len("data:") : -len(";base64")], data


def count(found: Any) -> int | None:
    """A number of tokens that can be believed; None of anything else."""
    is_whole = isinstance(found, int) and not isinstance(found, bool)
    return found if is_whole and 0 <= found <= MOST_TOKENS else None


def is_below(found: Any, bound: int) -> bool:
    """Whether it is a number of something in a list that is not longer than the bound."""
    number = count(found)
    return number is not None and number < bound


def usage_of(*, inputs: Any, outputs: Any, cached: Any = 0, reasoning: Any = 0) -> Usage | None:
    """Usage from a provider's figures; None where input or output is nothing that a person would believe."""
    known, made = count(inputs), count(outputs)
    if known is None or made is None:
        return None
    return Usage(
        input_tokens=known,
        output_tokens=made,
        cached_tokens=min(count(cached) or 0, known),
        reasoning_tokens=min(count(reasoning) or 0, made),
    )


def openai_usage(found: Any) -> Usage | None:
    """Usage as OpenAI writes it."""
    if not isinstance(found, Mapping):
        return None
    of_input, of_output = found.get("prompt_tokens_details"), found.get("completion_tokens_details")
    return usage_of(
        inputs=found.get("prompt_tokens"),
        outputs=found.get("completion_tokens", 0),
        cached=of_input.get("cached_tokens") if isinstance(of_input, Mapping) else 0,
        reasoning=of_output.get("reasoning_tokens") if isinstance(of_output, Mapping) else 0,
    )


def openai_reply(found: Mapping[str, Any]) -> Reply:
    """A whole answer in OpenAI's own form. Raises UpstreamError."""
    choices = found.get("choices")
    if not isinstance(choices, list) or not choices:
        raise malformed("holds no choices")
    kept = [
        {**_checked(each, "message"), "index": at, "finish_reason": _text(each.get("finish_reason"))}
        for at, each in enumerate(choices)
    ]
    for each in kept:
        each["message"] = {"role": "assistant", "content": None} | each["message"]
    return Reply(choices=kept, usage=openai_usage(found.get("usage")), fingerprint=_fingerprint(found))


def openai_piece(found: Mapping[str, Any]) -> Piece | None:
    """A part of a streamed answer in OpenAI's own form; None if it says nothing. Raises UpstreamError."""
    choices = found.get("choices") or []
    if not isinstance(choices, list):
        raise malformed("holds choices that are no list")
    kept = [
        {
            **_checked(each, "delta"),
            "index": each.get("index") or 0,
            "finish_reason": _text(each.get("finish_reason")),
        }
        for each in choices
    ]
    if not all(is_below(each["index"], MOST_CHOICES) for each in kept):
        raise malformed("numbers its choices with something else")
    usage = openai_usage(found.get("usage"))
    return Piece(choices=kept, usage=usage, fingerprint=_fingerprint(found)) if kept or usage is not None else None


def _fingerprint(found: Mapping[str, Any]) -> str:
    return _text(found.get("system_fingerprint")) or ""


def _checked(choice: Any, name: str) -> dict[str, Any]:
    """A choice whose message or delta has text for content, if any (some answer with parts), and calls of functions."""
    said = choice.get(name) if isinstance(choice, dict) else None
    if not isinstance(said, dict):
        raise malformed(f"holds a choice without a {name}")
    content, calls, refusal = said.get("content"), said.get("tool_calls") or [], said.get("refusal")
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        said = said | {"content": texts_of(content)}
    elif not (content is None or isinstance(content, str)):
        raise malformed("holds a content that is no text")
    if not (refusal is None or isinstance(refusal, str)):
        raise malformed("holds a refusal that is no text")
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise malformed("holds tool calls that are none")
    if calls:
        said = said | {"tool_calls": [_checked_call(call, at, name == "delta") for at, call in enumerate(calls)]}
    logprobs = choice.get("logprobs")
    if logprobs is not None and not _are_logprobs(logprobs):
        raise malformed("holds probabilities that are none")
    return {**choice, name: said}


def _are_logprobs(found: Any) -> bool:
    return isinstance(found, dict) and all(each is None or isinstance(each, list) for each in found.values())


def _checked_call(call: dict[str, Any], at: int, is_part: bool) -> dict[str, Any]:
    """A call, or a part of one: numbered if it is a part, name and arguments are texts, if any."""
    function = call.get("function") or {}
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if isinstance(arguments, dict):  # as some servers have it that write no OpenAI but nearly so
        function = function | {"arguments": json.dumps(arguments, ensure_ascii=False)}
    texts = (call.get("id"), function.get("name"), function.get("arguments")) if isinstance(function, dict) else (0,)
    number = at if call.get("index") is None else call["index"]
    if not all(each is None or isinstance(each, str) for each in texts) or not is_below(number, MOST_CALLS):
        raise malformed("holds tool calls that are none")
    if not is_part and not (call.get("id") and function.get("name")):
        raise malformed("holds a tool call without a name")
    return call | {"function": function} | ({"index": number} if is_part else {})


def _text(found: Any) -> str | None:
    return found if isinstance(found, str) else None


def openai_vectors(found: Mapping[str, Any], texts: int) -> EmbeddingsReply:
    """Vectors in OpenAI's own form, as many as texts. Raises UpstreamError."""
    rows = found.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise malformed("holds no vectors")
    ordered = sorted(rows, key=lambda row: count(row.get("index")) or 0)
    usage = found.get("usage")
    tokens = count(usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None
    return EmbeddingsReply(vectors=vectors([row.get("embedding") for row in ordered], texts), input_tokens=tokens)


def vectors(found: Sequence[Any], texts: int) -> list[list[float]]:
    """Vectors of finite numbers, all of one length, as many as texts. Raises UpstreamError."""
    if len(found) != texts:
        raise malformed(f"holds {len(found)} vectors for {texts} texts")
    try:
        are_good = all(isinstance(each, list) and each and math.isfinite(sum(array("f", each))) for each in found)
    except (TypeError, OverflowError):  # callers may want them packed, in 32 bits each
        are_good = False
    if not are_good or len({len(each) for each in found}) != 1:
        raise malformed("holds a vector that is none")
    return list(found)
