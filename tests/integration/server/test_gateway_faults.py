"""Providers that fail in every way: traffic moves and returns, streams that are cut stay exact, no worker is lost."""

from __future__ import annotations

import json
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
import requests

from tests.integration.server.asking import assert_ledger_is_sound
from tests.integration.server.gateway import Gateway, ask, gateway_on_sqlite, wait_until
from tests.servers.commonwatt import all_at_once

pytestmark = pytest.mark.sqlite
SEED = 8
CUTS = 24
HUNG = 120
STORM = 60
FAULTS: dict[str, dict[str, Any]] = {
    "an error of its own": {"status": 500},
    "another one": {"status": 503},
    "a refused key": {"status": 401},
    "JSON that ends early": {"is_malformed": True},
    "a body that ends early": {"cut_after_bytes": 40},
    "a reset": {"cut_after_bytes": 0, "is_reset": True},
    "a redirect": {"status": 307, "location": "http://169.254.169.254/latest/meta-data/"},
    "an answer without end": {"huge_bytes": 200_000_000},
}
NO_ANSWER = {"hang": True}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_on_sqlite(tmp_path_factory.mktemp("gateway")) as made:
        yield made
        assert_ledger_is_sound(made.deployment.env)


@pytest.fixture(autouse=True)
def good_again(gateway: Gateway) -> Iterator[None]:
    """Every lane answers well again after a test, and calls come to it."""
    yield
    for name in ("solo", "clean", "frail"):
        gateway.upstream.behave(name)
    wait_until(lambda: answered_by(gateway) == "clean", "traffic returns")


def state_of(gateway: Gateway, name: str) -> str:
    return str(gateway.api.get(f"gateway/deployments/{name}/").json()["breaker"]["state"])


