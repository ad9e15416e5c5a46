"""kill -9 while blocks are held in escrow: reserved = open holds = ledger, nothing answered is lost, blocks return."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.integration.server.asking import assert_ledger_is_sound
from tests.servers.commonwatt import Client, environment, serving
from tests.servers.databases import fresh_database, migrated_environment

CALLERS = 12
ANSWERED_BEFORE_THE_KILL = 150
ENOUGH_LEASED = 20
AMOUNT = 10
RETURN_SECONDS = 75  # idle for 30 s, looked at every 5 s, and a machine that is busy


def make_path(client: Client) -> list[str]:
    """Four budgets below each other, the deepest admitted out of blocks; their ids, root first."""
    ids: list[str] = []
    for level in ("root", "team", "session", "agent"):
        body: dict[str, Any] = {"name": level, "unit": "tokens", "limit": 1_000_000, "period": "one_off"}
        body |= {"parent": ids[-1] if ids else None}
        if level == "agent":
            body["gear"] = "leased"
        answer = client.post("budgets/", body)
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    return ids


def reserve_until_killed(client: Client, budget_id: str, kill) -> list[dict[str, Any]]:
    """What was answered before the connection broke; some of it is settled again at once."""
    answered: list[dict[str, Any]] = []
    enough = threading.Event()

    def ask() -> None:
        while True:
            try:
                answer = client.post(f"budgets/{budget_id}/reserve/", {"amount": AMOUNT})
            except requests.RequestException:
                return
            assert answer.status_code == 201, answer.text
            answered.append(answer.json())
            leased = sum(each["gear"] == "leased" for each in answered)
            if len(answered) >= ANSWERED_BEFORE_THE_KILL and leased >= ENOUGH_LEASED:
                enough.set()

    with ThreadPoolExecutor(CALLERS) as callers:
        running = [callers.submit(ask) for _ in range(CALLERS)]
        assert enough.wait(90), f"{len(answered)} answers, too few out of a block"
        time.sleep(0.05)  # so that the kill falls into the middle of some
        kill()
        for each in running:
            each.result()
    return answered


def reserved(client: Client, budget_id: str) -> Decimal:
    return Decimal(str(client.get(f"budgets/{budget_id}/").json()["reserved"]))


def _kill_with_blocks(env: dict[str, str]) -> None:
    with serving(env) as (server,):
        api_key = server.printed("api key")
        path = make_path(Client(server.url, api_key))
        answered = reserve_until_killed(Client(server.url, api_key), path[-1], server.kill)

    assert_ledger_is_sound(env)
    with serving(env) as (server,):
        client = Client(server.url, api_key)
        lost = [each for each in answered if client.get(f"budgets/holds/{each['hold']}/").status_code != 200]
        at_leaf = reserved(client, path[-1])
        deadline = time.monotonic() + RETURN_SECONDS
        while any(reserved(client, each) != at_leaf for each in path) and time.monotonic() < deadline:
            time.sleep(1)
        returned = [reserved(client, each) for each in path]
        still_works = client.post(f"budgets/{path[-1]}/reserve/", {"amount": AMOUNT})
        assert_ledger_is_sound(env)

    assert lost == []
    # A hold may have been committed whose answer the kill cut off; none may be without its reserve.
    assert len(answered) * AMOUNT <= at_leaf <= (len(answered) + CALLERS) * AMOUNT
    assert returned == [at_leaf] * 4
    assert still_works.status_code == 201


@pytest.mark.sqlite
def test_a_kill_with_blocks_held_loses_nothing_on_sqlite(tmp_path):
    _kill_with_blocks(migrated_environment(tmp_path))


@pytest.mark.postgres
def test_a_kill_with_blocks_held_loses_nothing_on_postgresql(tmp_path):
    with fresh_database() as database_url:
        _kill_with_blocks(environment(tmp_path, DATABASE_URL=database_url))
