"""The official OpenAI client against `manage.py serve`: answers, streams, tools, embeddings, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import requests

from tests.integration.server.asking import assert_ledger_is_sound
from tests.integration.server.gateway import Gateway, ask, gateway_on_sqlite

pytestmark = pytest.mark.sqlite
KINDS = ("solo", "claude", "gemini")
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_on_sqlite(tmp_path_factory.mktemp("gateway")) as made:
        yield made
        assert_ledger_is_sound(made.deployment.env)


def streamed(chunks: Any) -> tuple[str, list[Any]]:
    """The text of a stream and its chunks."""
    found = list(chunks)
    return "".join(each.choices[0].delta.content or "" for each in found if each.choices), found


@pytest.mark.parametrize("model", KINDS)
def test_the_official_client_gets_an_answer_that_is_paid_as_the_provider_reports_it(gateway, model):
    budget_id = gateway.budget_of(100_000)
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})

    raw = client.chat.completions.with_raw_response.create(**ask("one two three", model, max_tokens=7))
    answer = raw.parse()

    assert answer.choices[0].message.content.strip() == "one two three one two three one"
    assert answer.choices[0].finish_reason == "length"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 7, 10)
    assert gateway.spent_and_reserved(budget_id) == (10, 0)
    request = gateway.api.get(f"requests/{raw.headers['X-Commonwatt-Request']}/").json()
    assert (request["status"], request["region"]["code"]) == ("settled", raw.headers["X-Commonwatt-Region"])
    assert raw.headers["X-Commonwatt-Budget-Remaining"].startswith("99990")
    assert float(raw.headers["X-Commonwatt-Cost-Usd"]) > 0
    assert float(raw.headers["X-Commonwatt-Carbon-G"]) > 0


@pytest.mark.parametrize("model", KINDS)
def test_a_stream_is_the_same_answer_with_its_usage_in_the_last_chunk(gateway, model):
    budget_id = gateway.budget_of(100_000)
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})

    with_usage = {"stream": True, "stream_options": {"include_usage": True}}
    text, chunks = streamed(client.chat.completions.create(**ask("one two", model, max_tokens=5, **with_usage)))

    assert text.strip() == "one two one two one"
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "length"
    assert chunks[-1].choices == []
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (2, 5)
    assert gateway.settled(budget_id) == 7


def test_a_stream_has_no_usage_where_none_was_asked_for_and_is_paid_all_the_same(gateway):
    budget_id = gateway.budget_of(100_000)
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})

    _, chunks = streamed(client.chat.completions.create(**ask("one two", max_tokens=5, stream=True)))

    assert all(each.usage is None and each.choices for each in chunks)
    assert gateway.settled(budget_id) == 7


def test_the_asynchronous_client_gets_many_answers_at_once_each_its_own(gateway):
    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(**gateway.options()) as client:

            async def one(number: int) -> str:
                if number % 2:
                    answer = await client.chat.completions.create(**ask(f"caller{number}", max_tokens=2))
                    return answer.choices[0].message.content or ""
                stream = await client.chat.completions.create(**ask(f"caller{number}", max_tokens=2, stream=True))
                return "".join([each.choices[0].delta.content or "" async for each in stream if each.choices])

            return await asyncio.gather(*(one(number) for number in range(40)))

    answers = asyncio.run(all_of_them())

    assert [each.split() for each in answers] == [[f"caller{number}"] * 2 for number in range(40)]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("model", KINDS)
def test_a_tool_is_called_and_its_result_answered(gateway, model, is_stream):
    client, asked = gateway.openai(), ask("Is it windy?", model, tools=[WEATHER])
    if is_stream:
        deltas = [
            call
            for chunk in client.chat.completions.create(**asked, stream=True)
            for choice in chunk.choices
            for call in choice.delta.tool_calls or ()
        ]
        call_id, name = deltas[0].id, deltas[0].function.name
        arguments = "".join(each.function.arguments or "" for each in deltas)
    else:
        choice = client.chat.completions.create(**asked).choices[0]
        call = choice.message.tool_calls[0]
        assert choice.finish_reason == "tool_calls"
        call_id, name, arguments = call.id, call.function.name, call.function.arguments
    called = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    turns = [
        *asked["messages"],
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call_id, "content": "windy there"},
    ]
    answer = client.chat.completions.create(**{**asked, "messages": turns})

    assert (name, json.loads(arguments)) == ("weather", {"city": "Oslo"})
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content


def test_texts_are_embedded_in_their_order_as_numbers_and_packed(gateway):
    budget_id = gateway.budget_of(1_000)
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})

    packed = client.embeddings.create(model="vectors", input=["one two", "three"])  # the client asks for base64
    plain = client.embeddings.create(model="vectors", input=["one two", "three"], encoding_format="float")

    assert [each.index for each in plain.data] == [0, 1]
    assert [len(each.embedding) for each in plain.data] == [8, 8]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert plain.usage.prompt_tokens == 3
    assert gateway.spent_and_reserved(budget_id) == (6, 0)


def test_the_models_that_serve_are_listed_the_echo_among_them(gateway):
    client = gateway.openai()

    names = {each.id for each in client.models.list()}

    assert {"echo", "echo-embedding", "solo", "pair", "claude", "gemini", "vectors"} <= names
    assert client.models.retrieve("solo").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_the_echo_answers_without_a_provider(gateway):
    answer = gateway.openai().chat.completions.create(**ask("good morning", "echo", max_tokens=16))

    assert "good morning" in answer.choices[0].message.content
    assert answer.usage.completion_tokens <= 16


REFUSED = [
    (openai.NotFoundError, 404, ask(model="nobody"), {}),
    (openai.BadRequestError, 400, {"model": "solo", "messages": []}, {"param": "messages"}),
    (openai.BadRequestError, 400, ask(temperature=9), {"param": "temperature"}),
    (openai.BadRequestError, 400, ask(max_tokens=0), {"param": "max_tokens"}),
    (openai.BadRequestError, 400, ask(extra_body={"surprise": 1}), {"param": "surprise"}),
]


@pytest.mark.parametrize(("kind", "status", "asked", "facts"), REFUSED)
def test_a_refusal_is_the_exception_that_the_client_knows(gateway, kind, status, asked, facts):
    before = gateway.upstream.seen("solo").requests

    with pytest.raises(kind) as refused:
        gateway.openai().chat.completions.create(**asked)

    assert refused.value.status_code == status
    assert {name: getattr(refused.value, name) for name in facts} == facts
    assert gateway.upstream.seen("solo").requests == before


def test_a_wrong_key_a_wrong_path_and_a_wrong_method_are_refused_in_the_same_envelope(gateway):
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(**{**gateway.options(), "api_key": "cw_wrong"}).chat.completions.create(**ask())
    url = gateway.deployment.servers[0].url
    for method, path, status in (("POST", "chat/completion", 404), ("GET", "chat/completions", 405)):
        answer = requests.request(method, f"{url}/v1/{path}", timeout=30)
        assert (answer.status_code, sorted(answer.json())) == (status, ["error"])
        assert {"message", "type", "param", "code"} <= set(answer.json()["error"])


def test_a_budget_that_cannot_pay_refuses_with_what_is_left_and_nothing_goes_upstream(gateway):
    budget_id = gateway.budget_of(20)
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})
    before = gateway.upstream.seen("solo").requests

    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(**ask(max_tokens=500))

    assert refused.value.status_code == 402
    assert float(refused.value.response.json()["error"]["remaining"]) == 20
    assert gateway.spent_and_reserved(budget_id) == (0, 0)
    assert gateway.upstream.seen("solo").requests == before


def test_where_less_than_the_estimate_is_left_less_is_granted_and_said(gateway):
    budget_id = gateway.budget_of(60)
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})

    raw = client.chat.completions.with_raw_response.create(**ask())

    most = int(raw.headers["X-Commonwatt-Max-Tokens"])
    sent = gateway.upstream.seen("solo").bodies[-1]
    assert 16 <= most < 60
    assert most in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    assert gateway.spent_and_reserved(budget_id) == (11, 0)
