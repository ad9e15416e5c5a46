"""Messages of a chat in OpenAI's format, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from budgets.domain.addresses import host_of, problem_of_host
from sessions_app.api.gateway.checks import flag, items, known, mapping, one_of, passed_on, text, wrong

MOST_MESSAGES = 4_000
MOST_PARTS = 1_000
MOST_CALLS = 128
MOST_CHARACTERS = 10_000_000
NAME_CHARACTERS = 128
LONGEST_URL = 8_192
INWARD = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa", ".lan")
"""Ends of names that never lead to a public host."""
CACHE_MARK = "prompt_cache_breakpoint"
THOUGHTS = ("reasoning", "reasoning_content", "reasoning_details")
"""What vLLM, DeepSeek and OpenRouter add to their answers; it comes back with them, and some of them want it."""
OF_ANSWERS = ("annotations", "parsed")
"""What comes back with an answer and no model reads; the second is the official client's own note."""
ROLES = ("system", "developer", "user", "assistant", "tool")
FIELDS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {
        *("role", "content", "name", "refusal", "tool_calls", "audio", "function_call"),
        *(*THOUGHTS, *OF_ANSWERS),
    },
    "tool": {"role", "content", "tool_call_id", "name"},
}


def read_messages(value: Any) -> list[Mapping[str, Any]]:
    """The messages. Raises InvalidInput that names the place."""
    return [
        _message(mapping(each, f"messages[{index}]"), f"messages[{index}]")
        for index, each in enumerate(items(value, "messages", most=MOST_MESSAGES))
    ]


def _message(message: Mapping[str, Any], at: str) -> Mapping[str, Any]:
    if "role" not in message:
        raise wrong(f"{at}.role", "is missing.", code="missing_required_parameter")
    role = one_of(message["role"], f"{at}.role", ROLES)
    known(message, at, FIELDS[role])
    if message.get("name") is not None:
        text(message["name"], f"{at}.name", most=NAME_CHARACTERS)
    read = _assistant(message, at) if role == "assistant" else {"content": _content(message.get("content"), at, role)}
    if role == "tool":
        text(message.get("tool_call_id"), f"{at}.tool_call_id", most=NAME_CHARACTERS)
    # What is null or empty of an answer's message comes back in the next call; a provider may refuse it.
    found = {**message, **read}
    return {
        name: each for name, each in found.items() if name == "content" or (each is not None and name not in OF_ANSWERS)
    }


