"""Many at once: a budget pays exactly what it can, and one Idempotency-Key makes one decision."""

from __future__ import annotations

import uuid
from collections import Counter
from functools import partial
from itertools import cycle

import pytest

from tests.integration.server.asking import TOKENS, assert_ledger_is_sound, budget_that_pays_for, request_body
from tests.integration.server.conftest import Deployment
from tests.servers.commonwatt import all_at_once

ASKED = 300
PAID = 50


def _race(deployment: Deployment) -> None:
    budget_id = budget_that_pays_for(deployment.client, PAID)
    clients = cycle(deployment.clients())
    calls = [partial(next(clients).post, "requests/", request_body(budget_id)) for _ in range(ASKED)]

    answers = all_at_once(calls)

    assert Counter(answer.status_code for answer in answers) == {201: PAID, 402: ASKED - PAID}
    assert {answer.json()["granted_tokens"] for answer in answers if answer.status_code == 201} == {TOKENS}
    budget = deployment.client.get(f"budgets/{budget_id}/").json()
    assert (int(budget["reserved"]), int(budget["available"])) == (PAID * TOKENS, 0)
    assert_ledger_is_sound(deployment.env)


def _one_decision(deployment: Deployment) -> None:
    budget_id = budget_that_pays_for(deployment.client, 20)
    key = uuid.uuid4().hex
    headers = {"Idempotency-Key": key}
    clients = cycle(deployment.clients())
    calls = [partial(next(clients).post, "requests/", request_body(budget_id), **headers) for _ in range(20)]

    answers = all_at_once(calls)
    afterwards = deployment.client.post("requests/", request_body(budget_id), **headers)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 409)
    decided = [answer for answer in answers if answer.status_code == 201]
    first_hand = [answer for answer in decided if answer.headers.get("Idempotent-Replayed") != "true"]
    assert len(first_hand) == 1
    assert {answer.json()["id"] for answer in decided} == {first_hand[0].json()["id"]}
    assert afterwards.headers["Idempotent-Replayed"] == "true"
    assert afterwards.json() == first_hand[0].json()
    assert int(deployment.client.get(f"budgets/{budget_id}/").json()["reserved"]) == TOKENS
    assert_ledger_is_sound(deployment.env)


@pytest.mark.sqlite
def test_a_budget_for_fifty_grants_fifty_of_three_hundred_on_sqlite(embedded):
    _race(embedded)


@pytest.mark.sqlite
def test_one_idempotency_key_makes_one_decision_on_sqlite(embedded):
    _one_decision(embedded)


@pytest.mark.postgres
@pytest.mark.redis
def test_a_budget_for_fifty_grants_fifty_of_three_hundred_over_two_processes(spread):
    _race(spread)


@pytest.mark.postgres
@pytest.mark.redis
def test_one_idempotency_key_makes_one_decision_over_two_processes(spread):
    _one_decision(spread)
