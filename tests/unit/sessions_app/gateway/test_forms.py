"""A chat in OpenAI's form is asked of others in theirs, and what they cannot do is said by its name."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.domain.gateway import anthropic_form, gemini_form
from sessions_app.domain.gateway.reading import openai_piece, openai_reply
from sessions_app.domain.gateway.wire import ChatAsk, UpstreamError

PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_grid", "description": "Grid", "parameters": SCHEMA}}
CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Be short."},
    {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
        ],
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "get_grid", "arguments": '{"city": "Oslo"}'}},
            {"id": "c2", "type": "function", "function": {"name": "get_grid", "arguments": "not json"}},
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": '{"g": 30}'},
    {"role": "tool", "tool_call_id": "c2", "content": "unknown"},
    {"role": "user", "content": "And now?"},
]


def _ask(*messages: dict[str, Any], **options: Any) -> ChatAsk:
    return ChatAsk(model="any", messages=messages or [{"role": "user", "content": "Hi"}], options=options)


def test_a_whole_chat_is_asked_of_anthropic_turn_by_turn():
    body = anthropic_form.asked(_ask(*CHAT), "m", 9)

    assert body["system"] == "Be short.\n\nBe kind."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    ]
    assert [each["input"] for each in body["messages"][1]["content"]] == [{"city": "Oslo"}, {"arguments": "not json"}]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": '{"g": 30}'}]},
        {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "unknown"}]},
        {"type": "text", "text": "And now?"},
    ]


def test_options_have_other_names_at_anthropic():
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
    choice = {"type": "function", "function": {"name": "get_grid"}}
    ask = _ask(
        temperature=0.2,
        top_p=0.9,
        stop="END",
        tools=[TOOL],
        tool_choice=choice,
        parallel_tool_calls=False,
        response_format=form,
        reasoning_effort="minimal",
        user="u-1",
    )

    body = anthropic_form.asked(ask, "m", 9)

    assert body["stop_sequences"] == ["END"]
    assert body["tools"] == [{"name": "get_grid", "description": "Grid", "input_schema": SCHEMA}]
    assert body["tool_choice"] == {"type": "tool", "name": "get_grid", "disable_parallel_tool_use": True}
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}, "effort": "low"}
    assert body["metadata"] == {"user_id": "u-1"}
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.2, 0.9, 9)


@pytest.mark.parametrize(
    ("choice", "anthropic", "gemini"),
    [
        (None, {"type": "auto"}, {"mode": "AUTO"}),
        ("none", {"type": "none"}, {"mode": "NONE"}),
        ("required", {"type": "any"}, {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "get_grid"}},
            {"type": "tool", "name": "get_grid"},
            {"mode": "ANY", "allowedFunctionNames": ["get_grid"]},
        ),
    ],
)
def test_the_choice_of_tools_means_the_same(choice, anthropic, gemini):
    ask = _ask(tools=[TOOL], tool_choice=choice)

    assert anthropic_form.asked(ask, "m", 9)["tool_choice"] == anthropic
    assert gemini_form.asked(ask, "m", 9)["toolConfig"] == {"functionCallingConfig": gemini}


def test_an_image_by_address_is_left_to_anthropic_to_fetch_and_refused_of_gemini():
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    ask = _ask({"role": "user", "content": [part]})

    assert anthropic_form.problem_of(ask) == ""
    assert anthropic_form.asked(ask, "m", 9)["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
    ]
    assert gemini_form.problem_of(ask).startswith("messages: ")


def test_a_whole_chat_is_asked_of_gemini_turn_by_turn():
    body = gemini_form.asked(_ask(*CHAT), "gemini-3-pro", 9)

    assert body["systemInstruction"] == {"parts": [{"text": "Be short.\n\nBe kind."}]}
    assert [turn["role"] for turn in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][0]["parts"] == [
        {"text": "What is this?"},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
    ]
    assert body["contents"][1]["parts"] == [
        {
            "functionCall": {"id": "c1", "name": "get_grid", "args": {"city": "Oslo"}},
            "thoughtSignature": gemini_form.UNSIGNED,
        },
        {"functionCall": {"id": "c2", "name": "get_grid", "args": {"arguments": "not json"}}},
    ]
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"id": "c1", "name": "get_grid", "response": {"g": 30}}},
        {"functionResponse": {"id": "c2", "name": "get_grid", "response": {"result": "unknown"}}},
        {"text": "And now?"},
    ]


def test_a_signature_that_came_with_a_call_goes_back_with_it():
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    signed = call | {"extra_content": {"google": {"thought_signature": "c2ln"}}}

    def part(model: str, made: dict[str, Any]) -> dict[str, Any]:
        ask = _ask({"role": "assistant", "tool_calls": [made]})
        return gemini_form.asked(ask, model, 9)["contents"][0]["parts"][0]

    assert part("gemini-3-pro", signed)["thoughtSignature"] == "c2ln"
    assert part("gemini-2.5-flash", signed)["thoughtSignature"] == "c2ln"
    assert part("gemini-3-pro", call)["thoughtSignature"] == gemini_form.UNSIGNED
    assert "thoughtSignature" not in part("gemini-2.5-flash", call)


def test_options_have_other_names_at_gemini():
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    ask = _ask(
        temperature=1.7,
        top_p=0.9,
        stop=["A", "B"],
        n=2,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        response_format=form,
        reasoning_effort="low",
        tools=[TOOL],
    )

    body = gemini_form.asked(ask, "gemini-2.5-flash", 9)

    assert body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 1.7,
        "topP": 0.9,
        "stopSequences": ["A", "B"],
        "candidateCount": 2,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
        "thinkingConfig": {"thinkingBudget": 1024},
    }
    declared = {"name": "get_grid", "description": "Grid", "parametersJsonSchema": SCHEMA}
    assert body["tools"] == [{"functionDeclarations": [declared]}]
    newer = gemini_form.asked(ask, "gemini-3-pro", 9)
    assert newer["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "low"}


@pytest.mark.parametrize(
    ("options", "anthropic", "gemini"),
    [
        ({"n": 2}, "n", ""),
        ({"seed": 7}, "seed", ""),
        ({"temperature": 1.5}, "temperature", ""),
        ({"logprobs": True}, "logprobs", "logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias", "logit_bias"),
        ({"presence_penalty": 0.5}, "presence_penalty", ""),
        ({"response_format": {"type": "json_object"}}, "response_format", ""),
        ({"parallel_tool_calls": False}, "", "parallel_tool_calls"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools", "tools"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice", "tool_choice"),
        ({"stop": ["a", "b", "c", "d", "e", "f"]}, "", "stop"),
        ({"modalities": ["text", "audio"]}, "modalities", "modalities"),
        ({"web_search_options": {"x": 1}}, "web_search_options", "web_search_options"),
        ({"n": 1, "logprobs": False, "logit_bias": {}, "presence_penalty": 0, "user": "u", "store": True}, "", ""),
        ({"n": None, "response_format": {"type": "text"}, "service_tier": "auto", "metadata": {"a": "b"}}, "", ""),
    ],
)
def test_what_a_provider_cannot_do_is_named(options, anthropic, gemini):
    for form, name in ((anthropic_form, anthropic), (gemini_form, gemini)):
        problem = form.problem_of(_ask(**options))
        assert problem.partition(":")[0] == name, problem


@pytest.mark.parametrize("kind", ["input_audio", "file"])
def test_what_is_neither_text_nor_image_is_refused(kind):
    ask = _ask({"role": "user", "content": [{"type": kind, kind: {}}]})

    assert anthropic_form.problem_of(ask).startswith("messages: ")
    assert gemini_form.problem_of(ask).startswith("messages: ")


def test_calls_of_gemini_get_names_that_were_not_used_before():
    earlier = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ask = _ask(
        {"role": "assistant", "tool_calls": [earlier]}, {"role": "tool", "tool_call_id": "call_1", "content": ""}
    )
    answer = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}]}

    call = gemini_form.answered(answer, ask).choices[0]["message"]["tool_calls"][0]

    assert call == {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_two_candidates_are_two_choices():
    answer = {
        "candidates": [
            {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS"},
            {"index": 0, "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"},
        ]
    }

    choices = gemini_form.answered(answer, _ask(n=2)).choices

    assert [(each["message"]["content"], each["finish_reason"]) for each in choices] == [("a", "stop"), ("b", "length")]


def test_a_call_that_gemini_itself_calls_malformed_is_no_answer():
    answer = {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL"}]}

    with pytest.raises(UpstreamError):
        gemini_form.answered(answer, _ask())


_NAMES = """type index content_block delta message usage text partial_json stop_reason id name input content
choices tool_calls finish_reason prompt_tokens
candidates parts functionCall args finishReason promptFeedback blockReason usageMetadata promptTokenCount"""
_KEYS = re.findall(r"\w+", _NAMES)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)
_KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"]


@given(events=st.lists(st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=5), max_size=5), data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_answer_is_too_strange_to_be_told(events, data):
    """Whatever a provider sends is read, passed over, or a fault: nothing else is raised."""
    claude, google = anthropic_form.StreamReader(), gemini_form.StreamReader(_ask())
    for event in events:
        kind = data.draw(st.sampled_from(_KINDS))
        for read in (
            lambda event=event, kind=kind: claude.take(event | {"type": kind}),
            lambda event=event: google.take(event),
            lambda event=event: openai_piece(event),
            lambda event=event: openai_reply(event),
            lambda event=event: anthropic_form.answered(event),
            lambda event=event: gemini_form.answered(event, _ask()),
        ):
            try:
                json.dumps(read(), default=str)
            except UpstreamError:
                continue
