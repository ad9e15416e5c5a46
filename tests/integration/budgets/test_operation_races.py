"""What operators do while others hold, settle and do the same: nothing is made, lost or locked for ever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from budgets import services
from budgets.domain.gears import GearChoice
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.models import Adjustment, Budget, LedgerEntry, PeriodRecord
from budgets.selectors import list_ledger_differences
from budgets.services.escrow import tend
from config.kernel import transactions
from config.kernel.errors import Conflict
from tests.integration.budgets.work import hold, row, settle, spend
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[int], object], times: int = 8) -> list[object]:
    """What each of the works returned, or the refusal it raised; all started together, several times each."""

    def run(number: int) -> object:
        try:
            return works[number % len(works)](number)
        except (Conflict, BudgetExhausted) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(run, range(times * len(works))))


def test_of_many_swarms_at_once_exactly_those_that_fit_are_made():
    team = make_team()
    pool = services.create_pool(
        name="pool",
        organisation_id=team.organisation_id,
        team_id=team.team_id,
        parent_id=None,
        actor="test",
        now=NOW,
    )
    at_once(lambda n: services.allot_swarm(parent_id=pool, name=f"{n}", actor="test", now=NOW))
    limits = sorted(Budget.objects.filter(parent=pool).values_list("limit", flat=True))
    assert limits == [40_000, 50_000, 50_000, 50_000]
    assert list_ledger_differences() == []


def test_rebalancing_while_others_hold_overspends_nobody_and_conserves():
    team = make_team()
    parent = make_budget(team, 10_000)
    children = [make_budget(team, 1000, name=f"{n}", parent_id=parent) for n in range(3)]
    spend(children[0], 500)

    def work(number: int) -> None:
        held = hold(children[number % 3], 200)
        if number % 4:
            settle(held, 150)

    at_once(work, lambda n: services.rebalance(parent_id=parent, actor="test", reason="race", now=NOW), times=12)
    rows = Budget.objects.filter(pk__in=children)
    assert sum(each.limit for each in rows) == 3000
    assert all(each.spent + each.reserved <= each.limit for each in rows)
    assert list_ledger_differences() == []


def test_trades_in_both_directions_at_once_wait_for_each_other_and_conserve():
    team = make_team()
    one, other = make_budget(team, 1000, name="one"), make_budget(team, 1000, name="other")
    for budget_id in (one, other):
        Budget.objects.filter(pk=budget_id).update(limit=1200, bonus=200, tradeable=100)
        LedgerEntry.objects.create(
            budget_id=budget_id, kind="bonus", limit_delta=200, tradeable_delta=100, at=NOW, actor="test"
        )

    def trade(from_id, to_id) -> None:
        services.transfer_quota(from_id=from_id, to_id=to_id, amount=Decimal(15), actor="test", reason="race", now=NOW)

    done = at_once(lambda n: trade(one, other), lambda n: trade(other, one))
    assert sum(each is None for each in done) == 12  # six of 15 out of 100, on each side
    assert (row(one).limit, row(other).limit, row(one).tradeable, row(other).tradeable) == (1200, 1200, 10, 10)
    assert list_ledger_differences() == []


def test_draws_on_one_pool_at_once_never_exceed_it():
    team = make_team()
    parent = make_budget(team, 10_000, pool=Decimal(100))
    children = [
        make_budget(team, 100, name=f"{n}", parent_id=parent, overflow_percent=100, period=Period.DAY) for n in range(4)
    ]
    drawn = at_once(lambda n: services.draw_overflow(budget_id=children[n % 4], short_steps=15, now=NOW), times=16)
    assert drawn.count(True) == 6
    assert row(parent).pool_drawn == 90
    assert sum(row(each).pooled for each in children) == 90
    assert list_ledger_differences() == []


def test_a_period_turns_once_however_many_notice():
    team = make_team()
    parent = make_budget(team, 10_000, period=Period.DAY, rollover_percent=50)
    child = make_budget(team, 1000, period=Period.DAY, parent_id=parent, rollover_percent=50)
    spend(child, 400)
    tomorrow = NOW + timedelta(days=1)
    at_once(lambda n: hold(child, 10, now=tomorrow), lambda n: services.begin_due_periods(now=tomorrow))
    assert PeriodRecord.objects.count() == 2
    assert (row(child).limit, row(child).reserved, row(parent).limit) == (1300, 80, 14_800)
    assert list_ledger_differences() == []


def test_a_reset_while_others_settle_loses_nothing():
    team = make_team()
    budget = make_budget(team, 10_000)
    holds = [hold(budget, 100) for _ in range(8)]
    at_once(
        lambda n: settle(holds[n // 2], 60),
        lambda n: services.reset_budget(budget_id=budget, actor="test", reason="race", now=NOW),
    )
    assert row(budget).reserved == 0
    settled = LedgerEntry.objects.filter(budget=budget, kind="settle")
    assert sum(each.spent_delta for each in settled) == 8 * 60
    assert list_ledger_differences() == []


def test_of_many_who_decide_one_change_one_wins():
    team = make_team()
    budget = make_budget(team, 1000, needs_two=True)
    waiting = services.propose_adjustment(
        budget_id=budget, kind="spent", amount=Decimal(100), reason="race", actor="person ada", now=NOW
    )

    def decide(number: int):
        return services.decide_adjustment(
            adjustment_id=waiting.id, is_approved=True, reason="", actor=f"person {number}", now=NOW
        )

    done = at_once(decide)
    assert sum(not isinstance(each, Conflict) for each in done) == 1
    assert row(budget).spent == 100
    assert Adjustment.objects.get().status == "applied"
    assert list_ledger_differences() == []


def test_busy_leaves_turn_together_without_a_deadlock(monkeypatch):
    undone: list[BaseException] = []
    judge = transactions.is_worth_another_try
    monkeypatch.setattr(transactions, "is_worth_another_try", lambda error: undone.append(error) or judge(error))
    team = make_team()
    top = make_budget(team, 10**6, period=Period.DAY)
    leaves = [
        make_budget(team, 10**5, name=f"{n}", period=Period.DAY, parent_id=top, gear=GearChoice.LEASED)
        for n in range(8)
    ]
    gate = Barrier(len(leaves))
    for day in range(5):
        now = NOW + timedelta(days=day)
        holds = [_work_out_of_a_block(leaf, now=now) for leaf in leaves]
        at_once(lambda n, now=now, holds=holds: _turn(n, leaves, holds, gate, now=now + timedelta(days=1)), times=8)
    if connection.vendor == "postgresql":  # SQLite has writers wait in one line
        assert undone == []
    assert list_ledger_differences() == []


def _work_out_of_a_block(leaf, *, now):
    """Leave something spent and not moved up in the block of a leaf, and an open hold out of it."""
    tend(budget_id=leaf, amounts=Amounts(tokens=100, carbon_ug=0, micro_usd=0), asks_per_second=20.0, now=now)
    settle(hold(leaf, 100, now=now), 80, now=now)
    return hold(leaf, 100, now=now)


def _turn(number: int, leaves, holds, gate: Barrier, *, now) -> None:
    """Ask one leaf, or settle its work, in the same moment as all the others."""
    connection.ensure_connection()
    gate.wait(timeout=60)
    if number % 2:
        hold(leaves[number], 10, now=now)
    else:
        settle(holds[number], 80, now=now)
