"""What of a chat a council can keep."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.domain.gateway.plain_chat import Unkept, text_of, unkept
from sessions_app.domain.gateway.wire import ChatAsk

USER = {"role": "user", "content": "Should it go out?"}


def lost(*messages: dict[str, Any], most: int | None = None, **options: Any) -> Unkept | None:
    ask = ChatAsk(model="wise", messages=messages or [USER], max_output_tokens=most, options=options)
    return unkept(ask, most_output_tokens=600)


def test_a_plain_chat_is_kept_whole():
    parts = {"role": "user", "content": [{"type": "text", "text": "Should it"}, {"type": "text", "text": "go out?"}]}
    assert lost({"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Yes."}, parts) is None
    assert text_of(parts) == "Should it\ngo out?"


@pytest.mark.parametrize(
    "options",
    [
        {"n": 1},
        {"top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0},
        {"logprobs": False, "logit_bias": {}},
        {"response_format": {"type": "text"}},
        {"tool_choice": "none", "parallel_tool_calls": True},
    ],
)
def test_options_that_change_no_answer_are_no_matter(options):
    assert lost(**options) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("temperature", 1),
        ("seed", 0),
        ("stop", ["."]),
        ("verbosity", "low"),
        ("reasoning_effort", "none"),
        ("logprobs", True),
        ("response_format", {"type": "json_object"}),
        ("tools", [{"type": "function", "function": {"name": "look"}}]),
        ("a_parameter_of_tomorrow", None),
    ],
)
def test_an_option_that_may_change_an_answer_cannot_be_kept(name, value):
    found = lost(**{name: value})
    assert found is not None
    assert found.param == name
    assert f"'{name}'" in found.words


def test_a_bound_is_kept_up_to_what_a_council_may_answer():
    assert lost(most=600) is None
    found = lost(most=601)
    assert (found.param, "at most 600 tokens" in found.words) == ("max_tokens", True)


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.org/b"}}]}, "content[0]"),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, "content[0]"),
        ({"role": "assistant", "refusal": "No."}, "refusal"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "tool_calls"),
        ({"role": "tool", "tool_call_id": "a", "content": "6 cm"}, "role"),
    ],
)
def test_a_message_that_is_more_than_text_is_named_by_its_place(message, place):
    assert lost(USER, message).param == f"messages[1].{place}"


@pytest.mark.parametrize("content", ["", " \n", [{"type": "text", "text": ""}]])
def test_a_chat_in_which_the_user_says_nothing_is_no_question(content):
    assert lost({"role": "system", "content": "Be brief."}, {"role": "user", "content": content}).param == "messages"
