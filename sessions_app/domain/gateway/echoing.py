"""What the built-in echo answers: the same words, by rules that anybody can check. There is no model in it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

EMBEDDING_DIMENSIONS = 256
MOST_DIMENSIONS = 4096
DEEPEST_SAMPLE = 8
LONGEST_SAMPLE_CHARACTERS = 1_000_000
_WORD = re.compile(r"\w+")


def text_of(content: Any) -> str:
    """The text of a message's content: a string, parts, or nothing."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


def echoed(messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> str:
    """The text of the newest message that was not an assistant's; as JSON of the form that is asked for, if one is."""
    last = next((each for each in reversed(messages) if each.get("role") in ("user", "tool")), messages[-1])
    text = text_of(last.get("content"))
    form = options.get("response_format") or {}
    if form.get("type") == "json_object":
        return json.dumps({"echo": text}, ensure_ascii=False)
    if form.get("type") == "json_schema":
        return _written(sample_of((form.get("json_schema") or {}).get("schema") or {}, text))
    return text


def called_tool(messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name and arguments of the tool that is called: only where the caller demands one, and not after its answer."""
    choice = options.get("tool_choice")
    tools = [each["function"] for each in options.get("tools") or () if each.get("type") == "function"]
    if not tools or messages[-1].get("role") == "tool" or choice in (None, "auto", "none"):
        return None
    wanted = choice.get("function", {}).get("name") if isinstance(choice, Mapping) else tools[0]["name"]
    tool = next((each for each in tools if each["name"] == wanted), None)
    if tool is None:
        return None
    arguments = sample_of(tool.get("parameters") or {"type": "object"}, echoed(messages, {}))
    return tool["name"], _written(arguments)


def _written(sample: Any) -> str:
    """JSON of a sample, up to a length: a schema of many strings would hold a long text in each of them."""
    parts, size = [], 0
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(sample):
        parts.append(part)
        size += len(part)
        if size > LONGEST_SAMPLE_CHARACTERS:
            break
    return "".join(parts)


def sample_of(schema: Any, text: str, depth: int = 0) -> Any:
    """A value of the form that a JSON schema wants, as small as can be, with `text` in its strings."""
    if not isinstance(schema, Mapping) or depth > DEEPEST_SAMPLE:
        return text
    if "const" in schema:
        return schema["const"]
    for several in ("enum", "anyOf", "oneOf"):
        choices = schema.get(several)
        if isinstance(choices, list) and choices:
            return choices[0] if several == "enum" else sample_of(choices[0], text, depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        properties, required = schema.get("properties"), schema.get("required")
        properties = properties if isinstance(properties, Mapping) else {}
        names = required if isinstance(required, list) and required else list(properties)
        return {name: sample_of(properties.get(name), text, depth + 1) for name in names if isinstance(name, str)}
    if kind == "array":
        return [sample_of(schema.get("items"), text, depth + 1)]
    plain = {"integer": 0, "number": 0, "boolean": False, "null": None}
    return plain.get(str(kind), text)


def cut_at_stop(text: str, stop: Any) -> str:
    """Text up to the first of the stop words, without it."""
    words = [stop] if isinstance(stop, str) else list(stop or ())
    found = [text.find(word) for word in words if word]
    return text[: min((at for at in found if at >= 0), default=len(text))]


def hashed(text: str, dimensions: int) -> list[float]:
    """Feature hashing of the words of a text: each adds +1 or -1 at a place that its digest names; length 1.

    Texts that share words are near each other; meaning is not seen. The words' order is not, either.
    """
    vector = [0.0] * dimensions
    for word in _WORD.findall(text.casefold()):
        digest = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        vector[(digest >> 1) % dimensions] += 1.0 if digest & 1 else -1.0
    norm = math.sqrt(sum(each * each for each in vector))
    if norm:
        return [each / norm for each in vector]
    return [1.0, *vector[1:]]  # of no words, or of words that cancel out
