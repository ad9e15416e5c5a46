"""Teams that lend, borrow and promise: asks with defaults, and the books that have to agree."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from budgets import services as budgets
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from market.models import Fund, Loan
from market.selectors import list_fund_differences
from market.selectors.trading.differences import list_market_differences
from market.services.trading.deposits import deposit
from market.services.trading.loans.lending import accept_loan
from market.services.trading.loans.offers import LoanAsk, offer_loan
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.world import NOW

DUE = NOW + timedelta(days=10)
TOP = 450
"""Ticks: 100 tokens of any class at 0.000003 US$ are 300, and the collar is 50 %."""


def make_lender_and_borrower(**of_tokens: Any) -> tuple[Trader, Trader]:
    """Two teams of different organisations; both have money in their accounts."""
    lender, borrower = make_trader("Lender", **of_tokens), make_trader("Borrower", **of_tokens)
    for trader in (lender, borrower):
        fund_account(trader)
    return lender, borrower


def fund_account(trader: Trader, micro_usd: int = 1_000_000) -> None:
    """Put money into a team's account."""
    deposit(team_id=trader.team.team_id, micro_usd=micro_usd, actor="test", reason="test", now=NOW)


def offer(lender: Trader, quantity: int = 10_000, fee: str = "0.001", now: datetime = NOW, **changes: Any) -> Loan:
    """An offer of tokens: 100 lots for a thousand micro-USD, until ten days from now."""
    values = {"unit": Unit.TOKENS, "quantity": Decimal(quantity), "fee_usd": Decimal(fee), "due_at": DUE}
    values["budget_id"] = lender.tokens
    return offer_loan(ask=LoanAsk(**{**values, **changes}), principal=lender.team.principal, now=now)


def accept(loan: Loan, borrower: Trader, now: datetime = NOW) -> Loan:
    """The borrower takes an offer."""
    return accept_loan(loan_id=loan.pk, budget_id=borrower.tokens, principal=borrower.team.principal, now=now)


def lend(lender: Trader, borrower: Trader, quantity: int = 10_000, *, now: datetime = NOW, **changes: Any) -> Loan:
    """Offer and take a loan."""
    return accept(offer(lender, quantity, now=now, **changes), borrower, now=now)


def tokens_of(trader: Trader) -> tuple[int, int, int]:
    """Limit, spent and reserved of a trader's budget of tokens."""
    row = Budget.objects.get(pk=trader.tokens)
    return row.limit, row.spent, row.reserved


def spend(trader: Trader, tokens: int, now: datetime = NOW) -> None:
    """Work of this trader that is paid from its budget of tokens."""
    budgets.consume(
        budget_id=trader.tokens,
        amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
        reference=f"work:{trader.tokens}:{now.isoformat()}:{tokens}",
        actor="test",
        now=now,
    )


def differences() -> list[str]:
    """Where the books of budgets, of the market and of the Fund do not agree."""
    return [*list_ledger_differences(), *list_fund_differences(), *list_market_differences()]


def limits_of(traders: Iterable[Trader]) -> int:
    """Tokens of all the traders' budgets together."""
    return sum(tokens_of(each)[0] for each in traders)


def fund_balance() -> int:
    """What the Access Fund has, micro-USD."""
    return sum(Fund.objects.values_list("balance_micro_usd", flat=True))
