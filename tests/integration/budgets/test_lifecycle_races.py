"""Several processes at once on one set of books."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest

from budgets import services
from budgets.domain.gears import GearChoice
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.models import Budget, Hold
from budgets.selectors import list_leases, list_ledger_differences
from budgets.services import escrow
from config.kernel.errors import Conflict
from tests.integration.processes import in_processes
from tests.integration.world import NOW, make_budget, make_team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
LEASE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)


def amounts_of(tokens: int) -> Amounts:
    return Amounts(tokens=tokens, carbon_ug=0, micro_usd=0)


def hold(budget_id: UUID, name: str, tokens: int = 10) -> UUID | None:
    try:
        return services.place_hold(
            budget_id=budget_id,
            amounts=amounts_of(tokens),
            reference=f"test:{name}",
            lease_expires_at=NOW + LEASE,
            actor="test",
            now=NOW,
        ).hold_id
    except BudgetExhausted:
        return None


def settle_each(hold_ids: list[UUID], tokens: int) -> int:
    """How many of the holds this process was the one to settle."""
    won = 0
    for hold_id in hold_ids:
        try:
            services.settle_hold(hold_id=hold_id, amounts=amounts_of(tokens), actor="test", now=LATER)
            won += 1
        except Conflict:
            pass
    return won


def sweep_until_quiet() -> int:
    return sum(services.sweep_holds(now=LATER) for _ in range(5))


def hold_many(budget_id: UUID, name: str, count: int, tend: bool) -> list[UUID]:
    held = []
    for index in range(count):
        if tend and index % 5 == 0:
            escrow.tend(budget_id=budget_id, amounts=amounts_of(10), asks_per_second=10.0, now=NOW)
        if (hold_id := hold(budget_id, f"{name}:{index}")) is not None:
            held.append(hold_id)
    return held


def recall_often(budget_id: UUID, count: int) -> None:
    for index in range(count):
        escrow.recall_under(budget_id=budget_id, now=NOW)
        escrow.tend_all(now=NOW + timedelta(seconds=index))


def rebalance_often(parent_id: UUID, leaves: list[UUID], count: int) -> None:
    for index in range(count):
        services.rebalance(parent_id=parent_id, actor="test", reason="race", now=NOW)
        try:
            limit = Decimal(200 + 17 * (index % 5))
            services.allot(budget_id=leaves[index % 2], limit=limit, actor="test", reason="race", now=NOW)
        except Conflict:
            pass


def state(budget_id: UUID) -> tuple[int, int, int]:
    row = Budget.objects.get(pk=budget_id)
    return row.spent, row.reserved, row.overdraft


def leased_tree() -> tuple[UUID, list[UUID]]:
    team = make_team()
    root = make_budget(team, 1000, name="root")
    middle = make_budget(team, 900, name="middle", parent_id=root)
    return root, [make_budget(team, 600, name=name, parent_id=middle, gear=GearChoice.LEASED) for name in ("a", "b")]


@pytest.mark.parametrize("is_leased", [False, True])
def test_of_sweepers_and_workers_each_hold_is_reported_once(is_leased):
    root, leaves = leased_tree()
    held = hold_many(leaves[0], "x", 30, tend=is_leased)
    for hold_id in held[::2]:
        services.dispatch_hold(hold_id=hold_id, lease_expires_at=NOW + LEASE, actor="test", now=NOW)
    won = in_processes(
        [
            sweep_until_quiet,
            partial(settle_each, held, 7),
            sweep_until_quiet,
            partial(settle_each, held[::-1], 7),
        ]
    )
    assert won[1] + won[3] == len(held) == 30
    services.sweep_holds(now=LATER)
    escrow.tend_all(now=LATER)
    assert state(root) == state(leaves[0]) == (7 * 30, 0, 0)
    assert list_ledger_differences() == []


def test_of_many_late_reports_of_one_hold_one_corrects_it():
    root, leaves = leased_tree()
    hold_id = hold(leaves[0], "late", 50)
    assert hold_id is not None
    services.dispatch_hold(hold_id=hold_id, lease_expires_at=NOW + LEASE, actor="test", now=NOW)
    assert services.sweep_holds(now=LATER) == 1
    assert state(root) == (50, 0, 0)
    assert sum(in_processes([partial(settle_each, [hold_id] * 5, tokens) for tokens in (20, 20, 20, 20)])) == 1
    assert state(root) == state(leaves[0]) == (20, 0, 0)
    assert list_ledger_differences() == []


def test_blocks_that_come_and_go_lose_no_hold_and_let_no_more_in():
    root, leaves = leased_tree()
    works = [partial(hold_many, leaves[index % 2], str(index), 40, True) for index in range(4)]
    results = in_processes([*works, partial(recall_often, root, 25)])
    held = [hold_id for result in results[:4] for hold_id in result]
    # 160 asks for 10 on a path whose middle has room for 90: exactly those, whatever blocks there were.
    assert len(held) == 90
    escrow.recall_under(budget_id=root, now=NOW)
    assert state(root)[1] == 900
    assert list_ledger_differences() == []


def test_rebalancing_and_holds_neither_overspend_nor_lose():
    root, leaves = leased_tree()
    middle = Budget.objects.get(name="middle").pk
    works = [partial(hold_many, leaves[index % 2], str(index), 25, True) for index in range(3)]
    results = in_processes([*works, partial(rebalance_often, middle, leaves, 20)])
    held = [hold_id for result in results[:3] for hold_id in result]
    assert Hold.objects.filter(pk__in=held, status="reserved").count() == len(held)
    escrow.recall_under(budget_id=root, now=NOW)
    assert state(root)[1] == len(held) * 10
    assert sum(state(leaf)[1] for leaf in leaves) == len(held) * 10
    assert list_ledger_differences() == []


def test_of_a_storm_of_the_same_work_one_hold_is_made():
    root, leaves = leased_tree()
    results = in_processes([partial(_hold_again, leaves[0]) for _ in range(6)])
    assert sum(results) == 1
    assert state(root) == (0, 10, 0)
    assert list_leases() == []


def _hold_again(budget_id: UUID) -> int:
    made = 0
    for _ in range(5):
        with suppress(Conflict):
            made += hold(budget_id, "same") is not None
    return made