def _assistant(message: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Content and calls, as far as there are any."""
    for name in ("function_call", "audio"):
        if message.get(name) is not None:
            raise wrong(f"{at}.{name}", "is not supported; use tool_calls.", code="unsupported_parameter")
    read: dict[str, Any] = {}
    if (calls := message.get("tool_calls")) is not None:
        read["tool_calls"] = [
            _tool_call(mapping(call, f"{at}.tool_calls[{index}]"), f"{at}.tool_calls[{index}]")
            for index, call in enumerate(items(calls, f"{at}.tool_calls", most=MOST_CALLS))
        ]
    if message.get("refusal") is not None:
        text(message["refusal"], f"{at}.refusal", most=MOST_CHARACTERS, least=0)
    for name in THOUGHTS:
        passed_on({"": message.get(name)}, f"{at}.{name}")
    if message.get("content") is not None:
        read["content"] = _content(message["content"], at, "assistant")
    elif not calls and message.get("refusal") is None:
        raise wrong(f"{at}.content", "is missing.", code="missing_required_parameter")
    return read


def _tool_call(call: Mapping[str, Any], at: str) -> dict[str, Any]:
    """A call without its number in a stream and notes of a client. Gemini's signature is in its `extra_content`."""
    known(call, at, {"id", "type", "function", "index", "extra_content"})
    text(call.get("id"), f"{at}.id", most=NAME_CHARACTERS)
    one_of(call.get("type", "function"), f"{at}.type", ("function",))
    function = mapping(call.get("function"), f"{at}.function")
    known(function, f"{at}.function", {"name", "arguments", "parsed_arguments"})  # the last one is the client's note
    name = text(function.get("name"), f"{at}.function.name", most=NAME_CHARACTERS)
    arguments = text(function.get("arguments"), f"{at}.function.arguments", most=MOST_CHARACTERS, least=0)
    read = {"id": call["id"], "type": "function", "function": {"name": name, "arguments": arguments}}
    if (extra := call.get("extra_content")) is not None:
        read["extra_content"] = passed_on(extra, f"{at}.extra_content")
    return read


def _content(content: Any, message_at: str, role: str) -> Any:
    """A text, or parts without what is told to a provider for its cache."""
    at = f"{message_at}.content"
    if isinstance(content, str):
        return text(content, at, most=MOST_CHARACTERS, least=0)
    if content is None:
        raise wrong(at, "is missing.", code="missing_required_parameter")
    if not isinstance(content, list):
        raise wrong(at, "must be a string or an array of parts.", code="invalid_type")
    kinds = PARTS_OF.get(role, ("text",))
    for index, part in enumerate(items(content, at, most=MOST_PARTS)):
        place = f"{at}[{index}]"
        kind = one_of(mapping(part, place).get("type"), f"{place}.type", tuple(READERS))
        if kind not in kinds:
            raise wrong(f"{place}.type", f"'{kind}' is not supported in a message of {role}.", code="unsupported_value")
        READERS[kind](part, place)
    return [{name: each for name, each in part.items() if name != CACHE_MARK} for part in content]


def _text_part(part: Mapping[str, Any], at: str) -> None:
    known(part, at, {"type", "text", CACHE_MARK})
    text(part.get("text"), f"{at}.text", most=MOST_CHARACTERS, least=0)


def _refusal_part(part: Mapping[str, Any], at: str) -> None:
    known(part, at, {"type", "refusal"})
    text(part.get("refusal"), f"{at}.refusal", most=MOST_CHARACTERS, least=0)


def _image_part(part: Mapping[str, Any], at: str) -> None:
    known(part, at, {"type", "image_url", CACHE_MARK})
    image = mapping(part.get("image_url"), f"{at}.image_url")
    known(image, f"{at}.image_url", {"url", "detail"})
    url = text(image.get("url"), f"{at}.image_url.url", most=MOST_CHARACTERS)
    if image.get("detail") is not None:
        one_of(image["detail"], f"{at}.image_url.detail", ("auto", "low", "high", "original"))
    if url.startswith("data:image/") and ";base64," in url[:100]:
        return
    if not url.startswith(("https://", "http://")) or len(url) > LONGEST_URL:
        raise wrong(f"{at}.image_url.url", "must be an http(s) address or a data URL of an image in base64.")
    # Whoever serves the model fetches it, and may stand in our own network.
    host = host_of(url).rstrip(".")
    # A name without a dot is completed by whoever looks it up, with his own network's domain. Where any other name
    # leads is not asked here: it may lead elsewhere a moment later. So hosts in our network are sent no addresses.
    is_single = "." not in host and ":" not in host
    if is_single or f".{host}".endswith(INWARD) or problem_of_host(host, exceptions=frozenset()):
        raise wrong(f"{at}.image_url.url", "must have a host that is public.")


def _unsupported(part: Mapping[str, Any], at: str) -> None:
    raise wrong(f"{at}.type", f"'{part['type']}' is not supported here.", code="unsupported_value")


READERS: dict[str, Callable[[Mapping[str, Any], str], None]] = {
    "text": _text_part,
    "refusal": _refusal_part,
    "image_url": _image_part,
    "input_audio": _unsupported,
    "file": _unsupported,
}
PARTS_OF = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}


def read_tools(value: Any) -> list[Mapping[str, Any]]:
    """Functions that the model may call."""
    tools = items(value, "tools", most=MOST_CALLS)
    for index, each in enumerate(tools):
        at = f"tools[{index}]"
        tool = mapping(each, at)
        if tool.get("type") != "function":
            raise wrong(f"{at}.type", "must be 'function'.", code="unsupported_value")
        known(tool, at, {"type", "function"})
        function = mapping(tool.get("function"), f"{at}.function")
        known(function, f"{at}.function", {"name", "description", "parameters", "strict"})
        text(function.get("name"), f"{at}.function.name", most=NAME_CHARACTERS)
        if function.get("description") is not None:
            text(function["description"], f"{at}.function.description", most=MOST_CHARACTERS, least=0)
        if function.get("parameters") is not None:
            passed_on(function["parameters"], f"{at}.function.parameters")
        if function.get("strict") is not None:
            flag(function["strict"], f"{at}.function.strict")
    return tools


def read_tool_choice(value: Any, tools: list[Mapping[str, Any]] | None) -> Any:
    """How the model chooses among the tools."""
    if isinstance(value, str):
        one_of(value, "tool_choice", ("none", "auto", "required"))
    else:
        choice = mapping(value, "tool_choice")
        known(choice, "tool_choice", {"type", "function"})
        one_of(choice.get("type"), "tool_choice.type", ("function",))
        function = mapping(choice.get("function"), "tool_choice.function")
        name = text(function.get("name"), "tool_choice.function.name", most=NAME_CHARACTERS)
        if name not in {tool["function"]["name"] for tool in tools or ()}:
            raise wrong("tool_choice.function.name", "is no function of 'tools'.")
    if tools is None and value != "none":
        raise wrong("tool_choice", "is only allowed with 'tools'.")
    return value
