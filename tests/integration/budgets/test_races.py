"""Many threads, one budget: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.models import Budget, BudgetAlert
from budgets.selectors import list_ledger_differences
from config.kernel.errors import Conflict
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
AMOUNTS = Amounts(tokens=100, carbon_ug=0, micro_usd=0)


def in_threads(work, arguments):
    def run(argument):
        try:
            return work(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=12) as pool:
        return list(pool.map(run, arguments))


def try_to_hold(budget_id: UUID, name: str) -> UUID | None:
    try:
        return services.place_hold(
            budget_id=budget_id,
            amounts=AMOUNTS,
            reference=f"test:{name}",
            lease_expires_at=NOW + timedelta(hours=1),
            actor="test",
            now=NOW,
        ).hold_id
    except BudgetExhausted:
        return None


def test_of_many_at_once_exactly_those_that_fit_are_held():
    services.load_reference(now=NOW)
    team = make_team()
    top = make_budget(team, 1000)
    leaves = [make_budget(team, 700, name=name, parent_id=top) for name in "abc"]
    held = in_threads(lambda index: try_to_hold(leaves[index % 3], str(index)), range(60))
    assert sum(each is not None for each in held) == 10
    assert Budget.objects.get(pk=top).reserved == 1000
    assert list_ledger_differences() == []
    assert BudgetAlert.objects.filter(budget=top).count() == 3


def test_of_many_at_the_start_of_a_period_none_is_refused_that_fits():
    team = make_team()
    yesterday = NOW - timedelta(days=1)
    budget = make_budget(team, 2000, period=Period.DAY, now=yesterday)
    held = in_threads(lambda index: try_to_hold(budget, str(index)), range(20))
    assert None not in held
    assert Budget.objects.get(pk=budget).reserved == 2000
    assert list_ledger_differences() == []


def test_of_many_who_settle_release_and_expire_one_hold_one_wins():
    team = make_team()
    budget = make_budget(team, 1000)
    hold_id = try_to_hold(budget, "one")
    assert hold_id is not None
    ends = [
        lambda: services.settle_hold(hold_id=hold_id, amounts=AMOUNTS, actor="test", now=NOW),
        lambda: services.release_hold(hold_id=hold_id, actor="test", now=NOW),
    ]

    def end(index):
        try:
            ends[index % 2]()
        except Conflict:
            return 0
        return 1

    assert sum(in_threads(end, range(12))) == 1
    assert Budget.objects.get(pk=budget).reserved == 0
    assert list_ledger_differences() == []