def answered_by(gateway: Gateway, **headers: str) -> str:
    raw = gateway.openai(**headers).chat.completions.with_raw_response.create(**ask("one two", "pair", max_tokens=4))
    assert raw.parse().choices[0].message.content.split() == ["one", "two", "one", "two"]
    return raw.headers["X-Commonwatt-Deployment"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_moves_to_another_deployment_when_the_first_one_gives(gateway, fault):
    gateway.upstream.behave("clean", **FAULTS[fault])

    assert answered_by(gateway) == "dirty"


def within(gateway: Gateway, seconds: float) -> dict[str, str]:
    """Headers of a call with a deadline."""
    return {"X-Commonwatt-Latest": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}


def test_a_whole_answer_may_take_longer_than_a_stream_may_take_to_begin(gateway):
    gateway.upstream.behave("clean", delay_seconds=2.5)

    assert answered_by(gateway) == "clean"


def test_where_a_provider_hangs_another_gives_the_whole_answer_in_time_and_its_breaker_opens(gateway):
    gateway.upstream.behave("clean", **NO_ANSWER)
    tried = gateway.upstream.seen("clean").requests

    assert [answered_by(gateway, **within(gateway, 4)) for _ in range(3)] == ["dirty"] * 3
    wait_until(lambda: state_of(gateway, "clean") == "open", "three time-outs in a row open the breaker")
    assert gateway.upstream.seen("clean").requests == tried + 3


def test_a_whole_answer_of_a_lone_deployment_is_waited_for_until_the_callers_deadline(gateway):
    gateway.upstream.behave("solo", delay_seconds=2.5)
    client = gateway.openai(**within(gateway, 4))
    assert client.chat.completions.create(**ask(max_tokens=4)).choices

    gateway.upstream.behave("solo", **NO_ANSWER)
    with pytest.raises(openai.InternalServerError) as late:
        gateway.openai(**within(gateway, 1)).chat.completions.create(**ask(max_tokens=4))

    assert (late.value.status_code, late.value.code) == (504, "deadline")
    assert late.value.response.headers["X-Should-Retry"] == "false"


@pytest.mark.parametrize("fault", [FAULTS["an error of its own"], NO_ANSWER])
def test_a_stream_moves_while_nothing_of_it_was_sent(gateway, fault):
    gateway.upstream.behave("clean", **fault)

    chunks = list(gateway.openai().chat.completions.create(**ask("one two", "pair", max_tokens=4, stream=True)))

    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text.split() == ["one", "two", "one", "two"]


def test_a_breaker_opens_traffic_moves_and_returns_by_itself(gateway):
    assert answered_by(gateway) == "clean"
    gateway.upstream.behave("clean", status=500)
    for _ in range(3):
        assert answered_by(gateway) == "dirty"
    wait_until(lambda: state_of(gateway, "clean") == "open", "three failures in a row open the breaker")
    tried = gateway.upstream.seen("clean").requests

    assert [answered_by(gateway) for _ in range(5)] == ["dirty"] * 5
    assert gateway.upstream.seen("clean").requests <= tried + 1  # but for a probe

    gateway.upstream.behave("clean")
    wait_until(lambda: answered_by(gateway) == "clean", "traffic returns")
    wait_until(lambda: state_of(gateway, "clean") == "closed", "a success closes the breaker")
    events = gateway.api.get("gateway/deployments/clean/breaker-events/").json()["results"]
    assert {"open", "half_open", "closed"} <= {each["became"] for each in events}


def test_in_a_storm_of_429_all_callers_are_told_when_to_come_again_and_traffic_returns_by_itself(gateway):
    budget_id = gateway.budget_of(100_000)
    for name in ("clean", "dirty"):
        gateway.upstream.behave(name, status=429, retry_after_seconds=3)
    paid_by = partial(gateway.openai, **{"X-Commonwatt-Budget": budget_id})

    def told() -> tuple[int, str, int]:
        try:
            paid_by().chat.completions.create(**ask(model="pair", max_tokens=4))
        except openai.APIStatusError as refused:
            return refused.status_code, str(refused.code), int(refused.response.headers.get("Retry-After", 0))
        return 200, "", 0

    refusals = all_at_once([told] * STORM)

    assert {(status, code) for status, code, _ in refusals} == {(429, "upstream_rate_limited")}
    assert all(1 <= seconds <= 5 for *_, seconds in refusals)
    assert gateway.settled(budget_id) == 0
    assert [state_of(gateway, name) for name in ("clean", "dirty")] == ["closed"] * 2

    for name in ("clean", "dirty"):
        gateway.upstream.behave(name)
    wait_until(lambda: told()[0] == 200, "traffic returns")
    assert gateway.settled(budget_id) > 0


def test_a_deployment_rests_after_429_as_long_as_it_asks_and_its_breaker_stays_closed(gateway):
    gateway.upstream.behave("clean", status=429, retry_after_seconds=6)
    tried = gateway.upstream.seen("clean").requests

    assert answered_by(gateway) == "dirty"
    wait_until(lambda: state_of(gateway, "clean") == "closed", "a 429 is no fault")
    assert all_at_once([partial(answered_by, gateway)] * 4) == ["dirty"] * 4
    assert gateway.upstream.seen("clean").requests == tried + 1


def test_where_nobody_answers_the_caller_hears_so_and_nothing_is_spent(gateway):
    budget_id = gateway.budget_of(10_000)
    gateway.upstream.behave("solo", status=500)

    with pytest.raises(openai.InternalServerError) as refused:
        gateway.openai(**{"X-Commonwatt-Budget": budget_id}).chat.completions.create(**ask(max_tokens=5))

    assert refused.value.status_code in {502, 503}
    assert gateway.settled(budget_id) == 0


def test_what_a_provider_calls_a_bad_request_is_one_and_is_not_tried_elsewhere(gateway):
    before = gateway.upstream.seen("dirty").requests
    gateway.upstream.behave("clean", status=400)

    with pytest.raises(openai.BadRequestError):
        answered_by(gateway)

    assert gateway.upstream.seen("dirty").requests == before
    assert state_of(gateway, "clean") == "closed"


@pytest.mark.parametrize("usage", ["none", "wrong", {"input": 0, "output": 0}, {"input": 10**12}])
def test_usage_that_is_missing_or_absurd_is_paid_within_the_budget(gateway, usage):
    budget_id = gateway.budget_of(1_000)
    gateway.upstream.behave("solo", usage=usage)
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})

    client.chat.completions.create(**ask("one two", max_tokens=5))
    list(client.chat.completions.create(**ask("one two", max_tokens=5, stream=True)))

    assert 0 < gateway.settled(budget_id) <= 1_000


