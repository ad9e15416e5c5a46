"""What a chat takes of a model's window, by the rules that OpenAI has published for its chat format.

A message takes 3 tokens beside its fields, a name 1 more, the answer is primed with 3. Tools are rendered as lines
of name, type and description with fixed costs around them. Of nested schemas nothing was published: they are
counted as the JSON they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sessions_app.domain.gateway.image_tokens import size_of, tokens_of

Count = Callable[[str], int]
MESSAGE_TOKENS = 3
NAME_TOKENS = 1
PRIMING_TOKENS = 3
TOOL_TOKENS = {"o200k_base": 7, "cl100k_base": 10}
TOOLS_END_TOKENS = 12
PROPERTIES_TOKENS = 3
PROPERTY_TOKENS = 3
ENUM_TOKENS = -3
ENUM_ITEM_TOKENS = 3
AUDIO_TOKENS_PER_KILOBYTE = 1  # 10 tokens a second (published); the least rate of speech is about 8 kB a second


def messages_tokens(messages: Sequence[Mapping[str, Any]], count: Count) -> int:
    """Tokens of a conversation without its tools, the priming of the answer included."""
    return PRIMING_TOKENS + sum(_message(each, count) for each in messages)


def tools_tokens(tools: Sequence[Mapping[str, Any]], count: Count, *, encoding: str) -> int:
    """Tokens of what may be called; 0 for none."""
    if not tools:
        return 0
    return TOOLS_END_TOKENS + sum(TOOL_TOKENS[encoding] + _function(each, count) for each in tools)


def image_parts(messages: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every image of a conversation: its `url` and `detail`."""
    for message in messages:
        for part in _parts(message):
            if part.get("type") == "image_url":
                image = part.get("image_url")
                yield image if isinstance(image, Mapping) else {"url": image}


def _message(message: Mapping[str, Any], count: Count) -> int:
    content = message.get("content")
    total = MESSAGE_TOKENS + count(str(message.get("role", "")))
    total += count(content) if isinstance(content, str) else sum(_part(each, count) for each in _parts(message))
    if message.get("name"):
        total += NAME_TOKENS + count(str(message["name"]))
    for field in ("refusal", "tool_call_id"):
        if isinstance(message.get(field), str):
            total += count(message[field])
    return total + sum(_call(each, count) for each in message.get("tool_calls") or ())


def _part(part: Mapping[str, Any], count: Count) -> int:
    match part.get("type"):
        case "image_url":
            image = part.get("image_url")
            image = image if isinstance(image, Mapping) else {"url": image}
            return tokens_of(size_of(str(image.get("url") or "")), detail=str(image.get("detail") or "auto"))
        case "input_audio":
            data = (part.get("input_audio") or {}).get("data") or ""
            return len(data) * 3 // 4096 * AUDIO_TOKENS_PER_KILOBYTE
        case "refusal":
            return count(str(part.get("refusal") or ""))
        case "text":
            return count(str(part.get("text") or ""))
        case _:
            return count(_json(part))


def _call(call: Mapping[str, Any], count: Count) -> int:
    function = call.get("function") or call.get("custom") or {}
    said = function.get("arguments") or function.get("input") or ""
    return MESSAGE_TOKENS + count(str(call.get("id") or "")) + count(f"{function.get('name', '')}{said}")


def _function(tool: Mapping[str, Any], count: Count) -> int:
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return count(_json(tool))
    total = count(f"{function.get('name', '')}:{_words(function.get('description'))}")
    parameters = function.get("parameters") or {}
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    if not isinstance(properties, Mapping):
        return total + (count(_json(parameters)) if parameters else 0)
    total += PROPERTIES_TOKENS if properties else 0
    return total + sum(_property(str(name), schema, count) for name, schema in properties.items())


def _property(name: str, schema: Any, count: Count) -> int:
    if not isinstance(schema, Mapping):
        return PROPERTY_TOKENS + count(f"{name}:{_json(schema)}")
    choices = schema.get("enum")
    total = PROPERTY_TOKENS
    if isinstance(choices, Sequence) and not isinstance(choices, str):
        total += ENUM_TOKENS + sum(ENUM_ITEM_TOKENS + count(str(each)) for each in choices)
    kind = schema.get("type")
    total += count(f"{name}:{kind if isinstance(kind, str) else _json(kind)}:{_words(schema.get('description'))}")
    nested = {key: value for key, value in schema.items() if key not in ("type", "description", "enum")}
    return total + (count(_json(nested)) if nested else 0)


def _parts(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, Sequence) and not isinstance(content, str):
        return [each for each in content if isinstance(each, Mapping)]
    return ()


def _words(description: Any) -> str:
    return str(description or "").removesuffix(".")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
