"""A stream that was seen is the answer it would have been as a whole, and may be streamed again."""

from __future__ import annotations

import json

from sessions_app.api.gateway.answers import Chunks
from sessions_app.domain.gateway.wire import Piece, Usage
from sessions_app.services.gateway.seen import Seen
from sessions_app.services.gateway.wishes import Answered, Figures

SIGNED = {"google": {"thought_signature": "c2ln"}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}, "extra_content": SIGNED}
LIKELY = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": []}], "refusal": None}
FIGURES = Figures(call_id="c-1", request_id=None)
STREAM = [
    {"index": 1, "delta": {"role": "assistant", "content": "a"}, "logprobs": LIKELY},
    {"index": 0, "delta": {"role": "assistant", "content": None, "tool_calls": [CALL | {"index": 0}]}},
    {"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}},
    {"index": 1, "delta": {"content": "b"}, "logprobs": LIKELY},
    {"index": 1, "delta": {}, "finish_reason": "stop"},
    {"index": 0, "delta": {}, "finish_reason": "tool_calls"},
]


def _seen(choices: list[dict[str, object]]) -> Seen:
    seen = Seen()
    for each in choices:
        seen.note(Piece(choices=[each]))
    return seen


def test_several_answers_with_calls_signatures_and_probabilities_are_put_together() -> None:
    seen = _seen(STREAM)

    assert seen.is_whole
    assert seen.choices() == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "tool_calls": [CALL | {"function": {"name": "f", "arguments": "{}"}}],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": "ab", "refusal": None},
            "logprobs": {"content": LIKELY["content"] * 2, "refusal": []},
            "finish_reason": "stop",
        },
    ]


def test_who_answers_is_remembered_and_told_from_the_first_chunk_that_says_it() -> None:
    seen, chunks = Seen(), Chunks(FIGURES, model="m", created=1, wants_usage=True)
    pieces = [Piece(choices=[STREAM[0]]), Piece(choices=[STREAM[3]], fingerprint="fp"), Piece(choices=[STREAM[4]])]

    told = [json.loads(chunks.of(each).removeprefix(b"data: "))["system_fingerprint"] for each in pieces]
    for each in pieces:
        seen.note(each)

    assert told == [None, "fp", "fp"]
    assert seen.fingerprint == "fp"
    assert b'"system_fingerprint":"fp"' in chunks.usage(Usage(input_tokens=1, output_tokens=2))


def test_what_was_put_together_is_streamed_as_the_same() -> None:
    choices = _seen(STREAM).choices()
    figures = FIGURES
    usage = Usage(input_tokens=1, output_tokens=2)
    answer = Answered(figures=figures, model="m", created=1, usage=usage, usage_basis="provider", choices=choices)
    chunks = Chunks(figures, model="m", created=1, wants_usage=True)

    events = [json.loads(each.removeprefix(b"data: ")) for each in chunks.replayed(answer)]

    assert _seen([choice for each in events for choice in each["choices"]]).choices() == choices
    assert {each["usage"] for each in events} == {None}
