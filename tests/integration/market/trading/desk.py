"""Teams that trade: each with a budget of tokens and one of money, in one period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from market.domain.trading.orders import OrderAsk, OrderKind, Side
from market.models import Account, Order
from market.services.trading.orders import place_order
from tests.integration.world import NOW, Team, make_budget, make_team


@dataclass(frozen=True, kw_only=True)
class Trader:
    """A team with its budgets."""

    team: Team
    tokens: UUID
    money: UUID

    @property
    def account(self) -> str:
        """The name of its account."""
        return f"team-{self.team.team_id}"

    @property
    def balance(self) -> tuple[int, int]:
        """Balance and escrow of its account, micro-USD; nothing where it has none."""
        row = Account.objects.filter(name=self.account).first()
        return (row.balance_micro_usd, row.reserved_micro_usd) if row else (0, 0)


def make_trader(
    name: str,
    *,
    tokens: int = 100_000,
    micro_usd: int = 10_000_000,
    period: Period = Period.MONTH,
    country_code: str = "DE",
    now: datetime = NOW,
    **of_tokens: Any,
) -> Trader:
    """A team with so many tokens for this period and so much money."""
    team = make_team(name, country_code=country_code)
    return Trader(
        team=team,
        tokens=make_budget(team, tokens, name="tokens", period=period, now=now, **of_tokens),
        money=make_budget(team, micro_usd, name="money", unit=Unit.MICRO_USD, period=period, now=now),
    )


def an_ask(side: Side, quantity: int | str = 1_000, limit: str | None = "0.000003", **changes: Any) -> OrderAsk:
    """An order of tokens at the service price of class L, which stands for quota of any class."""
    values: dict[str, Any] = {
        "side": side,
        "unit": Unit.TOKENS,
        "quantity": Decimal(quantity),
        "limit_price_usd": None if limit is None else Decimal(limit),
        "kind": OrderKind.MARKET if limit is None else OrderKind.LIMIT,
    }
    return OrderAsk(**{**values, **changes})


def buy(trader: Trader, *args: Any, now: datetime = NOW, **changes: Any) -> Order:
    """A bid of this trader."""
    return place_order(ask=an_ask(Side.BUY, *args, **changes), principal=trader.team.principal, now=now)


def sell(trader: Trader, *args: Any, now: datetime = NOW, **changes: Any) -> Order:
    """An offer of this trader."""
    return place_order(ask=an_ask(Side.SELL, *args, **changes), principal=trader.team.principal, now=now)
