"""kill -9 under load: what was answered is there, and every figure still adds up."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import requests

from tests.integration.server.asking import TOKENS, assert_ledger_is_sound, budget_that_pays_for, request_body
from tests.integration.server.conftest import spread_environment
from tests.servers.commonwatt import Client, serving
from tests.servers.databases import fresh_database, migrated_environment

CALLERS = 12
ANSWERED_BEFORE_THE_KILL = 25


def _kill_under_load(env: dict[str, str]) -> None:
    with serving(env) as (server,):
        api_key = server.printed("api key")
        client = Client(server.url, api_key)
        budget_id = budget_that_pays_for(client, 10_000)
        answered = _ask_until_killed(client, budget_id, server.kill)

    with serving(env) as (server,):
        client = Client(server.url, api_key)
        lost = [each for each in answered if client.get(f"requests/{each}/").status_code != 200]
        budget = client.get(f"budgets/{budget_id}/").json()
        assert_ledger_is_sound(env)
        still_works = client.post("requests/", request_body(budget_id))

    assert len(answered) >= ANSWERED_BEFORE_THE_KILL
    assert lost == []
    # A grant may have been committed whose answer the kill cut off; none may be without its reserve.
    assert len(answered) * TOKENS <= int(budget["reserved"]) <= (len(answered) + CALLERS) * TOKENS
    assert still_works.status_code == 201


def _ask_until_killed(client: Client, budget_id: str, kill) -> list[str]:
    """Ids of all requests that were answered with a grant before the connection broke."""
    answered: list[str] = []
    enough = threading.Event()

    def ask() -> None:
        while True:
            try:
                answer = client.post("requests/", request_body(budget_id))
            except requests.RequestException:
                return
            assert answer.status_code == 201, answer.text
            answered.append(answer.json()["id"])
            if len(answered) >= ANSWERED_BEFORE_THE_KILL:
                enough.set()

    with ThreadPoolExecutor(CALLERS) as callers:
        running = [callers.submit(ask) for _ in range(CALLERS)]
        enough.wait(60)
        time.sleep(0.05)  # so that the kill falls into the middle of some
        kill()
        for each in running:
            each.result()
    return answered


@pytest.mark.sqlite
def test_a_kill_loses_no_answered_request_on_sqlite(tmp_path):
    _kill_under_load(migrated_environment(tmp_path))


@pytest.mark.postgres
@pytest.mark.redis
def test_a_kill_loses_no_answered_request_on_postgresql(tmp_path):
    with fresh_database() as database_url:
        _kill_under_load(spread_environment(tmp_path, database_url))


def _kill_under_reservations(env: dict[str, str]) -> None:
    """The same for `reserve/`, whose answers come from batches: a leaf that is busy, below a parent."""
    with serving(env) as (server,):
        api_key = server.printed("api key")
        client = Client(server.url, api_key)
        top = budget_that_pays_for(client, 10_000)
        body = {"name": "Leaf", "parent": top, "unit": "tokens", "limit": TOKENS * 10_000, "period": "one_off"}
        leaf = client.post("budgets/", body).json()["id"]
        answered = _reserve_until_killed(client, leaf, server.kill)

    with serving(env) as (server,):
        client = Client(server.url, api_key)
        of_leaf, of_top = (int(client.get(f"budgets/{each}/").json()["reserved"]) for each in (leaf, top))
        # A second time every one of them is in use: its hold is there and open.
        again = [client.post(f"budgets/{leaf}/reserve/", {"amount": 1, "reference": each}) for each in answered[:10]]
        assert_ledger_is_sound(env)
        still_works = client.post(f"budgets/{leaf}/reserve/", {"amount": 1})

    assert len(answered) >= ANSWERED_BEFORE_THE_KILL
    assert {each.status_code for each in again} == {409}
    assert len(answered) * TOKENS <= of_leaf <= (len(answered) + CALLERS) * TOKENS
    assert of_top >= of_leaf  # a block in escrow may hold more there, until it is idle
    assert still_works.status_code == 201


def _reserve_until_killed(client: Client, leaf: str, kill) -> list[str]:
    """References of all reservations that were answered before the connection broke."""
    answered: list[str] = []
    enough = threading.Event()

    def ask(caller: int) -> None:
        for number in count():
            reference = f"{caller}-{number}"
            try:
                answer = client.post(f"budgets/{leaf}/reserve/", {"amount": TOKENS, "reference": reference})
            except requests.RequestException:
                return
            assert answer.status_code == 201, answer.text
            answered.append(reference)
            if len(answered) >= 10 * ANSWERED_BEFORE_THE_KILL:
                enough.set()

    with ThreadPoolExecutor(CALLERS) as callers:
        running = [callers.submit(ask, caller) for caller in range(CALLERS)]
        enough.wait(60)
        kill()
        for each in running:
            each.result()
    return answered


@pytest.mark.sqlite
def test_a_kill_loses_no_answered_reservation_on_sqlite(tmp_path):
    _kill_under_reservations(migrated_environment(tmp_path))


@pytest.mark.postgres
@pytest.mark.redis
def test_a_kill_loses_no_answered_reservation_on_postgresql(tmp_path):
    with fresh_database() as database_url:
        _kill_under_reservations(spread_environment(tmp_path, database_url))
