"""Nothing stays held: callers who are cancelled, a database that is slow or away, a process that ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from config.kernel.errors import Unavailable
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.models import GatewayCall
from sessions_app.services.gateway import admission, calling, closing, lanes, settlement
from tests.integration.sessions_app.gateway.wire import HELLO, SECONDS, Scripted, Wire, deployment, the_call, wired

pytestmark = pytest.mark.django_db(transaction=True)
Status = GatewayCall.Status


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        yield made


class Gate:
    """Stands before the work of a lane, until it opens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lane: Any):
        self.reached, self.open = threading.Event(), threading.Event()
        work = lane._work

        def gated(items: Any) -> Any:
            self.reached.set()
            assert self.open.wait(SECONDS)
            return work(items)

        monkeypatch.setattr(lane, "_work", gated)


def test_a_grant_whose_caller_was_cancelled_meanwhile_is_given_back(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, admission.ADMISSION)

    async def cancelled() -> None:
        asking = asyncio.ensure_future(wire._asked("POST", "/v1/chat/completions", _body(), None, {}))
        await asyncio.to_thread(gate.reached.wait, SECONDS)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    wire.run(cancelled())
    gate.open.set()

    assert lanes.wait_until_idle(seconds=SECONDS)
    assert (the_call().status, the_call().error_code) == (Status.FAILED, "interrupted")
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def test_the_callers_deadline_holds_for_a_ledger_that_does_not_answer_too(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, admission.ADMISSION)
    latest = (timezone.now() + timedelta(seconds=0.5)).isoformat()

    answer = wire.post(HELLO, x_commonwatt_latest=latest)
    gate.open.set()

    assert (answer.status, answer.error["code"]) == (504, "deadline")
    assert lanes.wait_until_idle(seconds=SECONDS)
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def _body() -> bytes:
    return b'{"model": "echo", "messages": [{"role": "user", "content": "one"}]}'


def gone(monkeypatch: pytest.MonkeyPatch, lane: Any, times: int, *, after_work: bool = False) -> None:
    """The database is gone so many times, before what a lane does or right after it was committed."""
    work, left = lane._work, [times]
    monkeypatch.setattr(lanes, "_is_lost", lambda: True)

    def lost(items: Any) -> Any:
        results = work(items) if after_work else None
        if left[0]:
            left[0] -= 1
            raise OperationalError("gone")
        return results or work(items)

    monkeypatch.setattr(lane, "_work", lost)


def test_a_database_that_is_away_at_admission_is_503_with_retry_after_and_the_next_call_passes(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission.ADMISSION, "_patience_seconds", 0)
    gone(monkeypatch, admission.ADMISSION, 1)

    refused = wire.post(HELLO)
    answer = wire.post(HELLO)

    assert (refused.status, refused.error["code"]) == (503, lanes.UNREACHABLE)
    assert int(refused.headers["retry-after"]) > 0
    assert answer.status == 200
    assert lanes.wait_until_idle(seconds=SECONDS)
    assert wire.budget == (answer.body["usage"]["total_tokens"], 0)
    assert wire.adds_up()


def test_a_grant_that_was_committed_as_the_connection_broke_is_given_back(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission.ADMISSION, "_patience_seconds", 0)
    gone(monkeypatch, admission.ADMISSION, 1, after_work=True)

    assert wire.post(HELLO).status == 503

    assert lanes.wait_until_idle(seconds=SECONDS)
    assert (the_call().status, the_call().error_code) == (Status.FAILED, lanes.UNREACHABLE)
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def test_an_answer_whose_settlement_takes_long_comes_with_the_figures_of_its_grant_and_is_settled_yet(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, settlement.SETTLEMENT)
    monkeypatch.setattr(settlement, "ANSWER_SECONDS", 0.2)

    answer = wire.post(HELLO)

    assert (answer.status, answer.headers["x-commonwatt-figures"]) == (200, "granted")
    gate.open.set()
    assert lanes.wait_until_idle(seconds=SECONDS)
    assert the_call().status == Status.ANSWERED
    assert wire.budget == (answer.body["usage"]["total_tokens"], 0)
    assert wire.adds_up()


@pytest.mark.parametrize("after_work", [False, True])
def test_a_settlement_over_a_lost_connection_is_made_again_and_once(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, after_work: bool
) -> None:
    gone(monkeypatch, settlement.SETTLEMENT, 2, after_work=after_work)

    answer = wire.post(HELLO)

    assert answer.status == 200
    assert wire.budget == (answer.body["usage"]["total_tokens"], 0)
    assert the_call().status == Status.ANSWERED
    assert wire.adds_up()


def test_the_end_of_a_process_ends_its_own_calls_settled_and_begins_no_others(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment("clean", "aws-eu-north-1", "m")
    provider = Scripted().plug_in(monkeypatch)
    provider.scripts = {"clean": [30.0]}
    monkeypatch.setattr(calling, "_own", calling._Own(lock=threading.Lock()))
    refusals: list[Unavailable] = []
    ask = ChatAsk(model="m", messages=[{"role": "user", "content": "one"}], max_output_tokens=5)

    def call() -> None:
        try:
            calling.call_model(principal=wire.team.principal, ask=ask, budget_id=wire.budget_id)
        except Unavailable as refusal:
            refusals.append(refusal)

    calls = threading.Thread(target=call)
    calls.start()
    until = time.monotonic() + SECONDS
    while not provider.asked and time.monotonic() < until:
        time.sleep(0.01)

    assert closing.settle_what_is_open(seconds=SECONDS, now=timezone.now())
    calls.join(SECONDS)
    call()

    assert [each.code for each in refusals] == ["deadline", "ending"]
    assert (the_call().status, the_call().error_code) == (Status.CUT, "interrupted")
    assert wire.budget[1] == 0
    assert wire.adds_up()
