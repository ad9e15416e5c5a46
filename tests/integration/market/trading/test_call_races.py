"""Several workers, requests and a power cut around one call: it is held once and whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.models import Budget
from budgets.services import place_hold
from config.kernel.errors import Conflict
from market.models import Auction, Instrument, Journal, Order, Trade
from market.services import run_call, run_due_calls
from market.services.trading import calls, settling
from market.services.trading.changing import cancel_order
from tests.integration.market.trading.calling import CALL, Side, assert_sound, make_buyers, make_sellers
from tests.integration.processes import in_processes
from tests.integration.world import NOW, load_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
STAGES = ("store_auction", "_write_trades", "_write_orders", "post", "mark_traded")
"""After each of these a worker is killed."""


@pytest.fixture
def sides(transactional_db) -> tuple[Side, Side]:
    load_world()
    return make_sellers(), make_buyers()


def test_of_many_workers_one_holds_the_call(sides):
    held = in_processes([partial(run_due_calls, now=CALL)] * 4)
    assert sorted(held) == [0, 0, 0, 1]
    assert Auction.objects.count() == 1
    assert Journal.objects.filter(kind="trade").count() == 1
    assert Trade.objects.count() == 10
    assert_sound()


def test_a_call_by_hand_and_a_due_one_do_not_fill_an_order_twice(sides):
    code = Instrument.objects.get().code
    in_processes([partial(run_due_calls, now=CALL), partial(_at_hand, code)])
    assert Trade.objects.count() == 10
    assert_sound()


def _at_hand(code: str) -> None:
    run_call(instrument_code=code, now=CALL + timedelta(seconds=1))


def test_a_kill_after_any_stage_leaves_nothing_and_the_next_worker_holds_the_call(sides):
    for stage in STAGES:
        assert _killed_after(stage) == -signal.SIGKILL, stage
        assert not Auction.objects.exists()
        assert not Trade.objects.exists()
        assert set(Order.objects.values_list("status", flat=True)) == {"open"}
    assert_sound()
    assert run_due_calls(now=CALL) == 1
    assert set(Order.objects.values_list("status", flat=True)) == {"filled"}
    assert_sound()


def _killed_after(stage: str) -> int | None:
    connections.close_all()
    worker = get_context("fork").Process(target=_die_after, args=(stage,))
    worker.start()
    worker.join(60)
    return worker.exitcode


def _die_after(stage: str) -> None:
    """Hold the call in a process that ends as a power cut would once a stage is done."""
    connections.close_all()
    module = calls if hasattr(calls, stage) else settling
    work: Callable[..., Any] = getattr(module, stage)

    def and_die(*args: Any, **kwargs: Any) -> None:
        work(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, stage, and_die)
    run_due_calls(now=CALL)


def test_requests_that_hold_on_the_same_budgets_meanwhile_oversell_nothing(sides):
    sellers, buyers = sides
    budgets = [each.tokens for each in (*sellers.traders, *buyers.traders)]
    done = in_processes(
        [
            partial(run_due_calls, now=CALL),
            *(partial(_hold_often, budgets[start::2], 40) for start in (0, 1)),
            partial(_cancel, [each.id for each in sellers.orders[:2]], sellers),
        ]
    )
    assert done[1] + done[2] > 0
    assert all(each.spent + each.reserved <= each.limit for each in Budget.objects.all())
    assert_sound()


def _hold_often(budget_ids: list[Any], times: int) -> int:
    held = 0
    for index in range(times):
        with suppress(BudgetExhausted, Conflict):
            place_hold(
                reference=f"request:{uuid4()}",
                budget_id=budget_ids[index % len(budget_ids)],
                amounts=Amounts(tokens=3_000, carbon_ug=0, micro_usd=0),
                lease_expires_at=CALL + timedelta(hours=1),
                actor="test",
                now=NOW,
            )
            held += 1
    return held


def _cancel(order_ids: list[Any], sellers: Side) -> None:
    for order_id, trader in zip(order_ids, sellers.traders, strict=False):
        with suppress(Conflict):
            cancel_order(order_id=order_id, principal=trader.team.principal, now=NOW)
