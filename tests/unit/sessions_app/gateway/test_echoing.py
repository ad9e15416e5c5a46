"""The echo answers by rules that anybody can check."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets.services import count_tokens, split_tokens
from sessions_app.connectors.echo import Echo
from sessions_app.domain.gateway.echoing import hashed, sample_of
from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk, Fault, Reply, Target, UpstreamError

TARGET = Target(deployment_id=1, provider="echo", base_url="", model="echo")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "hours": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city", "hours"],
}
TOOL = {"type": "function", "function": {"name": "get_grid", "parameters": SCHEMA}}


def _ask(*messages: dict[str, Any] | str, **options: Any) -> ChatAsk:
    said = [{"role": "user", "content": each} if isinstance(each, str) else each for each in messages]
    return ChatAsk(model="echo", messages=said, options=options)


def _reply(ask: ChatAsk, most: int = 1000) -> Reply:
    return asyncio.run(Echo().chat(TARGET, ask, max_output_tokens=most))


def test_the_newest_message_comes_back_word_for_word():
    reply = _reply(_ask("first", {"role": "assistant", "content": "between"}, "Grün 🌍!"))

    assert reply.choices[0]["message"]["content"] == "Grün 🌍!"
    assert reply.choices[0]["finish_reason"] == "stop"
    assert reply.usage is not None
    assert reply.usage.output_tokens == count_tokens("Grün 🌍!")
    assert reply.fingerprint == "echo-no-model"


@given(text=st.text(max_size=60), most=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_an_answer_has_at_most_the_tokens_that_are_asked_for(text, most):
    pieces, tokens = split_tokens(text, most=most)

    assert tokens == min(most, count_tokens(text))
    assert text.startswith("".join(pieces))
    assert tokens < count_tokens(text) or "".join(pieces) == text


def test_a_long_text_is_split_as_it_is_counted():
    text = "zebra " * 20_000

    assert split_tokens(text, most=10**9) == ([*split_tokens(text, most=10**9)[0]], count_tokens(text))


def test_a_cut_answer_says_so():
    reply = _reply(_ask("one two three four five"), most=2)

    assert reply.choices[0]["message"]["content"] == "one two"
    assert reply.choices[0]["finish_reason"] == "length"


def test_a_stream_says_the_same_as_the_whole():
    ask = _ask("Grün 🌍 and 🎉🎊!")

    async def run() -> list[Any]:
        return [each async for each in Echo().stream(TARGET, ask, max_output_tokens=1000)]

    pieces = asyncio.run(run())
    whole = _reply(ask)

    text = "".join(each["delta"].get("content") or "" for piece in pieces for each in piece.choices)
    assert text == whole.choices[0]["message"]["content"]
    assert {each.fingerprint for each in pieces} == {"echo-no-model"}
    assert pieces[-1].usage == whole.usage
    assert pieces[-2].choices[0]["finish_reason"] == "stop"


def test_stop_words_end_the_answer_before_them():
    assert _reply(_ask("one STOP two", stop=["STOP", "two"])).choices[0]["message"]["content"] == "one "


def test_a_demanded_tool_is_called_and_its_answer_echoed():
    call = _reply(_ask("Oslo", tools=[TOOL], tool_choice="required")).choices[0]
    answer = {"role": "tool", "tool_call_id": "call_echo", "content": "30 g"}

    assert call["finish_reason"] == "tool_calls"
    function = call["message"]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("get_grid", {"city": "Oslo", "hours": [0]})
    after = _reply(_ask("Oslo", call["message"], answer, tools=[TOOL], tool_choice="required"))
    assert after.choices[0]["message"]["content"] == "30 g"


def test_a_tool_that_may_be_called_is_not():
    assert _reply(_ask("Oslo", tools=[TOOL], tool_choice="auto")).choices[0]["finish_reason"] == "stop"


def test_json_that_is_asked_for_is_json_of_that_form():
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}

    answer = _reply(_ask("Oslo", response_format=form)).choices[0]["message"]["content"]

    assert json.loads(answer) == {"city": "Oslo", "hours": [0]}
    plain = _reply(_ask("Oslo", response_format={"type": "json_object"})).choices[0]["message"]["content"]
    assert json.loads(plain) == {"echo": "Oslo"}


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": "ab"},
        {"enum": {"a": 1}},
        {"anyOf": 5},
        {"type": "object", "required": [{}, 1], "properties": [1]},
        {"properties": 7},
        {"type": {}},
    ],
)
def test_a_schema_that_is_none_has_a_sample(schema):
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}

    assert _reply(_ask("Oslo", tools=[tool], tool_choice="required")).choices[0]["finish_reason"] == "tool_calls"


def test_a_long_text_in_a_schema_of_many_strings_does_not_fill_the_memory():
    schema = {"type": "object", "required": [f"n{at}" for at in range(100_000)]}

    reply = _reply(_ask("x" * 100_000, response_format={"type": "json_schema", "json_schema": {"schema": schema}}), 50)

    assert reply.choices[0]["finish_reason"] == "length"


def test_a_schema_without_an_end_has_a_sample():
    schema: dict[str, Any] = {"type": "object", "required": ["next"]}
    schema["properties"] = {"next": schema}

    assert json.dumps(sample_of(schema, "x")).count("next") < 20


@pytest.mark.parametrize(("options", "name"), [({"n": 2}, "n"), ({"logprobs": True}, "logprobs")])
def test_what_the_echo_cannot_do_is_named(options, name):
    assert Echo().problem_of(_ask("Hi", **options)).startswith(f"{name}: ")


def test_texts_with_words_in_common_are_near_each_other():
    wind, winds, prices = (
        hashed(text, 256) for text in ("wind over the sea", "Wind, over THE sea?", "prices of markets")
    )

    def near(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert near(wind, winds) > 0.99 > 0.2 > near(wind, prices)
    assert all(math.isclose(near(each, each), 1) for each in (wind, winds, prices))


@given(text=st.text(max_size=40), dimensions=st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_every_text_has_a_vector_of_length_one(text, dimensions):
    vector = hashed(text, dimensions)

    assert len(vector) == dimensions
    assert math.isclose(sum(each * each for each in vector), 1)


def test_more_dimensions_than_there_are_are_refused():
    ask = EmbeddingsAsk(model="echo", texts=["a"], dimensions=5000)

    with pytest.raises(UpstreamError) as refused:
        asyncio.run(Echo().embed(TARGET, ask))

    assert refused.value.fault is Fault.BAD_REQUEST
    assert refused.value.words.startswith("dimensions: ")
