"""Tokens of texts and chats against counts that OpenAI has published, without a network."""

from __future__ import annotations

import json
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.services.gateway import counting
from sessions_app.services.gateway.counting import count_chat, count_text, count_texts, cut_text

# The examples of OpenAI's cookbook ("How to count tokens with tiktoken"), with what its API counted.
JARGON = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon "
        "into plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities "
        "for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
WEATHER = [
    {
        "role": "system",
        "content": "You are a helpful assistant that can answer to questions about the weather.",
    },
    {"role": "user", "content": "What's the weather like in San Francisco?"},
]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def chat(text: str, **changes: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": text, **changes}]


@pytest.mark.parametrize(("tokeniser", "expected"), [("o200k", 124), ("cl100k", 129)])
def test_a_conversation_takes_what_openais_own_interface_has_counted(tokeniser, expected):
    found = count_chat(JARGON, tokeniser=tokeniser)
    assert (found.tokens, found.is_estimate, found.basis) == (expected, False, "tokeniser")


@pytest.mark.parametrize(("tokeniser", "expected"), [("o200k", 101), ("cl100k", 105)])
def test_tools_take_what_openais_own_interface_has_counted(tokeniser, expected):
    found = count_chat(WEATHER, {"tools": [TOOL]}, tokeniser=tokeniser)
    assert (found.tokens, found.is_estimate) == (expected, True)


@pytest.mark.parametrize(
    ("text", "newer", "older"),
    [
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 8, 9),
    ],
)
def test_texts_take_what_is_published_for_both_vocabularies(text, newer, older):
    assert count_text(text, tokeniser="o200k").tokens == newer
    assert count_text(text, tokeniser="cl100k").tokens == older
    assert count_texts([text, text], tokeniser="cl100k").tokens == 2 * older


def test_no_network_is_asked(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    counting.count_tokens.__globals__["_encoding"].cache_clear()
    assert count_chat(JARGON, tokeniser="cl100k").tokens == 129


@pytest.mark.parametrize("tokeniser", ["claude", "gemma3", "somebody's"])
def test_where_no_vocabulary_is_public_the_count_is_an_estimate_and_higher(tokeniser):
    found = count_chat(JARGON, tokeniser=tokeniser)
    assert found.tokens > 124
    assert (found.is_estimate, found.basis) == (True, "estimate")


def test_images_schemas_tool_calls_and_their_results_count():
    plain = count_chat(chat("Look"), tokeniser="o200k").tokens
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}
    seen = count_chat(chat([{"type": "text", "text": "Look"}, image]), tokeniser="o200k")
    assert (seen.tokens, seen.is_estimate) == (plain + 85, True)
    schema = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "level", "schema": {"type": "number"}}}
    }
    assert count_chat(chat("Look"), schema, tokeniser="o200k").tokens > plain + 5
    call = {"id": "call_1", "type": "function", "function": {"name": "level", "arguments": json.dumps({"at": "delta"})}}
    talk = [
        *chat("Look"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "3 m"},
    ]
    assert count_chat(talk, tokeniser="o200k").tokens > plain + 15


@pytest.mark.parametrize("text", ["The dyke holds as long as the pumps run. " * 20, "user"])
def test_a_text_is_counted_once_and_never_kept(text, monkeypatch):
    first = count_text(text, tokeniser="o200k")
    monkeypatch.setattr(counting, "count_tokens", lambda *_, **__: pytest.fail("counted again"))
    assert count_text(text, tokeniser="o200k") == first
    assert all(isinstance(key, bytes) and len(key) == 16 for key in counting._KEPT._counts)


def test_no_more_counts_are_kept_than_the_bound(monkeypatch):
    monkeypatch.setattr(counting, "MOST_KEPT", 3)
    monkeypatch.setattr(counting, "_KEPT", counting._Counts())
    for number in range(9):
        count_text(f"{number} " * 40, tokeniser="o200k")
    assert len(counting._KEPT._counts) == 3


@pytest.mark.parametrize("text", ["\ud800 alone " * 20, "\x00" * 200, "<|endoftext|>" * 20, " " * 300_000])
def test_hostile_texts_are_counted(text):
    assert count_chat(chat(text), tokeniser="o200k").tokens > 4


@settings(deadline=None, max_examples=40)
@given(content=st.lists(st.fixed_dictionaries({"type": st.text(max_size=10), "text": JSON_VALUES})), extra=JSON_VALUES)
def test_whatever_a_message_holds_is_counted(content, extra):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": extra, "b": {}}}}}]
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"x": extra}}}
    found = count_chat(chat(content, name="n"), {"tools": tools, "response_format": schema}, tokeniser="claude")
    assert found.tokens > 12


@pytest.mark.parametrize("tokenisers", [("o200k",), ("o200k", "claude"), ("claude", "gemma3")])
@pytest.mark.parametrize(
    "text", ["The dyke at Sylhet holds until the evening tide. " * 20, "水位は毎時六センチ上がる。" * 30, ""]
)
def test_a_text_is_cut_to_what_whichever_tokeniser_counts(text: str, tokenisers: tuple[str, ...]) -> None:
    def most(of: str) -> int:
        return max(count_text(of, tokeniser=each).tokens for each in tokenisers)

    assert cut_text(text, most_tokens=most(text), tokenisers=tokenisers) == (text, False)
    for bound in (1, 7, 40):
        kept, is_cut = cut_text(text, most_tokens=bound, tokenisers=tokenisers)
        assert text.startswith(kept)
        assert most(kept) <= bound
        assert is_cut == (most(text) > bound)
        assert not is_cut or bound < 7 or kept
