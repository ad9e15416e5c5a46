"""Whatever becomes of loans, in whatever order: no token, no cent and nothing of the Fund is made or lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.models import Budget
from climate.services.emergencies import NewEmergency, declare_emergency
from config.kernel.errors import DomainError
from market.models import FUND, Account, Loan
from market.services import deposit_to_fund
from market.services.trading.calls import run_due_calls
from market.services.trading.loans.due import run_due_loans
from market.services.trading.loans.offers import cancel_loan
from market.services.trading.loans.returns import break_loan, return_loan
from market.services.trading.loans.sharing import ShareAsk, donate, draw_share
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.lending import (
    DUE,
    accept,
    differences,
    fund_account,
    fund_balance,
    limits_of,
    offer,
    spend,
)
from tests.integration.world import NOW, make_budget, undone

pytestmark = pytest.mark.django_db
LAST = DUE + timedelta(days=10)
"""Everything stays in one month, so that no period brings new quota."""


@dataclass
class Market:
    """Two lenders, three borrowers with little money, and a clock that only goes forward."""

    lenders: list[Trader]
    borrowers: list[Trader]
    now: datetime = NOW
    done: int = field(default=0)

    @property
    def traders(self) -> list[Trader]:
        return [*self.lenders, *self.borrowers]

    def loan(self, which: int) -> Loan | None:
        loans = list(Loan.objects.order_by("offered_at", "pk"))
        return loans[which % len(loans)] if loans else None

    def trader(self, which: int) -> Trader:
        return self.traders[which % len(self.traders)]


def do_offer(market: Market, which: int, amount: int) -> None:
    due_at = market.now + timedelta(days=1 + amount % 4)
    fee = str(Decimal(amount) / 1_000_000)
    offer(market.trader(which), 100 * (1 + amount % 250), fee, now=market.now, due_at=min(due_at, LAST))


def do_accept(market: Market, which: int, amount: int) -> None:
    if loan := market.loan(which):
        accept(loan, market.trader(amount), now=market.now)


def do_return(market: Market, which: int, amount: int) -> None:
    loan = market.loan(which)
    borrower = next((each for each in market.traders if loan and each.team.team_id == loan.borrower_team_id), None)
    if loan and borrower:
        quantity = Decimal(100 * (1 + amount % 50))
        return_loan(loan_id=loan.pk, quantity=quantity, principal=borrower.team.principal, now=market.now)


def do_break_or_cancel(market: Market, which: int, amount: int) -> None:
    loan = market.loan(which)
    lender = next((each for each in market.traders if loan and each.team.team_id == loan.lender_team_id), None)
    if loan and lender:
        work = break_loan if amount % 2 else cancel_loan
        work(loan_id=loan.pk, principal=lender.team.principal, now=market.now)


def do_spend(market: Market, which: int, amount: int) -> None:
    spend(market.trader(which), 1 + amount * 40, market.now)


def do_wait(market: Market, which: int, amount: int) -> None:
    market.now = min(LAST, market.now + timedelta(hours=1 + amount % 60))
    run_due_calls(now=market.now)
    run_due_loans(now=market.now)


def do_trade(market: Market, which: int, amount: int) -> None:
    sell(market.trader(which), 100 * (1 + amount % 20), "0.0000015", now=market.now)
    buy(market.trader(which + 1), 100, "0.000003", now=market.now)


def do_share(market: Market, which: int, amount: int) -> None:
    trader = market.lenders[0]
    budget_id = trader.tokens if which % 2 else Budget.objects.get(name="second").pk
    ask = ShareAsk(unit="tokens", quantity=Decimal(1 + amount), budget_id=budget_id)  # type: ignore[arg-type]
    (donate if which % 3 else draw_share)(ask=ask, principal=trader.team.principal, now=market.now)


STEPS: list[Callable[[Market, int, int], None]] = [
    *(do_offer, do_offer, do_accept, do_accept, do_return, do_break_or_cancel),
    *(do_spend, do_wait, do_wait, do_trade, do_share),
]


@pytest.fixture
def market(loaded_world: None, db: None) -> Market:
    made = Market(
        lenders=[make_trader(f"Lender {each}", tokens=50_000) for each in range(2)],
        borrowers=[make_trader(f"Borrower {each}", tokens=5_000) for each in range(3)],
    )
    make_budget(made.lenders[0].team, 20_000, name="second", period="month")
    for trader in made.traders:
        fund_account(trader, 40_000)
    deposit_to_fund(micro_usd=50, actor="test", reason="test", now=NOW)
    flood = NewEmergency(
        kind="flood",
        title="Flood",
        country_codes=("DE",),
        purposes=("disaster_response",),
        multiplier=2.0,
        reason="water",
        starts_at=NOW,
        ends_at=LAST + timedelta(days=1),
    )
    declare_emergency(flood, by="test", now=NOW)
    return made


def everything(market: Market) -> tuple[int, int]:
    """Tokens of all budgets, and money of all teams and of the Fund that came in from outside."""
    second = Budget.objects.get(name="second").limit
    teams = sum(Account.objects.filter(kind="team").values_list("balance_micro_usd", flat=True))
    outside = sum(Account.objects.filter(kind="outside").values_list("balance_micro_usd", flat=True))
    in_fund = sum(Account.objects.filter(name=FUND).values_list("balance_micro_usd", flat=True))
    return limits_of(market.traders) + second, teams + in_fund + outside


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 20), st.integers(0, 1_000)), min_size=8, max_size=16
    )
)
def test_nothing_is_made_or_lost_by_any_steps_of_loans_and_shares(market: Market, steps) -> None:
    with undone():
        market.now = NOW
        before = everything(market)
        for step, which, amount in steps:
            try:
                step(market, which, amount)
            except DomainError:
                continue  # refused: the books say below that it changed nothing
            assert everything(market) == before
        assert differences() == []
        assert fund_balance() >= 0
        run_due_loans(now=LAST)
        run_due_calls(now=LAST + timedelta(hours=1))
        run_due_loans(now=LAST + timedelta(hours=1))
        assert not Loan.objects.filter(status__in=["offered", "running"]).exists()
        assert everything(market) == before
        assert differences() == []
