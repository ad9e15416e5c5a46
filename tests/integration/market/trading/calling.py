"""Markets that are ready for a call, and what must be true of the books after anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from market.models import Account, Fund, Order, Policy
from market.selectors import list_fund_differences, list_market_differences
from market.services import activate_policy, create_policy_version
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.world import NOW

CALL = NOW.replace(hour=11, minute=0)
"""When the first call after NOW closes."""
POOR, RICH = "BD", "DE"
LOW, HIGH = "0.000002", "0.000004"
"""US$ for a token: what sellers and buyers of these markets say, around the service price of 0.000003."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Traders with their orders."""

    traders: list[Trader]
    orders: list[Order]


def make_sellers(count: int = 5, *, quantity: int = 1_000, limit: str = LOW, **changes: Any) -> Side:
    """So many teams that each offer as much."""
    traders = [make_trader(f"Seller {index}", **changes) for index in range(count)]
    return Side(traders=traders, orders=[sell(each, quantity, limit) for each in traders])


def make_buyers(count: int = 5, *, quantity: int = 1_000, limit: str = HIGH, **changes: Any) -> Side:
    """So many teams that each want as much, every other one from a poor country."""
    countries = [POOR if index % 2 else RICH for index in range(count)]
    traders = [make_trader(f"Buyer {index}", country_code=code, **changes) for index, code in enumerate(countries)]
    return Side(traders=traders, orders=[buy(each, quantity, limit) for each in traders])


def tokens_of(trader: Trader) -> int:
    """The limit of its budget of tokens."""
    return Budget.objects.get(pk=trader.tokens).limit


def use_policy(name: str) -> None:
    """Make a policy that is there the one in force."""
    policy = Policy.objects.get(name=name, is_current=True)
    activate_policy(policy_id=policy.pk, make_default=True, actor="test", now=NOW)


def change_market(**changes: Any) -> None:
    """A new version of the policy in force with other terms of the market, in force from now on."""
    policy = Policy.objects.get(is_default=True)
    body = {**policy.body, "market": {**policy.body["market"], **changes}}
    policy_id = create_policy_version(name=policy.name, body=body, rationale="test", author_id=None, now=NOW)
    activate_policy(policy_id=policy_id, make_default=True, actor="test", now=NOW)


def assert_sound() -> None:
    """Nothing was made or lost: budgets, accounts and the Fund are the sums of their books, nobody below zero."""
    assert list_ledger_differences() == []
    assert list_fund_differences() == []
    assert list_market_differences() == []
    kept = Order.objects.aggregate(sum=Sum("escrow_micro_usd"))["sum"] or 0
    assert (Account.objects.aggregate(sum=Sum("reserved_micro_usd"))["sum"] or 0) == kept
    assert all(each.balance_micro_usd >= each.reserved_micro_usd >= 0 for each in Fund.objects.all())
