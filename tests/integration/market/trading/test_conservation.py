"""Whatever teams, calls, the clock and crashes do, in any order: no token and no cent is made or lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

import pytest
from django.db import transaction
from django.db.models import F, Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from budgets.domain.units import Unit
from budgets.models import Budget
from budgets.services import begin_due_periods
from config.kernel.errors import DomainError
from market.domain.trading.orders import OrderKind, TradeSession
from market.models import OUTSIDE, Account, Auction, Loan, Order
from market.services import (
    break_loan,
    cancel_loan,
    cancel_order,
    deliver_due_forwards,
    deposit_to_fund,
    end_due_halts,
    expire_orders,
    improve_order,
    pay_out,
    replay_auction,
    return_loan,
    reverse_auction,
    run_due_calls,
    run_due_loans,
    top_up,
)
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.market.trading.calling import change_market
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.lending import accept, differences, fund_account, fund_balance, offer, spend
from tests.integration.world import NOW

WHO = st.integers(0, 5)
WHICH = st.integers(0, 50)
LOTS = st.integers(1, 30)
LIMIT = st.sampled_from(["0.000002", "0.0000025", "0.000003", "0.0000035", "0.000004", None])
CRASH = st.one_of(st.none(), st.none(), st.integers(1, 60))
TOKENS = 8_000
LAST = NOW + timedelta(days=75)


class Market(RuleBasedStateMachine):
    """Six teams of rich and poor countries; each step may crash at any statement, and is then done again."""

    traders: ClassVar[list[Trader]] = []

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.now: datetime = NOW
        self.money = self.money_of_all()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    def do(self, work: Callable[[], Any], crash: int | None) -> None:
        """A refusal changes nothing; nor does a crash, after which the same is done to its end."""
        before, is_done = books(), False
        with suppress(Crash), crashing_at(crash):
            is_done = self.attempt(work, before)
        if not is_done:
            self.nothing_is_lost()
            self.attempt(work, None)

    def attempt(self, work: Callable[[], Any], before: object) -> bool:
        try:
            work()
        except DomainError:
            assert before is None or books() == before
        return True

    @invariant()
    def nothing_is_lost(self) -> None:
        assert differences() == []
        assert fund_balance() >= 0
        assert sum(Budget.objects.filter(unit=Unit.TOKENS).values_list("limit", flat=True)) == TOKENS * len(
            self.traders
        )
        assert self.money_of_all() == self.money
        assert sum(Account.objects.values_list("balance_micro_usd", flat=True)) == 0
        assert not Account.objects.filter(kind="team", balance_micro_usd__lt=F("reserved_micro_usd")).exists()
        assert not Budget.objects.filter(limit__lt=F("spent") + F("reserved")).exists()

    def money_of_all(self) -> int:
        """What budgets and the market have: what leaves one comes into the other, until a period gives anew."""
        in_budgets = Budget.objects.filter(unit=Unit.MICRO_USD).aggregate(sum=Sum("limit"))["sum"]
        outside = Account.objects.filter(name=OUTSIDE).values_list("balance_micro_usd", flat=True).first() or 0
        return int(in_budgets) - int(outside)

    @rule(who=WHO, lots=LOTS, limit=LIMIT, crash=CRASH)
    def offer_quota(self, who: int, lots: int, limit: str | None, crash: int | None) -> None:
        self.do(lambda: sell(self.traders[who], lots * 100, limit, now=self.now, **kind_of(limit)), crash)

    @rule(who=WHO, lots=LOTS, limit=LIMIT, crash=CRASH)
    def bid(self, who: int, lots: int, limit: str | None, crash: int | None) -> None:
        self.do(lambda: buy(self.traders[who], lots * 100, limit, now=self.now, **kind_of(limit)), crash)

    @rule(who=WHO, lots=LOTS, is_sale=st.booleans(), crash=CRASH)
    def take_in_the_window(self, who: int, lots: int, is_sale: bool, crash: int | None) -> None:
        place, limit = (sell, "0.000002") if is_sale else (buy, "0.000004")
        session = {"session": TradeSession.WINDOW}
        self.do(lambda: place(self.traders[who], lots * 100, limit, now=self.now, **session), crash)

    @rule(which=WHICH, more=LOTS, crash=CRASH)
    def improve(self, which: int, more: int, crash: int | None) -> None:
        if order := pick(Order.objects.filter(status="open", source="team").order_by("number"), which):
            principal, quantity = self.trader(order.team_id).team.principal, Decimal(more * 100)
            how = {"order_id": order.id, "add_quantity": quantity, "principal": principal, "now": self.now}
            self.do(lambda: improve_order(**how), crash)

    @rule(which=WHICH, crash=CRASH)
    def cancel(self, which: int, crash: int | None) -> None:
        if order := pick(Order.objects.filter(status="open", source="team").order_by("number"), which):
            principal = self.trader(order.team_id).team.principal
            self.do(lambda: cancel_order(order_id=order.id, principal=principal, now=self.now), crash)

    @rule(sides=st.permutations(range(6)), lots=LOTS, crash=CRASH)
    def hold_a_call_of_all(self, sides: list[int], lots: int, crash: int | None) -> None:
        for place, who in enumerate(sides):
            limit = "0.0000025" if place % 2 else "0.0000035"
            (self.offer_quota if place % 2 else self.bid)(who, lots + place, limit, None)
        self.wait(1, crash)

    @rule(hours=st.integers(1, 60), crash=CRASH)
    def wait(self, hours: int, crash: int | None) -> None:
        self.now = min(LAST, self.now + timedelta(hours=hours))
        self.tend(crash)

    @rule(crash=CRASH)
    def begin_the_next_month(self, crash: int | None) -> None:
        following = (self.now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=5)
        if following <= LAST:
            self.now = following
            self.tend(crash)

    def tend(self, crash: int | None) -> None:
        """What the worker does by the clock, and again: where it crashed, it goes on with the others, and comes back.

        A new period gives new money, which is then what there is.
        """
        if begin_due_periods(now=self.now):
            self.money = self.money_of_all()
        for work in (end_due_halts, expire_orders, run_due_calls, deliver_due_forwards, run_due_loans):
            self.do(partial(work, now=self.now), crash)
            self.do(partial(work, now=self.now), None)

    @rule(which=WHICH, crash=CRASH)
    def reverse(self, which: int, crash: int | None) -> None:
        if auction := pick(Auction.objects.filter(status="cleared").order_by("-pk"), which % 3):
            how = {"auction_id": auction.pk, "reason": "an error", "actor": "test", "now": self.now}
            self.do(lambda: reverse_auction(**how), crash)

    @rule(which=WHICH)
    def replay(self, which: int) -> None:
        if auction := pick(Auction.objects.filter(status="cleared").order_by("-pk"), which):
            assert replay_auction(auction.pk).agrees

    @rule(who=WHO, lots=LOTS, days=st.integers(1, 9), crash=CRASH)
    def lend(self, who: int, lots: int, days: int, crash: int | None) -> None:
        due_at = self.now + timedelta(days=days)
        self.do(lambda: offer(self.traders[who], lots * 100, "0.0001", now=self.now, due_at=due_at), crash)

    @rule(which=WHICH, who=WHO, crash=CRASH)
    def borrow(self, which: int, who: int, crash: int | None) -> None:
        if loan := pick(Loan.objects.filter(status="offered").order_by("offered_at", "pk"), which):
            self.do(lambda: accept(loan, self.traders[who], now=self.now), crash)

    @rule(which=WHICH, lots=LOTS, crash=CRASH)
    def give_back(self, which: int, lots: int, crash: int | None) -> None:
        if loan := pick(Loan.objects.filter(status="running").order_by("offered_at", "pk"), which):
            who, quantity = self.trader(loan.borrower_team_id).team.principal, Decimal(lots * 100)
            self.do(lambda: return_loan(loan_id=loan.pk, quantity=quantity, principal=who, now=self.now), crash)

    @rule(which=WHICH, is_break=st.booleans(), crash=CRASH)
    def end_a_loan(self, which: int, is_break: bool, crash: int | None) -> None:
        if loan := pick(Loan.objects.order_by("offered_at", "pk"), which):
            who, work = self.trader(loan.lender_team_id).team.principal, break_loan if is_break else cancel_loan
            self.do(lambda: work(loan_id=loan.pk, principal=who, now=self.now), crash)

    @rule(who=WHO, tokens=st.integers(1, 6_000), crash=CRASH)
    def use(self, who: int, tokens: int, crash: int | None) -> None:
        self.do(lambda: spend(self.traders[who], tokens, self.now), crash)

    @rule(who=WHO, micro_usd=st.integers(1, 20_000), is_in=st.booleans(), crash=CRASH)
    def move_money(self, who: int, micro_usd: int, is_in: bool, crash: int | None) -> None:
        how = {"team_id": self.traders[who].team.team_id, "micro_usd": micro_usd, "budget_id": None}
        self.do(lambda: (top_up if is_in else pay_out)(**how, actor="test", now=self.now), crash)

    def trader(self, team_id: int | None) -> Trader:
        return next(each for each in self.traders if each.team.team_id == team_id)


def kind_of(limit: str | None) -> dict[str, OrderKind]:
    return {"kind": OrderKind.MARKET if limit is None else OrderKind.LIMIT}


def pick(rows: Any, which: int) -> Any:
    """One of them, or None."""
    found = list(rows)
    return found[which % len(found)] if found else None


def books() -> tuple[Any, ...]:
    """Everything that a refusal must leave alone."""
    return (
        list(Budget.objects.order_by("pk").values_list("pk", "limit", "spent", "reserved", "sold", "bonus")),
        list(Account.objects.order_by("pk").values_list("pk", "balance_micro_usd", "reserved_micro_usd")),
        list(Order.objects.order_by("pk").values_list("pk", "status", "lots", "filled_lots", "escrow_micro_usd")),
        list(Loan.objects.order_by("pk").values_list("pk", "status")),
        fund_balance(),
    )


@pytest.fixture
def traders(loaded_world: None, db: None) -> Iterator[None]:
    change_market(least_principals=2)
    deposit_to_fund(micro_usd=5_000, actor="test", reason="test", now=NOW)
    countries = ("DE", "BD", "FR", "KE", "US", "IN")
    Market.traders = [
        make_trader(f"Team {code}", tokens=TOKENS, micro_usd=60_000, country_code=code, tradeable_percent=100)
        for code in countries
    ]
    for trader in Market.traders:
        fund_account(trader, 30_000)
    yield
    Market.traders = []


def test_no_order_of_steps_and_crashes_makes_or_loses_a_token_or_a_cent(traders: None) -> None:
    run_state_machine_as_test(
        Market,
        settings=settings(
            max_examples=5,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # what fails is long: nobody waits for a shorter one
        ),
    )


def test_a_day_with_all_of_it(traders: None) -> None:
    market = Market()
    crashes = iter(range(3, 60, 7))
    market.hold_a_call_of_all([0, 1, 2, 3, 4, 5], 5, next(crashes))
    told = list(Auction.objects.values_list("status", "explanation"))
    assert [status for status, _ in told] == ["cleared"], told
    market.lend(0, 20, 1, next(crashes))
    market.borrow(0, 1, next(crashes))
    assert Loan.objects.filter(status="running").exists()
    market.use(1, 6_000, next(crashes))
    market.use(1, 4_000, None)
    market.wait(30, next(crashes))
    assert not Loan.objects.filter(status="running").exists()
    market.hold_a_call_of_all([5, 0, 4, 2, 3, 1], 9, next(crashes))
    market.reverse(0, next(crashes))
    assert Auction.objects.filter(status="reversed").exists()
    market.nothing_is_lost()
    market.begin_the_next_month(next(crashes))
    market.hold_a_call_of_all([1, 0, 4, 2, 3, 5], 4, None)
    market.nothing_is_lost()
    market.teardown()
