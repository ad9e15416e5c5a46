"""Offers, deliveries, requests and the turn of a period at once, and a worker that is killed amid a delivery."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from django.db import connections

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.models import Budget, Hold, LedgerEntry, PeriodRecord
from budgets.selectors import list_ledger_differences
from budgets.services.quota import delivering
from config.kernel.errors import Conflict
from tests.integration.budgets.quota_work import deliver, figures, give, make_path, offer, take
from tests.integration.budgets.work import hold, row, settle
from tests.integration.processes import in_processes
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
TOMORROW = NOW + timedelta(days=1)


def try_to_offer(budget_id: UUID, steps: int, name: str) -> str:
    try:
        offer(budget_id, steps, name)
    except Conflict as refusal:
        return refusal.code
    return "offered"


def test_of_many_who_offer_the_same_last_tokens_those_succeed_for_whom_there_are_some():
    team = make_team()
    root = make_budget(team, 250, name="root", period=Period.DAY)
    leaves = [
        make_budget(team, 200, name=f"{n}", parent_id=root, tradeable_percent=100, period=Period.DAY) for n in range(3)
    ]
    done = in_processes(partial(try_to_offer, leaves[n % 3], 100, f"{n}") for n in range(6))
    assert sorted(done) == ["not_available"] * 4 + ["offered"] * 2
    assert row(root).reserved == 200
    assert list_ledger_differences() == []


def test_of_many_offers_of_one_budget_those_stand_that_its_share_allows():
    (leaf,) = make_path(1000, tradeable_percent=30)
    done = in_processes(partial(try_to_offer, leaf, 100, f"{n}") for n in range(6))
    assert sorted(done) == ["not_tradeable"] * 3 + ["offered"] * 3
    assert row(leaf).reserved == 300
    assert list_ledger_differences() == []


def work_on(leaf: UUID, number: int) -> int:
    """Requests of 30 tokens, every second of them settled at 20, until the budget cannot pay."""
    held = 0
    with suppress(BudgetExhausted):
        for each in range(12):
            hold_id = hold(leaf, 30)
            held += 30
            if each % 2:
                settle(hold_id, 20)
    return held


def trade_in(leaf: UUID, buyer: UUID, number: int) -> int:
    """Offers of 50 tokens, delivered in two parts; what was delivered."""
    sold = 0
    for each in range(6):
        name = f"{number}-{each}"
        with suppress(Conflict):
            offer(leaf, 50, name)
            deliver([give(leaf, 20, name)], [take(buyer, 20)])
            deliver([give(leaf, 30, name)], [take(buyer, 30)])
            sold += 50
    return sold


def test_offers_and_requests_together_never_take_more_than_there_is():
    leaf, root = make_path(600, 700)
    (buyer,) = make_path(1)
    works = [partial(work_on, leaf, 0), partial(work_on, leaf, 1)]
    works += [partial(trade_in, leaf, buyer, n) for n in range(3)]
    done = in_processes(works)
    sold = sum(done[2:])
    assert sold > 0
    assert figures(buyer) == [(1 + sold, 0, 0, sold)]
    assert [(each.limit, each.sold) for each in (row(leaf), row(root))] == [(600 - sold, sold), (700 - sold, sold)]
    assert row(leaf).spent + row(leaf).reserved <= row(leaf).limit
    assert list_ledger_differences() == []


def test_a_period_turns_once_while_its_offers_are_delivered():
    leaf, root = make_path(1000, 3000, period=Period.DAY, rollover_percent=100)
    (buyer,) = make_path(50, period=Period.DAY)
    offer(leaf, 400)
    deliver([give(leaf, 100, "one")], [take(buyer, 100)])
    works = [
        partial(deliver, [give(leaf, 50, "one")], [take(buyer, 50)], now=TOMORROW),
        partial(services.begin_due_periods, now=TOMORROW),
        partial(hold, leaf, 10, now=TOMORROW),
    ]
    in_processes(works * 2)
    assert PeriodRecord.objects.count() == 3
    # 900 were left of the leaf's limit and 2900 of the root's, and went on.
    assert figures(leaf, root, buyer) == [(1800, 220, 100, 0), (5800, 220, 100, 0), (150, 0, 0, 100)]
    assert list_ledger_differences() == []


def deliver_around(ids: list[UUID], number: int) -> None:
    for each in range(6):
        giver, taker = ids[(number + each) % len(ids)], ids[(number + 2 * each + 1) % len(ids)]
        with suppress(Conflict):
            deliver([give(giver, 7), give(taker, 2)], [take(taker, 8), take(giver, 1)])


def test_deliveries_in_all_directions_wait_for_each_other_and_conserve():
    team = make_team()
    paths = [make_path(400, 900, 1500, team=team) for _ in range(2)]
    ids = [budget_id for path in paths for budget_id in path]
    in_processes(partial(deliver_around, ids, n) for n in range(5))
    assert sum(row(path[-1]).limit for path in paths) == 2 * 1500
    assert LedgerEntry.objects.filter(kind="trade").exists()
    assert list_ledger_differences() == []


def hang_before_the_end(told: object, gives: list, takes: list) -> None:
    connections.close_all()

    def hang(*_args: object, **_kwargs: object) -> None:
        told.send("half done")  # type: ignore[attr-defined]
        time.sleep(60)

    delivering.write_entries = hang
    deliver(gives, takes)


def test_a_worker_that_is_killed_amid_a_delivery_leaves_nothing_of_it():
    seller, root = make_path(5000, 9000)
    (buyer,) = make_path(1)
    for n in range(30):
        offer(seller, 100, f"{n}")
    gives = [give(seller, 100 if n % 2 else 60, f"{n}") for n in range(30)]
    takes = [take(buyer, sum(each.steps for each in gives))]
    before = figures(seller, root, buyer), list(Hold.objects.order_by("pk").values())
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    worker = fork.Process(target=hang_before_the_end, args=(there, gives, takes))
    worker.start()
    assert here.poll(30)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join(10)
    assert (figures(seller, root, buyer), list(Hold.objects.order_by("pk").values())) == before
    assert list_ledger_differences() == []
    deliver(gives, takes)
    assert figures(buyer) == [(1 + takes[0].steps, 0, 0, takes[0].steps)]
    assert Budget.objects.get(pk=seller).reserved == 15 * 40
    assert list_ledger_differences() == []
