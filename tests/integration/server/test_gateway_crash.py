"""kill -9 with calls in flight: what was answered is paid, what was not ends with its lease, and the books add up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from tests.integration.server.asking import assert_ledger_is_sound
from tests.integration.server.conftest import Deployment
from tests.integration.server.gateway import CALLER, OPEN, Gateway, ask, make_world, wait_until
from tests.servers.commonwatt import Serve, environment, serving
from tests.servers.databases import fresh_database, migrated_environment
from tests.servers.upstream import Upstream

CALLERS = 12
ANSWERED_BEFORE_THE_KILL = 60
LATEST_SECONDS = 3  # the caller's deadline, with which a lease ends
SWEPT_SECONDS = 60


def call_until_killed(gateway: Gateway, budget_id: str) -> list[str]:
    """The ids of calls whose whole answer arrived before the connections broke."""
    server, key = gateway.deployment.servers[0], gateway.deployment.api_key
    headers = {**CALLER, "Authorization": f"Bearer {key}", "X-Commonwatt-Budget": budget_id}
    answered: list[str] = []
    enough = threading.Event()

    def caller(number: int) -> None:
        is_stream = bool(number % 2)
        fault = '{"drip_seconds": 0.03, "words": 6}' if is_stream else '{"delay_seconds": 0.05}'
        while True:
            latest = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + LATEST_SECONDS))
            try:
                answer = requests.post(
                    f"{server.url}/v1/chat/completions",
                    json=ask(fault, max_tokens=6, stream=is_stream),
                    headers={**headers, "X-Commonwatt-Latest": latest},
                    timeout=60,
                )
            except requests.RequestException:
                return
            assert answer.status_code == 200, answer.text
            if not is_stream or "[DONE]" in answer.text:
                answered.append(answer.headers["X-Commonwatt-Call"])
            if len(answered) >= ANSWERED_BEFORE_THE_KILL:
                enough.set()

    with ThreadPoolExecutor(CALLERS) as callers:
        running = [callers.submit(caller, number) for number in range(CALLERS)]
        assert enough.wait(60), f"only {len(answered)} answers"
        server.kill()
        for each in running:
            each.result()
    return answered


@contextmanager
def serving_to(env: dict[str, str], upstream: Upstream) -> Iterator[Serve]:
    with serving(env) as (server,):
        make_world(env, upstream)
        yield server


def _kill(env: dict[str, str]) -> None:
    with Upstream() as upstream:
        with serving_to(env, upstream) as server:
            api_key = server.printed("api key")
            gateway = Gateway(Deployment([server], env), upstream)
            budget_id = gateway.budget_of(10_000_000)
            answered = call_until_killed(gateway, budget_id)

        assert_ledger_is_sound(env)
        with serving(env) as (server,):
            server.lines.append(f"api key: {api_key}")  # only a first run prints one
            gateway = Gateway(Deployment([server], env), upstream)
            wait_until(lambda: gateway.spent_and_reserved(budget_id)[1] == 0, "every lease ends", SWEPT_SECONDS)
            wait_until(lambda: not gateway.calls(status="running"), "every call ends", SWEPT_SECONDS)
            calls = {each["id"]: each for each in gateway.calls()}
            again = gateway.openai(**{"X-Commonwatt-Budget": budget_id}).chat.completions.create(**ask(max_tokens=2))
            assert_ledger_is_sound(env)

    assert again.choices
    assert set(answered) <= set(calls)
    whole = [calls[each] for each in answered if not calls[each]["is_stream"]]
    assert {each["status"] for each in whole} == {"answered"}  # a whole answer is sent after its settlement
    assert {each["status"] for each in calls.values()} <= {"answered", "cut", "lost", "failed"}


@pytest.mark.sqlite
def test_a_kill_with_calls_in_flight_loses_nothing_on_sqlite(tmp_path):
    _kill(migrated_environment(tmp_path, **OPEN))


@pytest.mark.postgres
def test_a_kill_with_calls_in_flight_loses_nothing_on_postgresql(tmp_path):
    with fresh_database() as database_url:
        _kill(environment(tmp_path, DATABASE_URL=database_url, **OPEN))
