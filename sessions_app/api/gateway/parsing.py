"""Bodies in OpenAI's format, read into what the gateway works with. Refusals name the parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from config.kernel.errors import InvalidInput
from sessions_app.api.gateway.checks import (
    flag,
    items,
    known,
    mapping,
    number,
    one_of,
    passed_on,
    text,
    whole,
    wrong,
)
from sessions_app.api.gateway.messages import read_messages, read_tool_choice, read_tools
from sessions_app.api.gateway.token_input import text_of_input
from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk

MOST_TOKENS = 10_000_000
MOST_CHOICES = 16
MOST_TEXTS = 2_048
MOST_CHARACTERS = 10_000_000
MODEL_CHARACTERS = 120
MOST_BIASES = 1_024
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
OWN = {"model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options"}
WITHOUT_EFFECT = {
    *("user", "metadata", "service_tier", "safety_identifier"),
    *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
}
"""Told to a provider for its own books or bounds: neither asked for nor passed on, so no caller's name leaves."""
UNSUPPORTED = {"functions", "function_call", "audio", "prediction", "moderation", "web_search_options"}


def read_chat(body: Mapping[str, Any]) -> ChatAsk:
    """A chat completion that is asked for."""
    _refuse_unsupported(body)
    known(body, "", KNOWN)
    given = {name: each for name, each in body.items() if each is not None}
    options = {name: reader(given[name], name) for name, reader in READERS.items() if name in given}
    if "tool_choice" in given:
        options["tool_choice"] = read_tool_choice(given["tool_choice"], options.get("tools"))
    if "top_logprobs" in options and not options.get("logprobs"):
        raise wrong("top_logprobs", "is only allowed with 'logprobs'.")
    is_stream = flag(given.get("stream", False), "stream")
    return ChatAsk(
        model=_model(given),
        messages=read_messages(_required(given, "messages")),
        max_output_tokens=_most_tokens(given),
        is_stream=is_stream,
        wants_usage=_wants_usage(given, is_stream),
        options=options,
    )


def read_embeddings(body: Mapping[str, Any]) -> EmbeddingsAsk:
    """Texts that are to be embedded."""
    known(body, "", {"model", "input", "dimensions", "encoding_format", "user"})
    given = {name: each for name, each in body.items() if each is not None}
    texts = _texts(_required(given, "input"))
    encoding = one_of(given.get("encoding_format", "float"), "encoding_format", ("float", "base64"))
    dimensions = whole(given["dimensions"], "dimensions", 1, 65_536) if "dimensions" in given else None
    return EmbeddingsAsk(model=_model(given), texts=texts, dimensions=dimensions, is_base64=encoding == "base64")


def _texts(value: Any) -> list[str]:
    """A text, texts, tokens, or lists of tokens: what OpenAI takes as the input of embeddings."""
    if isinstance(value, str):
        return [text(value, "input", most=MOST_CHARACTERS)]
    if isinstance(value, list) and value and isinstance(value[0], int):
        return [text_of_input(value, "input", most_characters=MOST_CHARACTERS)]
    found = items(value, "input", most=MOST_TEXTS)
    return [
        text_of_input(each, f"input[{index}]", most_characters=MOST_CHARACTERS)
        if isinstance(each, list)
        else text(each, f"input[{index}]", most=MOST_CHARACTERS)
        for index, each in enumerate(found)
    ]


def _refuse_unsupported(body: Mapping[str, Any]) -> None:
    for name in UNSUPPORTED:
        if body.get(name) is not None:
            raise wrong(name, "is not supported here.", code="unsupported_parameter")
    if body.get("store"):
        raise wrong("store", "is not supported: the text of calls is kept nowhere.", code="unsupported_parameter")
    if body.get("modalities") not in (None, ["text"]):
        raise wrong("modalities", "other than text are not supported here.", code="unsupported_parameter")


def _model(given: Mapping[str, Any]) -> str:
    return text(_required(given, "model"), "model", most=MODEL_CHARACTERS)


def _required(given: Mapping[str, Any], name: str) -> Any:
    if name not in given:
        raise InvalidInput(f"Missing required parameter: '{name}'.", field=name, code="missing_required_parameter")
    return given[name]


def _most_tokens(given: Mapping[str, Any]) -> int | None:
    stated = {
        name: whole(given[name], name, 1, MOST_TOKENS)
        for name in ("max_completion_tokens", "max_tokens")
        if name in given
    }
    if len(set(stated.values())) > 1:
        raise wrong("max_tokens", "and 'max_completion_tokens' say different things.")
    return next(iter(stated.values()), None)


def _wants_usage(given: Mapping[str, Any], is_stream: bool) -> bool:
    if "stream_options" not in given:
        return False
    if not is_stream:
        raise wrong("stream_options", "is only allowed with 'stream'.")
    options = mapping(given["stream_options"], "stream_options")
    known(options, "stream_options", {"include_usage", "include_obfuscation"})
    return flag(options.get("include_usage") or False, "stream_options.include_usage")


def _stop(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return text(value, name, most=1_000)
    return [text(each, f"{name}[{index}]", most=1_000) for index, each in enumerate(items(value, name, most=4))]


def _response_format(value: Any, name: str) -> Any:
    shape = mapping(value, name)
    kind = one_of(shape.get("type"), f"{name}.type", ("text", "json_object", "json_schema"))
    known(shape, name, {"type", "json_schema"} if kind == "json_schema" else {"type"})
    if kind == "json_schema":
        schema = mapping(shape.get("json_schema"), f"{name}.json_schema")
        known(schema, f"{name}.json_schema", {"name", "description", "schema", "strict"})
        text(schema.get("name"), f"{name}.json_schema.name", most=64)
        passed_on(schema.get("schema"), f"{name}.json_schema.schema")
        if schema.get("description") is not None:
            text(schema["description"], f"{name}.json_schema.description", most=MOST_CHARACTERS, least=0)
        if schema.get("strict") is not None:
            flag(schema["strict"], f"{name}.json_schema.strict")
    return shape


def _biases(value: Any, name: str) -> Any:
    biases = mapping(value, name)
    if len(biases) > MOST_BIASES:
        raise wrong(name, f"must have at most {MOST_BIASES} entries.")
    for key, each in biases.items():
        if not (key.isascii() and key.isdigit()):
            raise wrong(name, "must map numbers of tokens to biases.")
        number(each, f"{name}.{key[:20]}", -100, 100)
    return biases


READERS: dict[str, Callable[[Any, str], Any]] = {
    "temperature": lambda value, name: number(value, name, 0, 2),
    "top_p": lambda value, name: number(value, name, 0, 1),
    "n": lambda value, name: whole(value, name, 1, MOST_CHOICES),
    "stop": _stop,
    "presence_penalty": lambda value, name: number(value, name, -2, 2),
    "frequency_penalty": lambda value, name: number(value, name, -2, 2),
    "logit_bias": _biases,
    "logprobs": flag,
    "top_logprobs": lambda value, name: whole(value, name, 0, 20),
    "response_format": _response_format,
    "seed": lambda value, name: whole(value, name, -(2**63), 2**63 - 1),
    "tools": lambda value, _name: read_tools(value),
    "parallel_tool_calls": flag,
    "reasoning_effort": lambda value, name: one_of(value, name, EFFORTS),
    "verbosity": lambda value, name: one_of(value, name, ("low", "medium", "high")),
}
KNOWN = frozenset({*OWN, *WITHOUT_EFFECT, *READERS, "tool_choice", "store", "modalities"})
"""Parameters of a chat that are read, or passed over."""
