"""A budget for fifty pays fifty of two hundred calls at once; one Idempotency-Key is one call; breakers are shared."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import Any

import openai
import pytest
import requests

from tests.integration.server.asking import assert_ledger_is_sound
from tests.integration.server.gateway import (
    CALLER,
    Gateway,
    ask,
    gateway_on_postgres,
    gateway_on_sqlite,
    wait_until,
)
from tests.servers.commonwatt import all_at_once

FIRED = 200
PAID = 50
OUTPUT_TOKENS = 8


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_on_sqlite(tmp_path_factory.mktemp("alone")) as made:
        yield made
        assert_ledger_is_sound(made.deployment.env)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_on_postgres(tmp_path_factory.mktemp("both")) as made:
        yield made
        assert_ledger_is_sound(made.deployment.env)


def post(gateway: Gateway, number: int, body: dict[str, Any], **headers: str) -> requests.Response:
    server = gateway.deployment.servers[number % len(gateway.deployment.servers)]
    key = {"Authorization": f"Bearer {gateway.deployment.api_key}"}
    return requests.post(
        f"{server.url}/v1/chat/completions", json=body, headers={**CALLER, **key, **headers}, timeout=120
    )


def priced(gateway: Gateway) -> int:
    """What a call is granted; from now on the upstream reports as much, so that nothing comes back to a budget."""
    answer = post(gateway, 0, ask(max_tokens=OUTPUT_TOKENS))
    granted = gateway.api.get(f"requests/{answer.headers['X-Commonwatt-Request']}/").json()["granted_tokens"]
    gateway.upstream.behave("solo", usage={"input": granted - OUTPUT_TOKENS})
    return int(granted)


def pays_for_fifty(gateway: Gateway, *, is_stream: bool) -> None:
    tokens = priced(gateway)
    budget_id = gateway.budget_of(tokens * PAID)
    before = gateway.upstream.seen("solo").answered
    body = ask(max_tokens=OUTPUT_TOKENS, stream=is_stream)
    calls = [partial(post, gateway, number, body, **{"X-Commonwatt-Budget": budget_id}) for number in range(FIRED)]

    answers = all_at_once(calls)

    assert Counter(answer.status_code for answer in answers) == {200: PAID, 402: FIRED - PAID}
    assert gateway.upstream.seen("solo").answered == before + PAID
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 402} == {"budget_exhausted"}
    assert gateway.settled(budget_id) == tokens * PAID


def one_key_is_one_call(gateway: Gateway) -> None:
    before, headers = gateway.upstream.seen("solo").requests, {"Idempotency-Key": uuid.uuid4().hex}
    gateway.upstream.behave("solo", delay_seconds=0.3)
    numbers = cycle(range(len(gateway.deployment.servers)))

    answers = all_at_once([partial(post, gateway, next(numbers), ask(max_tokens=8), **headers) for _ in range(20)])
    afterwards = post(gateway, 1, ask(max_tokens=8), **headers)
    as_stream = post(gateway, 0, ask(max_tokens=8, stream=True), **headers)
    other = post(gateway, 0, ask("something else", max_tokens=8), **headers)
    gateway.upstream.behave("solo")

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 409)
    whole = [answer for answer in answers if answer.status_code == 200]
    assert sum(answer.headers.get("Idempotent-Replayed") != "true" for answer in whole) == 1
    assert afterwards.headers["Idempotent-Replayed"] == "true"
    assert afterwards.json() == whole[0].json()
    assert gateway.upstream.seen("solo").requests == before + 1
    assert (as_stream.status_code, other.status_code) == (422, 422)  # another body, in both cases


@pytest.mark.sqlite
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_budget_for_fifty_pays_fifty_of_two_hundred_calls_on_sqlite(alone, is_stream):
    pays_for_fifty(alone, is_stream=is_stream)


@pytest.mark.sqlite
def test_one_idempotency_key_is_one_call_on_sqlite(alone):
    one_key_is_one_call(alone)


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_budget_for_fifty_pays_fifty_of_two_hundred_calls_over_two_processes(both, is_stream):
    pays_for_fifty(both, is_stream=is_stream)


@pytest.mark.postgres
@pytest.mark.redis
def test_one_idempotency_key_is_one_call_over_two_processes(both):
    one_key_is_one_call(both)


@pytest.mark.postgres
@pytest.mark.redis
def test_what_one_process_learns_of_a_deployment_the_other_knows(both):
    def deployment_of(number: int) -> str:
        return post(both, number, ask(model="pair", max_tokens=2)).headers["X-Commonwatt-Deployment"]

    assert [deployment_of(0), deployment_of(1)] == ["clean", "clean"]
    both.upstream.behave("clean", status=500)
    assert [deployment_of(0) for _ in range(3)] == ["dirty"] * 3
    wait_until(lambda: both.api.get("gateway/deployments/clean/").json()["breaker"]["state"] == "open", "it opens")
    time.sleep(1.1)  # a process looks at what the others have learned once a second,
    deployment_of(1)  # beside the calls that come then
    time.sleep(0.3)
    tried = both.upstream.seen("clean").requests
    assert all_at_once([partial(deployment_of, 1)] * 10) == ["dirty"] * 10
    assert both.upstream.seen("clean").requests <= tried + 2  # but for probes, one at a time

    both.upstream.behave("clean")
    wait_until(lambda: [deployment_of(0), deployment_of(1)] == ["clean", "clean"], "both return")


@pytest.mark.postgres
@pytest.mark.redis
def test_the_official_client_streams_through_either_process(both):
    for number in (0, 1):
        client: openai.OpenAI = both.openai(number)
        chunks = list(client.chat.completions.create(**ask("one two", max_tokens=3, stream=True)))
        text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
        assert text.split() == ["one", "two", "one"]
