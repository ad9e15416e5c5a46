"""Bodies and headers in OpenAI's format are read, or refused by the name of what cannot be meant."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from openai.resources import Embeddings
from openai.resources.chat import Completions

from config.kernel.errors import InvalidInput
from sessions_app.api.gateway.asking import read_headers
from sessions_app.api.gateway.checks import read_object
from sessions_app.api.gateway.parsing import WITHOUT_EFFECT, read_chat, read_embeddings

HELLO: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "messages[0].content[0].type"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"functions": []}, "functions"),
        ({"audio": {}}, "audio"),
        ({"moderation": {}}, "moderation"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"store": True}, "store"),
        ({"verbosity": "wordy"}, "verbosity"),
        ({"reasoning_effort": "utmost"}, "reasoning_effort"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"messages": [{"role": "user", "content": "a\0"}]}, "messages[0].content"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"a\0": 1}}}]},
            "tools[0].function.parameters",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"const": ["\0"]}}}},
            "response_format.json_schema.schema",
        ),
        ({"colour": "green"}, "colour"),
        ({"model": 7}, "model"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_parameter(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_chat(HELLO | changes)

    assert refused.value.field == param


@pytest.mark.parametrize(
    ("address", "is_read"),
    [
        ("https://example.org/a.png?" + "x" * 2000, True),
        ("http://[2606:4700::1111]/a.png", True),
        ("data:image/png;base64,AAAA", True),
        ("http://169.254.169.254/latest", False),
        ("http://[::ffff:10.0.0.1]/", False),
        ("http://0x7f.1/", False),
        ("http://localhost:11434/", False),
        ("http://metadata.google.internal./", False),
        ("http://redis:6379/", False),
        ("https://intranet/a.png", False),
        ("http://intranet./a.png", False),
        ("http://nas.home.arpa/a.png", False),
        ("http://2130706433/", False),
        ("http://[::1/", False),
        ("http://", False),
        ("file:///etc/passwd", False),
        ("data:text/html;base64,AAAA", False),
    ],
)
def test_an_image_has_an_address_that_is_public_or_is_inside(address: str, is_read: bool) -> None:
    part = {"type": "image_url", "image_url": {"url": address}}
    body = HELLO | {"messages": [{"role": "user", "content": [part]}]}

    assert _place_refused(read_chat, body) == ("" if is_read else "messages")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "x"}, "model"),
        ({"model": "e"}, "input"),
        ({"model": "e", "input": []}, "input"),
        ({"model": "e", "input": [1, 200_000]}, "input"),
        ({"model": "e", "input": [1, "a"]}, "input"),
        ({"model": "e", "input": [True]}, "input"),
        ({"model": "e", "input": [[1], []]}, "input[1]"),
        ({"model": "e", "input": [[1], [-1]]}, "input[1]"),
        ({"model": "e", "input": [[1], [2**70]]}, "input[1]"),
        ({"model": "e", "input": [[188]]}, "input[0]"),  # a null character
        ({"model": "e", "input": ["a", ""]}, "input[1]"),
        ({"model": "e", "input": "x", "dimensions": 0}, "dimensions"),
        ({"model": "e", "input": "x", "encoding_format": "zip"}, "encoding_format"),
        ({"model": "e", "input": "x", "colour": 1}, "colour"),
    ],
)
def test_embeddings_are_checked_the_same_way(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_embeddings(body)

    assert refused.value.field == param


def test_tokens_are_embedded_as_the_text_that_they_stand_for() -> None:
    wind, grid = [[59918, 220], [4297]], ["Wind ", "grid"]

    assert read_embeddings({"model": "e", "input": wind[0]}).texts == grid[:1]
    assert read_embeddings({"model": "e", "input": [*wind, "as text"]}).texts == [*grid, "as text"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b"[" * 5000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b"\xff",
    ],
)
def test_a_body_that_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_object(content)

    assert refused.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Commonwatt-Session", "x"),
        ("X-Commonwatt-Budget", "7"),
        ("X-Commonwatt-Latest", "soon"),
        ("X-Commonwatt-Latest", "2030-01-31T12:00:00"),
        ("X-Commonwatt-Latest", "2030-02-31T12:00:00Z"),
        ("X-Commonwatt-Latest", "2001-01-01T00:00:00Z"),
        ("X-Commonwatt-Mode", "slow"),
        ("X-Commonwatt-Purpose", ""),
        ("X-Commonwatt-Latency-Class", "soon"),
        ("X-Commonwatt-Residency", "germany"),
        ("Idempotency-Key", ""),
        ("Idempotency-Key", "k" * 256),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused_by_its_name(header: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_headers({header.lower(): value})

    assert refused.value.field == header


def test_all_that_a_client_may_send_is_read_and_what_a_provider_need_not_know_is_left_out() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    messages = [
        {"role": "developer", "content": "be terse"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None, "audio": None},
        {"role": "tool", "tool_call_id": "c", "content": "4"},
    ]
    options = {"temperature": 0, "stop": ["a"], "tools": [tool], "tool_choice": "auto", "seed": 1, "n": 2}
    told = {"user": "someone", "metadata": {"a": "b"}, "store": False, "logprobs": None}

    ask = read_chat({"model": "m", "messages": messages, "max_completion_tokens": 5, **options, **told})

    assert (ask.max_output_tokens, dict(ask.options)) == (5, options)
    assert ask.messages[2] == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert [each["role"] for each in ask.messages] == ["developer", "user", "assistant", "tool"]


def test_an_answer_may_come_back_as_the_clients_library_gives_it() -> None:
    signature = {"google": {"thought_signature": "c2ln"}}
    function = {"name": "f", "arguments": "{}"}
    call = {"id": "c", "function": function | {"parsed_arguments": {}}, "index": 0, "extra_content": signature}
    notes = {"annotations": [], "parsed": {"a": 1}, "reasoning_content": "so"}
    answer = {"role": "assistant", "content": "", "tool_calls": [call], **notes}

    ask = read_chat({"model": "m", "messages": [answer, *HELLO["messages"]]})

    read = {"id": "c", "type": "function", "function": function, "extra_content": signature}
    assert ask.messages[0] == {"role": "assistant", "content": "", "reasoning_content": "so", "tool_calls": [read]}


@pytest.mark.parametrize(("create", "read"), [(Completions.create, read_chat), (Embeddings.create, read_embeddings)])
def test_every_parameter_of_the_official_client_is_known_by_its_name(create: Any, read: Any) -> None:
    of_transport = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}

    for name in inspect.signature(create).parameters.keys() - of_transport:
        body = {"model": "m", "messages": HELLO["messages"]} if read is read_chat else {"model": "m", "input": "x"}
        assert _place_refused(read, body | {name: {"no": "good value"}}) == ("" if name in WITHOUT_EFFECT else name)


def _place_refused(read: Any, body: dict[str, Any]) -> str:
    """The parameter that a body is refused for, as far as it is one that is known; empty if it is read."""
    try:
        read(body)
    except InvalidInput as refused:
        name = str(refused.field)
        return "" if refused.code == "unknown_parameter" and "." not in name else name.split(".")[0].split("[")[0]
    return ""
