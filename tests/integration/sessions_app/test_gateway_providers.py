"""Adapters against answers in the vendors' documented form, over real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from sessions_app.connectors.anthropic import Anthropic
from sessions_app.connectors.contract import Provider
from sessions_app.connectors.gemini import Gemini
from sessions_app.connectors.local import Local
from sessions_app.connectors.openai_compatible import OpenAICompatible
from sessions_app.connectors.registry import provider_of
from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk, Fault, UpstreamError, Usage
from sessions_app.models.gateway import Deployment
from tests.integration.sessions_app.replaying import LOCAL, Replay, ask_of, recorded, replay, told

TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": name, "parameters": {"type": "object", "properties": {}}},
    }
    for name in ("get_grid", "get_time")
]


def _streamed(provider: Provider, body: Any, ask: ChatAsk | None = None) -> tuple[dict[str, Any], Replay]:
    async def run() -> tuple[dict[str, Any], Replay]:
        async with replay(body) as seen:
            found = [each async for each in provider.stream(seen.target(), ask or ask_of(), max_output_tokens=50)]
            return told(found), seen

    return asyncio.run(run())


def _whole(provider: Provider, body: bytes, ask: ChatAsk | None = None, **served: Any) -> tuple[Any, Replay]:
    async def run() -> tuple[Any, Replay]:
        async with replay(body, **served) as seen:
            return await provider.chat(seen.target(), ask or ask_of(), max_output_tokens=50), seen

    return asyncio.run(run())


def _fault(call: Callable[[], Any]) -> UpstreamError:
    with pytest.raises(UpstreamError) as raised:
        call()
    assert "s3cret" not in f"{raised.value!r} {raised.value.detail}"
    assert "127.0.0.1" not in str(raised.value)
    return raised.value


def test_anthropic_streams_text_and_counts_its_cache_as_input():
    found, seen = _streamed(Anthropic(LOCAL), recorded("anthropic_text.sse"))

    assert found == {
        "text": "Grün 🌍!",
        "calls": [],
        "finishes": ["stop"],
        "usage": Usage(input_tokens=40, output_tokens=15, cached_tokens=5),
    }
    assert seen.paths == ["/v1/messages"]
    assert seen.bodies[0] == {
        "model": "m-1",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": True,
    }
    assert (seen.headers[0]["x-api-key"], seen.headers[0]["anthropic-version"]) == ("s3cret", "2023-06-01")


def test_anthropic_streams_calls_of_tools_and_leaves_thoughts_out():
    found, _seen = _streamed(Anthropic(LOCAL), recorded("anthropic_tools.sse"))

    assert found["text"] == "Let me look."
    assert found["calls"] == [
        ("toolu_01Sample", "get_grid", '{"zone": "NO-NO1"}'),
        ("toolu_02Sample", "get_time", "{}"),
    ]
    assert found["finishes"] == ["tool_calls"]
    assert found["usage"] == Usage(input_tokens=472, output_tokens=89, reasoning_tokens=40)


def test_anthropic_answers_whole_with_what_a_cache_gave():
    reply, _seen = _whole(Anthropic(LOCAL), recorded("anthropic_message.json"))

    assert reply.choices[0]["message"] == {"role": "assistant", "content": "Hello there.", "refusal": None}
    assert reply.choices[0]["finish_reason"] == "length"
    assert reply.usage == Usage(input_tokens=3095, output_tokens=503, cached_tokens=900, reasoning_tokens=200)


def test_anthropic_answers_with_a_call():
    reply, _seen = _whole(Anthropic(LOCAL), recorded("anthropic_tools.json"))

    message = reply.choices[0]["message"]
    assert message["content"] is None
    assert message["tool_calls"][0]["id"] == "toolu_03Sample"
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"zone": "NO-NO1", "hours": [1, 2]}


def test_a_refusal_of_anthropic_is_a_filtered_answer():
    reply, _seen = _whole(Anthropic(LOCAL), recorded("anthropic_refusal.json"))

    assert reply.choices[0]["finish_reason"] == "content_filter"
    assert reply.choices[0]["message"]["content"] == ""


def test_an_error_inside_of_a_stream_is_a_fault():
    fault = _fault(lambda: _streamed(Anthropic(LOCAL), recorded("anthropic_overloaded.sse")))

    assert (fault.fault, fault.status) == (Fault.UNAVAILABLE, 529)


def test_what_a_provider_says_of_a_bad_request_is_for_the_caller_only():
    fault = _fault(lambda: _whole(Anthropic(LOCAL), recorded("anthropic_invalid.json"), status=400))

    assert (fault.fault, fault.words) == (Fault.BAD_REQUEST, "The provider refuses the request (400).")
    assert fault.detail.startswith("max_tokens: 99999 > 8192")


def test_anthropic_has_no_embeddings():
    texts = EmbeddingsAsk(model="any", texts=["a"])

    fault = _fault(lambda: asyncio.run(Anthropic(LOCAL).embed(Replay(url="http://127.0.0.1").target(), texts)))

    assert fault.fault is Fault.BAD_REQUEST


def test_gemini_streams_text_and_counts_its_thoughts_as_output():
    found, seen = _streamed(Gemini(LOCAL), recorded("gemini_text.sse"))

    assert found == {
        "text": "Grün 🌍!",
        "calls": [],
        "finishes": ["stop"],
        "usage": Usage(input_tokens=11, output_tokens=54, cached_tokens=8, reasoning_tokens=49),
    }
    assert seen.paths == ["/v1beta/models/m-1:streamGenerateContent?alt=sse"]
    assert seen.headers[0]["x-goog-api-key"] == "s3cret"
    assert "key=" not in seen.paths[0]
    assert seen.bodies[0] == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"maxOutputTokens": 50},
    }


def test_gemini_streams_calls_with_names_of_their_own_and_its_signature():
    async def run() -> list[Any]:
        async with replay(recorded("gemini_tools.sse")) as seen:
            ask = ask_of(tools=TOOLS)
            return [each async for each in Gemini(LOCAL).stream(seen.target(), ask, max_output_tokens=50)]

    pieces = asyncio.run(run())
    found = told(pieces)

    assert found["calls"] == [("call_1", "get_grid", '{"zone": "NO-NO1"}'), ("fc-2", "get_time", "{}")]
    assert found["finishes"] == ["tool_calls"]
    assert found["usage"] == Usage(input_tokens=73, output_tokens=12)
    calls = [call for each in pieces for choice in each.choices for call in choice["delta"].get("tool_calls", ())]
    assert calls[0]["extra_content"] == {"google": {"thought_signature": "c2lnbmF0dXJl"}}
    assert "extra_content" not in calls[1]


def test_gemini_answers_whole_and_says_that_it_was_cut():
    reply, seen = _whole(Gemini(LOCAL), recorded("gemini_answer.json"))

    assert reply.choices[0]["message"]["content"] == "Hello there."
    assert reply.choices[0]["finish_reason"] == "length"
    assert reply.usage == Usage(input_tokens=20, output_tokens=103, reasoning_tokens=100)
    assert seen.paths == ["/v1beta/models/m-1:generateContent"]


def test_gemini_may_spend_everything_on_thoughts():
    reply, _seen = _whole(Gemini(LOCAL), recorded("gemini_thoughts_only.json"))

    assert (reply.choices[0]["message"]["content"], reply.choices[0]["finish_reason"]) == ("", "length")
    assert reply.usage == Usage(input_tokens=20, output_tokens=32, reasoning_tokens=32)


@pytest.mark.parametrize("name", ["gemini_blocked.json", "gemini_unsafe.json"])
def test_what_gemini_blocks_is_a_filtered_answer(name):
    reply, _seen = _whole(Gemini(LOCAL), recorded(name))

    assert reply.choices[0]["finish_reason"] == "content_filter"
    assert reply.usage == Usage(input_tokens=7, output_tokens=0)


def test_gemini_says_in_the_body_how_long_to_wait():
    fault = _fault(lambda: _whole(Gemini(LOCAL), recorded("gemini_exhausted.json"), status=429))

    assert (fault.fault, fault.retry_after_seconds) == (Fault.RATE_LIMITED, 34.5)


def test_a_wrong_key_of_gemini_is_no_bad_request():
    fault = _fault(lambda: _whole(Gemini(LOCAL), recorded("gemini_wrong_key.json"), status=400))

    assert (fault.fault, fault.detail) == (Fault.REFUSED, "")


def test_gemini_gives_vectors():
    async def run() -> Any:
        async with replay(recorded("gemini_vectors.json")) as seen:
            ask = EmbeddingsAsk(model="any", texts=["a", "b"], dimensions=3)
            return await Gemini(LOCAL).embed(seen.target(), ask), seen

    reply, seen = asyncio.run(run())

    assert reply.vectors == [[0.5, -0.5, 0.25], [0.1, 0.2, 0.3]]
    assert reply.input_tokens is None
    assert seen.paths == ["/v1beta/models/m-1:batchEmbedContents"]
    first = {"model": "models/m-1", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 3}
    assert seen.bodies[0]["requests"][0] == first


def test_what_is_openais_passes_as_it_is():
    ask = ask_of("Hi", tools=TOOLS, tool_choice="auto", temperature=0.5, seed=None)

    found, seen = _streamed(OpenAICompatible(LOCAL), recorded("openai_tools.sse"), ask)

    assert found["calls"] == [("call_a", "get_grid", '{"zone": "NØ"}')]
    assert found["finishes"] == ["tool_calls"]
    assert found["usage"] == Usage(input_tokens=80, output_tokens=17, cached_tokens=64, reasoning_tokens=9)
    assert seen.bodies[0] == {
        "tools": TOOLS,
        "tool_choice": "auto",
        "temperature": 0.5,
        "model": "m-1",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 50,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert seen.headers[0]["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        (Anthropic(LOCAL), "anthropic_tools.sse"),
        (Gemini(LOCAL), "gemini_text.sse"),
        (OpenAICompatible(LOCAL), "openai_tools.sse"),
    ],
)
def test_a_stream_that_comes_byte_by_byte_says_the_same(provider, name):
    body = recorded(name)

    dripped, _ = _streamed(provider, [bytes([each]) for each in body])

    assert dripped == _streamed(provider, body)[0]


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        (Anthropic(LOCAL), "anthropic_tools.sse"),
        (Gemini(LOCAL), "gemini_text.sse"),
        (OpenAICompatible(LOCAL), "openai_tools.sse"),
    ],
)
def test_a_stream_that_ends_before_its_end_is_cut_wherever_that_is(provider, name):
    body = recorded(name)
    events = body.split(b"\n\n")
    last_words = {"anthropic_tools.sse": 1, "gemini_text.sse": 1, "openai_tools.sse": 3}[name]

    for kept in range(1, len(events) - last_words):
        fault = _fault(lambda kept=kept: _streamed(provider, b"\n\n".join(events[:kept]) + b"\n\n"))
        assert fault.fault is Fault.CUT, kept


def test_pieces_of_openai_say_what_they_are_of():
    async def run() -> set[str]:
        async with replay(recorded("openai_tools.sse")) as seen:
            stream = OpenAICompatible(LOCAL).stream(seen.target(), ask_of(), max_output_tokens=5)
            return {each.fingerprint async for each in stream if each.fingerprint}

    assert asyncio.run(run()) == {"fp_1"}


def test_whoever_leaves_a_stream_closes_it_upstream():
    first = recorded("anthropic_text.sse")[:900]

    async def run() -> None:
        async with replay([first], kind="text/event-stream", stays=True) as seen:
            stream = Anthropic(LOCAL).stream(seen.target(), ask_of(), max_output_tokens=5)
            await anext(stream)
            await stream.aclose()
            await asyncio.wait_for(seen.gone.wait(), 2)

    asyncio.run(run())


def test_a_cancelled_call_closes_its_connection():
    async def run() -> None:
        async with replay(b'{"half": ', stays=True) as seen:
            call = asyncio.create_task(OpenAICompatible(LOCAL).chat(seen.target(), ask_of(), max_output_tokens=5))
            while not seen.bodies:
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(seen.gone.wait(), 2)

    asyncio.run(run())


@pytest.mark.parametrize("ends_after_seconds", [0.0, 0.02])
@pytest.mark.parametrize("name", ["openai_tools.sse", "gemini_text.sse"])
def test_connections_are_kept_for_the_next_call(name, ends_after_seconds):
    provider = Gemini(LOCAL) if name.startswith("gemini") else OpenAICompatible(LOCAL)

    async def run() -> int:
        async with replay(recorded(name), ends_after_seconds=ends_after_seconds) as seen:
            for _ in range(5):
                async for _piece in provider.stream(seen.target(), ask_of(), max_output_tokens=5):
                    pass
            return seen.connections

    assert asyncio.run(run()) == 1


@pytest.mark.parametrize(
    ("bounds", "body"),
    [
        ({"first_byte_seconds": 0.1}, []),
        ({"idle_seconds": 0.1}, [b"data: 1"]),
        ({"total_seconds": 0.2}, [b": still here\n\n"] * 3),
    ],
)
def test_a_provider_that_says_nothing_more_is_left(bounds, body):
    async def run() -> None:
        async with replay(body, kind="text/event-stream", stays=True) as seen:
            async for _piece in OpenAICompatible(LOCAL).stream(seen.target(**bounds), ask_of(), max_output_tokens=5):
                pass

    assert _fault(lambda: asyncio.run(run())).fault is Fault.TIMEOUT


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (302, Fault.MALFORMED),
        (401, Fault.REFUSED),
        (404, Fault.REFUSED),
        (408, Fault.TIMEOUT),
        (413, Fault.BAD_REQUEST),
        (422, Fault.BAD_REQUEST),
        (429, Fault.RATE_LIMITED),
        (500, Fault.UNAVAILABLE),
        (503, Fault.UNAVAILABLE),
        (529, Fault.UNAVAILABLE),
    ],
)
def test_each_status_is_one_fault(status, fault):
    body = b'{"error": {"message": "Incorrect API key provided: s3cret-1234"}}' if status == 401 else b"<html>"

    found = _fault(lambda: _whole(OpenAICompatible(LOCAL), body, status=status, headers="Retry-After: 7\r\n"))

    assert (found.fault, found.status) == (fault, status)
    assert found.retry_after_seconds == (7.0 if status in (429, 500, 503, 529) else None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": "x"}}, {"message": {"content": "x"}}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"content": null, "tool_calls": [1]}}]}',
        b'{"choices": [{"message": {"content": "\\ud800"}}]}',
        b'{"choices": [{"message": {"content": NaN}}]}',
        b'{"choices": [{"message": {"content": "x"}, "logprobs": 1e999}]}',
        b'{"choices": [{"message": {"content": "x"}, "logprobs": ' + b"[" * 200 + b"]" * 200 + b"}]}",
        b'{"choices": [{"message": {"refusal": {}}}]}',
        b'{"choices": [{"message": {"tool_calls": [{"id": "a", "function": "f"}]}}]}',
        b'{"choices": [{"message": {"tool_calls": [{"id": 1, "function": {"name": "f"}}]}}]}',
        b'{"choices": [{"message": {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": 5}}]}}]}',
        b'{"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": ""}}]}}]}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_malformed(body):
    fault = _fault(lambda: _whole(OpenAICompatible(LOCAL), body, kind="application/json"))

    assert fault.fault is Fault.MALFORMED


@pytest.mark.parametrize(
    "part",
    [{"index": "x"}, {"index": -1}, {"index": 1e300}, {"index": 5000}, {"function": "f"}, {"function": {"name": 5}}],
)
def test_a_part_of_a_call_that_is_none_is_malformed(part):
    event = {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"name": "f"}} | part]}}]}

    fault = _fault(lambda: _streamed(OpenAICompatible(LOCAL), b"data: " + json.dumps(event).encode() + b"\n\n"))

    assert fault.fault is Fault.MALFORMED


def test_a_stream_of_more_answers_than_were_asked_for_is_malformed():
    event = b'data: {"choices": [{"index": 1, "delta": {"content": "x"}}]}\n\n'

    assert _fault(lambda: _streamed(OpenAICompatible(LOCAL), event)).fault is Fault.MALFORMED
    assert _fault(lambda: _streamed(OpenAICompatible(LOCAL), event, ask_of(n=2))).fault is Fault.CUT


def test_a_whole_answer_may_take_longer_than_the_first_byte_of_a_stream():
    body = {"choices": [{"message": {"content": "late"}, "finish_reason": "stop"}]}

    async def run(is_stream: bool, total_seconds: float) -> Any:
        async with replay(json.dumps(body).encode(), waits_seconds=0.3) as seen:
            target, provider = seen.target(first_byte_seconds=0.1, total_seconds=total_seconds), OpenAICompatible(LOCAL)
            if is_stream:
                return [each async for each in provider.stream(target, ask_of(), max_output_tokens=5)]
            return await provider.chat(target, ask_of(), max_output_tokens=5)

    assert asyncio.run(run(False, 5)).choices[0]["message"] == {"role": "assistant", "content": "late"}
    assert _fault(lambda: asyncio.run(run(False, 0.1))).fault is Fault.TIMEOUT
    assert _fault(lambda: asyncio.run(run(True, 5))).fault is Fault.TIMEOUT


def test_a_number_that_json_cannot_hold_is_a_fault_of_the_call():
    ask = ask_of(tools=[{"type": "function", "function": {"name": "f", "parameters": {"maximum": float("inf")}}}])

    fault = _fault(lambda: _whole(OpenAICompatible(LOCAL), b"{}", ask))

    assert fault.fault is Fault.BAD_REQUEST


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_provider_that_quotes_our_key_is_not_quoted(is_stream):
    said = {"error": {"type": "invalid_request_error", "message": "No s3cret\0 like s3cret is for m-1"}}

    def call() -> Any:
        if is_stream:
            return _streamed(OpenAICompatible(LOCAL), b"data: " + json.dumps(said).encode() + b"\n\n")
        return _whole(OpenAICompatible(LOCAL), json.dumps(said).encode(), status=400)

    assert _fault(call).detail == "No … like … is for m-1"


def test_null_characters_are_left_out_since_no_database_takes_them():
    call = {"id": "a\0", "type": "function", "function": {"name": "f", "arguments": {"\0x": ["\0"]}}}
    body = {"choices": [{"message": {"content": "a\0b", "tool_calls": [call]}, "finish_reason": "stop"}]}

    reply, _seen = _whole(OpenAICompatible(LOCAL), json.dumps(body).encode())

    message = reply.choices[0]["message"]
    assert (message["content"], message["tool_calls"][0]["id"]) == ("ab", "a")
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"x": [""]}


def test_what_came_of_another_provider_is_not_sent_to_one_who_would_refuse_it():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "so",
        "tool_calls": [call | {"extra_content": {}}],
    }

    _reply, seen = _whole(OpenAICompatible(LOCAL), b'{"choices": [{"message": {}}]}', ask_of(said))

    assert seen.bodies[0]["messages"] == [said | {"tool_calls": [call]}]


def test_vectors_of_another_length_than_was_asked_for_are_refused_by_name():
    async def run() -> None:
        async with replay(b'{"data": [{"embedding": [0.5, 1]}]}') as seen:
            await Local(LOCAL).embed(seen.target(), EmbeddingsAsk(model="any", texts=["a"], dimensions=3))

    fault = _fault(lambda: asyncio.run(run()))

    assert (fault.fault, fault.words) == (Fault.BAD_REQUEST, "dimensions: this model gives 2.")


def test_a_local_deployment_hears_of_no_tools_where_none_may_be_called():
    body = b'{"choices": [{"message": {"content": "x"}}]}'
    none, auto = (_whole(Local(LOCAL), body, ask_of(tools=TOOLS, tool_choice=each))[1] for each in ("none", "auto"))

    assert "tools" not in none.bodies[0]
    assert auto.bodies[0]["tools"] == TOOLS
    for name, value in (
        ("tool_choice", "required"),
        ("n", 2),
        ("logit_bias", {"1": 1}),
        ("parallel_tool_calls", False),
    ):
        assert Local(LOCAL).problem_of(ask_of(**{"tools": TOOLS, name: value})).startswith(f"{name}: ")


def test_an_answer_in_parts_is_their_text():
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = {"choices": [{"message": {"role": "assistant", "content": parts}, "finish_reason": 7}]}

    reply, _seen = _whole(OpenAICompatible(LOCAL), json.dumps(body).encode())

    assert reply.choices[0]["message"]["content"] == "ab"
    assert reply.choices[0]["finish_reason"] is None


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], {"prompt_tokens": -1, "completion_tokens": 1}, {"prompt_tokens": "9"}, {"prompt_tokens": 1e9}],
)
def test_usage_that_nobody_would_believe_is_none(usage):
    body = {"choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}], "usage": usage}

    reply, _seen = _whole(OpenAICompatible(LOCAL), json.dumps(body).encode())

    assert reply.usage is None


@pytest.mark.parametrize(
    "rows",
    [[], [[1.0]], [[1.0], [1.0, 2.0]], [["a"], ["b"]], [[1e999], [1.0]], [[1e39], [1.0]], [[], []], [None, None]],
)
def test_vectors_that_are_none_are_malformed(rows):
    body = json.dumps({"data": [{"index": at, "embedding": row} for at, row in enumerate(rows)]})

    async def run() -> None:
        async with replay(body.replace("Infinity", "1e999").encode()) as seen:
            await OpenAICompatible(LOCAL).embed(seen.target(), EmbeddingsAsk(model="any", texts=["a", "b"]))

    assert _fault(lambda: asyncio.run(run())).fault is Fault.MALFORMED


def test_vectors_come_in_the_order_of_the_texts():
    body = {"data": [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}], "usage": {"prompt_tokens": 4}}

    async def run() -> Any:
        async with replay(json.dumps(body).encode()) as seen:
            return await Local(LOCAL).embed(seen.target(secret=""), EmbeddingsAsk(model="any", texts=["a", "b"])), seen

    reply, seen = asyncio.run(run())

    assert (reply.vectors, reply.input_tokens) == ([[1], [2]], 4)
    assert seen.paths == ["/v1/embeddings"]
    assert "authorization" not in seen.headers[0]


def test_an_answer_that_says_no_json_is_no_stream():
    fault = _fault(lambda: _streamed(OpenAICompatible(LOCAL), b'{"choices": []}'))

    assert fault.fault is Fault.MALFORMED


def test_a_compressed_answer_is_not_unpacked():
    fault = _fault(lambda: _whole(OpenAICompatible(LOCAL), b"\x1f\x8b", headers="Content-Encoding: gzip\r\n"))

    assert fault.fault is Fault.MALFORMED


def test_there_is_an_adapter_for_each_kind_of_deployment():
    for kind in Deployment.Provider.values:
        assert provider_of(kind).problem_of(ask_of()) == ""
