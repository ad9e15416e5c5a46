"""Any order of operations, with crashes at any statement: never overspent, nothing lost, blocks change no answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from budgets import services
from budgets.domain.gears import GearChoice
from budgets.domain.refusals import BudgetExhausted
from budgets.services import escrow
from tests.integration.budgets.charges_model import Costs
from tests.integration.budgets.twin_trees import (
    LEAVES,
    NAMES,
    Crash,
    Tree,
    amounts_of,
    assert_sound,
    attempt,
    crashing_at,
)
from tests.integration.world import NOW, Team, make_team

LEAF = st.sampled_from(LEAVES)
BELOW_OTHERS = st.sampled_from([leaf for leaf in LEAVES if leaf != "alone"])
NAME = st.sampled_from(NAMES)
ASK = st.integers(0, 60)
CRASH = st.one_of(st.none(), st.none(), st.integers(1, 40))
WHICH = st.integers(0, 1000)
GAP = st.sampled_from([1, 50, 1500])
CRASHED = object()


class Budgets(RuleBasedStateMachine):
    """Both trees; `now` moves on only when somebody waits."""

    planted: ClassVar[tuple[Tree, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.trees = tuple(deepcopy(tree) for tree in self.planted)
        self.begin()

    def begin(self) -> None:
        self.now = NOW
        self.count = 0
        self.costs = Costs(self.trees[1])

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    def both(self, work: Callable[[Tree], Any], crash: int | None) -> Any:
        """The same work on both trees. On the one with blocks it may crash on the way, and is then done again."""
        leased, plain = self.trees
        outcome = CRASHED
        with suppress(Crash), crashing_at(crash):
            outcome = attempt(lambda: work(leased))
        if outcome is CRASHED:
            assert_sound()
            outcome = attempt(lambda: work(leased))
        assert attempt(lambda: work(plain)) == outcome
        return outcome

    @invariant()
    def nothing_is_lost(self) -> None:
        assert_sound()
        leased, plain = self.trees
        assert leased.books(self.now) == plain.books(self.now)
        assert leased.holds_now() == plain.holds_now()
        assert leased.alerts(self.now) == plain.alerts(self.now)
        self.costs.assert_charged()

    @rule(leaf=LEAF, tokens=ASK, minutes=st.integers(1, 90), crash=CRASH)
    def hold(self, leaf: str, tokens: int, minutes: int, crash: int | None) -> None:
        self.count += 1
        placed: dict[int, UUID] = {}

        def place(tree: Tree) -> None:
            placed[id(tree)] = services.place_hold(
                budget_id=tree.ids[leaf],
                amounts=amounts_of(tokens),
                reference=f"test:{id(tree)}:{self.count}",
                lease_expires_at=self.now + timedelta(minutes=minutes),
                actor="test",
                now=self.now,
            ).hold_id

        if self.both(place, crash) is None:
            for tree in self.trees:
                tree.holds.append(placed[id(tree)])
            self.costs.held(placed[id(self.trees[1])], leaf, tokens)

    @rule(
        leaf=BELOW_OTHERS,
        sizes=st.lists(ASK, min_size=1, max_size=4),
        crash=CRASH,
    )
    def hold_under_a_block(self, leaf: str, sizes: list[int], crash: int | None) -> None:
        escrow.tend(budget_id=self.trees[0].ids[leaf], amounts=amounts_of(10), asks_per_second=20.0, now=self.now)
        for tokens in sizes:
            self.hold(leaf, tokens, 30, crash)

    @rule(leaf=LEAF, tokens=ASK, crash=CRASH)
    def consume(self, leaf: str, tokens: int, crash: int | None) -> None:
        self.count += 1
        spent: dict[int, UUID] = {}

        def spend(tree: Tree) -> None:
            reference = f"test:{id(tree)}:{self.count}"
            spent[id(tree)] = services.consume(
                budget_id=tree.ids[leaf],
                amounts=amounts_of(tokens),
                reference=reference,
                actor="test",
                now=self.now,
            ).hold_id

        if self.both(spend, crash) is None:
            self.costs.held(spent[id(self.trees[1])], leaf, tokens)
            self.costs.reported(spent[id(self.trees[1])], tokens, now=self.now)

    @rule(which=WHICH, tokens=ASK, crash=CRASH)
    def settle(self, which: int, tokens: int, crash: int | None) -> None:
        self.report(which, tokens, crash)

    @rule(which=WHICH, tokens=st.integers(60, 1500), crash=CRASH)
    def settle_more_than_was_held(self, which: int, tokens: int, crash: int | None) -> None:
        self.report(which, tokens, crash)

    @rule(leaf=LEAF, held=ASK, tokens=st.integers(0, 90), gap=GAP, others=ASK, crash=CRASH)
    def report_late(self, leaf: str, held: int, tokens: int, gap: int, others: int, crash: int | None) -> None:
        """Nobody reports until it is settled unverified; then perhaps a period ends, and others spend in the next."""
        count = len(self.trees[0].holds)
        self.hold(leaf, held, 20, None)
        if len(self.trees[0].holds) > count:
            self.dispatch(0, 20, None, None)
            self.wait(25)
            self.sweep(crash)
            self.wait(gap)
            self.consume(leaf, others, None)
            self.nothing_is_lost()
            self.report(0, tokens, crash)

    @rule(leaf=BELOW_OTHERS, held=ASK, tokens=st.integers(0, 90), crash=CRASH)
    def end_under_a_closing_block(self, leaf: str, held: int, tokens: int, crash: int | None) -> None:
        count = len(self.trees[0].holds)
        self.hold_under_a_block(leaf, [held, held], None)
        made = len(self.trees[0].holds) - count
        self.wait(1)
        self.tend_all(crash)
        if made:
            self.report(0, tokens, crash)
        if made > 1:
            self.release(1, crash)

    def report(self, which: int, tokens: int, crash: int | None) -> None:
        def settle(tree: Tree) -> None:
            services.settle_hold(
                hold_id=self.chosen(tree, which), amounts=amounts_of(tokens), actor="test", now=self.now
            )

        if self.trees[0].holds and self.both(settle, crash) is None:
            self.costs.reported(self.chosen(self.trees[1], which), tokens, now=self.now)

    @rule(which=WHICH, crash=CRASH)
    def release(self, which: int, crash: int | None) -> None:
        def release(tree: Tree) -> None:
            services.release_hold(hold_id=self.chosen(tree, which), actor="test", now=self.now)

        if self.trees[0].holds:
            self.both(release, crash)

    @rule(which=WHICH, minutes=st.integers(1, 90), fence=st.sampled_from([None, None, 1, 2, 3]), crash=CRASH)
    def dispatch(self, which: int, minutes: int, fence: int | None, crash: int | None) -> None:
        def dispatch(tree: Tree) -> int:
            return services.dispatch_hold(
                hold_id=self.chosen(tree, which),
                lease_expires_at=self.now + timedelta(minutes=minutes),
                actor="test",
                now=self.now,
                fence=fence,
            )

        if self.trees[0].holds:
            self.both(dispatch, crash)

    @rule(minutes=st.one_of(st.integers(1, 20), st.integers(20, 1500)))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes, seconds=7)

    @rule(crash=CRASH)
    def sweep(self, crash: int | None) -> None:
        with suppress(Crash), crashing_at(crash):
            services.sweep_holds(now=self.now)
        services.sweep_holds(now=self.now)
        self.costs.swept(now=self.now)

    @rule(crash=CRASH)
    def begin_periods(self, crash: int | None) -> None:
        with suppress(Crash), crashing_at(crash):
            services.begin_due_periods(now=self.now)
        services.begin_due_periods(now=self.now)

    @rule(leaf=LEAF, tokens=st.integers(1, 40), asks=st.sampled_from([3.0, 10.0, 40.0]), crash=CRASH)
    def tend(self, leaf: str, tokens: int, asks: float, crash: int | None) -> None:
        def open_or_fill() -> None:
            escrow.tend(
                budget_id=self.trees[0].ids[leaf], amounts=amounts_of(tokens), asks_per_second=asks, now=self.now
            )

        with suppress(Crash), crashing_at(crash):
            open_or_fill()
        open_or_fill()

    @rule(crash=CRASH)
    def tend_all(self, crash: int | None) -> None:
        with suppress(Crash), crashing_at(crash):
            escrow.tend_all(now=self.now)
        assert_sound()
        escrow.tend_all(now=self.now)

    @rule(name=NAME, crash=CRASH)
    def recall(self, name: str, crash: int | None) -> None:
        with suppress(Crash), crashing_at(crash):
            escrow.recall_under(budget_id=self.trees[0].ids[name], now=self.now)
        assert_sound()

    @rule(name=NAME, limit=st.integers(1, 3000), crash=CRASH)
    def allot(self, name: str, limit: int, crash: int | None) -> None:
        amount = Decimal(limit) / 1000 if name in ("window", "meter", "alone") else Decimal(limit)
        self.both(
            lambda tree: services.allot(
                budget_id=tree.ids[name], limit=amount, actor="test", reason="step", now=self.now
            ),
            crash,
        )

    @rule(name=NAME, crash=CRASH)
    def reset(self, name: str, crash: int | None) -> None:
        done = self.both(
            lambda tree: services.reset_budget(budget_id=tree.ids[name], actor="test", reason="step", now=self.now),
            crash,
        )
        if done is None:
            self.costs.was_reset(name)

    @rule(name=st.sampled_from(["root", "team"]), crash=CRASH)
    def rebalance(self, name: str, crash: int | None) -> None:
        def even_out(tree: Tree) -> list[Any]:
            lines = services.rebalance(parent_id=tree.ids[name], actor="test", reason="step", now=self.now)
            return [(line.name, line.before, line.after, line.used) for line in lines]

        self.both(even_out, crash)

    @rule(giver=NAME, taker=NAME, amount=st.integers(1, 300), crash=CRASH)
    def trade(self, giver: str, taker: str, amount: int, crash: int | None) -> None:
        self.both(
            lambda tree: services.transfer_quota(
                from_id=tree.ids[giver],
                to_id=tree.ids[taker],
                amount=Decimal(amount),
                actor="test",
                reason="step",
                now=self.now,
            ),
            crash,
        )

    @rule(name=NAME, percent=st.integers(0, 100), floor=st.integers(0, 500), crash=CRASH)
    def configure(self, name: str, percent: int, floor: int, crash: int | None) -> None:
        self.both(
            lambda tree: services.configure_budget(
                budget_id=tree.ids[name], actor="test", now=self.now, rollover_percent=percent, floor=Decimal(floor)
            ),
            crash,
        )

    @rule(hours=st.sampled_from([1, 2, 5]), crash=CRASH)
    def change_the_window(self, hours: int, crash: int | None) -> None:
        self.both(
            lambda tree: services.configure_budget(
                budget_id=tree.ids["window"], actor="test", now=self.now, window_hours=hours
            ),
            crash,
        )

    @rule(leaf=LEAF, gear=st.sampled_from(GearChoice))
    def pin(self, leaf: str, gear: GearChoice) -> None:
        """Only where there may be blocks: the gear changes no answer."""
        services.configure_budget(budget_id=self.trees[0].ids[leaf], actor="test", now=self.now, gear=gear)

    def chosen(self, tree: Tree, which: int) -> Any:
        return tree.holds[-1 - which % min(8, len(tree.holds))]


class BareBudgets(Budgets):
    """The same without a transaction around it: every operation commits by itself, several at once in common."""

    team: ClassVar[Team]

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        self.trees = Tree(self.team), Tree(self.team, gear=GearChoice.DIRECT)
        self.begin()

    def teardown(self) -> None:
        """What is left is part of the books that the next example must keep."""

    @rule(leaf=LEAF, tokens=ASK, count=st.integers(2, 5))
    def hold_at_once(self, leaf: str, tokens: int, count: int) -> None:
        self.count += 1
        placed = []
        for tree in self.trees:
            place = partial(self.placed, tree, leaf, tokens)
            with ThreadPoolExecutor(count) as threads:
                placed.append([each for each in threads.map(place, range(count)) if each])
        assert len(placed[0]) == len(placed[1])
        for tree, hold_ids in zip(self.trees, placed, strict=True):
            tree.holds += hold_ids
        for hold_id in placed[1]:
            self.costs.held(hold_id, leaf, tokens)

    def placed(self, tree: Tree, leaf: str, tokens: int, index: int) -> UUID | None:
        try:
            return services.place_hold(
                budget_id=tree.ids[leaf],
                amounts=amounts_of(tokens),
                reference=f"test:{id(tree)}:{self.count}:{index}",
                lease_expires_at=self.now + timedelta(hours=1),
                actor="test",
                now=self.now,
            ).hold_id
        except BudgetExhausted:
            return None
        finally:
            connection.close()


HOW = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # what fails is long: nobody has the time to make it shorter
)


@pytest.mark.django_db
def test_no_order_of_operations_and_crashes_overspends_loses_or_lets_a_block_change_an_answer():
    services.load_reference(now=NOW)
    team = make_team()
    Budgets.planted = (Tree(team), Tree(team))
    run_state_machine_as_test(Budgets, settings=settings(HOW, max_examples=12, stateful_step_count=25))


@pytest.mark.django_db
def test_orders_that_chance_seldom_finds():
    services.load_reference(now=NOW)
    team = make_team()
    Budgets.planted = (Tree(team), Tree(team))
    budgets = Budgets()
    steps = [
        # More than any budget of the path has, then a period that pays what was overdrawn.
        lambda: budgets.hold("desk", 50, 30, None),
        lambda: budgets.report(0, 1490, None),
        lambda: budgets.wait(61),
        # Nobody reports; an hour, a day or a window ends, others spend in the next; then a smaller figure comes.
        *(partial(budgets.report_late, leaf, 60, 5, gap, 55, None) for leaf in LEAVES for gap in (1, 50, 1500)),
        # A report beyond what was held.
        lambda: budgets.report_late("other", 60, 90, 1, 10, None),
        *(partial(budgets.end_under_a_closing_block, leaf, 30, 5, None) for leaf in ("desk", "agent", "other")),
        # Under a block that is not empty, over the turn of everything above.
        lambda: budgets.hold_under_a_block("desk", [40, 40], None),
        lambda: budgets.report(0, 7, None),
        lambda: budgets.wait(1500),
        lambda: budgets.hold("desk", 10, 30, None),
        lambda: budgets.report(1, 80, 3),
    ]
    for step in steps:
        step()
        budgets.nothing_is_lost()
    budgets.teardown()


@pytest.mark.django_db(transaction=True)
def test_nor_does_any_where_each_operation_commits_by_itself_and_several_ask_at_once():
    services.load_reference(now=NOW)
    BareBudgets.team = make_team()
    run_state_machine_as_test(BareBudgets, settings=settings(HOW, max_examples=4, stateful_step_count=12))