def cut_by_the_provider(gateway: Gateway, chance: random.Random, budget_id: str) -> tuple[str, str]:
    """A stream that breaks off at some byte, or at none: the call's id and how it ended."""
    fault = {"cut_after_bytes": chance.randrange(1, 5_000), "is_reset": chance.random() < 0.5, "words": 16}
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})
    try:
        stream = client.chat.completions.create(**ask(json.dumps(fault), "frail", max_tokens=16, stream=True))
        call_id = stream.response.headers["X-Commonwatt-Call"]
    except openai.APIStatusError:
        return "", "never begun"
    try:
        chunks = list(stream)
    except (openai.APIError, httpx.HTTPError):
        return call_id, "broken"
    return call_id, "whole" if any(each.choices[0].finish_reason for each in chunks if each.choices) else "short"


def cut_by_the_caller(gateway: Gateway, chance: random.Random, budget_id: str) -> tuple[str, str]:
    """A stream that is left after some chunks."""
    fault = {"drip_seconds": 0.02, "words": 16}
    client = gateway.openai(**{"X-Commonwatt-Budget": budget_id})
    with client.chat.completions.create(**ask(json.dumps(fault), "solo", max_tokens=16, stream=True)) as stream:
        for _ in range(chance.randrange(1, 12)):
            next(stream)
        return stream.response.headers["X-Commonwatt-Call"], "left"


def test_streams_cut_at_random_points_by_either_side_are_paid_exactly(gateway):
    chance, budget_id = random.Random(SEED), gateway.budget_of(1_000_000)
    since = datetime.now(UTC).isoformat()
    ways = [cut_by_the_provider, cut_by_the_caller]
    calls = [partial(ways[number % 2], gateway, random.Random(chance.random()), budget_id) for number in range(CUTS)]

    ends = all_at_once(calls)

    counted = Counter(end for _, end in ends)
    assert counted["left"] == CUTS // 2
    assert counted["broken"]
    assert not counted["short"]  # a stream that was cut never looks like a whole one
    wait_until(lambda: gateway.spent_and_reserved(budget_id)[1] == 0, "every hold ends")
    told = {each["id"]: each for each in gateway.calls(since=since) if each["model"] in {"solo", "frail"}}
    assert {call_id for call_id, _ in ends if call_id} <= set(told)
    assert not {each["status"] for each in told.values()} & {"running", "lost"}
    paid = sum((each["input_tokens"] or 0) + (each["output_tokens"] or 0) for each in told.values())
    assert gateway.spent_and_reserved(budget_id) == (paid, 0)


def hanging_connections(url: str, key: str, count: int, fault: dict[str, Any]) -> list[socket.socket]:
    """Callers that ask for a stream and read nothing of it."""
    parts, opened = urlsplit(url), []
    body = json.dumps(ask(json.dumps(fault), max_tokens=16, stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(count):
        opened.append(socket.create_connection((parts.hostname, parts.port)))
        opened[-1].sendall(head.encode() + body)
    return opened


@pytest.mark.parametrize("fault", [{"hang": True}, {"hang_after_bytes": 500}, {"drip_seconds": 0.1, "words": 16}])
def test_many_that_hang_cost_no_worker_pages_and_calls_go_on(gateway, fault):
    server = gateway.deployment.servers[0]
    opened = hanging_connections(server.url, gateway.deployment.api_key, HUNG, fault)
    try:
        time.sleep(0.5)
        began = time.monotonic()
        assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
        assert requests.get(f"{server.url}/", timeout=10).status_code == 200
        assert gateway.api.get("budgets/").status_code == 200
        assert answered_by(gateway)
        assert time.monotonic() - began < 10
    finally:
        for each in opened:
            each.close()
    wait_until(lambda: gateway.upstream.seen("solo").now == 0, "the upstream is left in peace")
