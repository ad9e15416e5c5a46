"""What an open order keeps aside: a buyer's money, a seller's quota, or for a later period a promise and money.

Money comes before quota, as everybody locks; quota is the last thing that a transaction touches.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from budgets import services as budgets
from budgets.domain.quota import quota_reference
from budgets.domain.units import LARGEST_AMOUNT, Unit
from config.kernel.errors import InvalidInput
from market.domain.trading.forwards import forward_collateral
from market.domain.trading.instruments import Contract
from market.domain.trading.terms import MarketTerms
from market.models import Journal, Order
from market.services.trading.deposits import fill_up
from market.services.trading.loans.promises import promise_quota, release_promise
from market.services.trading.money import Line, post


def escrow_of(order: Order, *, contract: Contract, top_ticks: int, now: datetime) -> int:
    """Micro-USD that an order keeps for its open lots: a buyer's limit, or what backs a seller's promise.

    Raises InvalidInput `too_large` where no account could hold it.
    """
    lots = order.lots - order.filled_lots
    if order.side == Order.Side.BUY:
        micro_usd = lots * (top_ticks if order.limit_ticks is None else order.limit_ticks)
    else:
        micro_usd = forward_collateral(lots=lots, top_ticks=top_ticks) if contract.is_forward(now) else 0
    if micro_usd > LARGEST_AMOUNT:
        raise InvalidInput("No account is that large.", field="quantity", code="too_large")
    return micro_usd


def keep_money(order: Order, micro_usd: int, *, pay_from: UUID | None, actor: str, now: datetime) -> None:
    """Set the money that an order keeps in its team's account; what is missing comes out of a budget.

    That is `pay_from`, a micro-USD budget that is known to be the team's, or its only one. Raises AccountShort
    where there is none, and as `top_up` does where it lacks the money.
    """
    more = micro_usd - order.escrow_micro_usd
    account = fill_up(order.team_id, more, pay_from=pay_from, actor=actor, now=now)
    if more:
        line = Line(account=account, reserved_delta_micro_usd=more, order_number=order.number)
        post(
            kind=Journal.Kind.ESCROW,
            lines=[line],
            actor=actor,
            reason="put into escrow" if more > 0 else "taken out of escrow",
            reference=f"order:{order.id}",
            now=now,
        )
        order.escrow_micro_usd = micro_usd


def keep_quota(
    order: Order,
    lots: int,
    *,
    contract: Contract,
    terms: MarketTerms,
    also_lock: Collection[UUID] = (),
    actor: str,
    now: datetime,
) -> None:
    """Keep the quota of so many open lots of a sell order; 0 frees it. Raises Conflict as `escrow_quota` does.

    `also_lock` are budgets that it is delivered to in the same transaction.
    """
    budgets.escrow_quota(
        reference=quota_reference("order", order.id),
        budget_id=order.budget_id,
        steps=lots * contract.lot_steps,
        keep_steps=terms.minimum_balance_tokens if contract.unit == Unit.TOKENS else 0,
        also_lock=also_lock,
        actor=actor,
        now=now,
    )


def keep_promise(order: Order, lots: int, *, contract: Contract, terms: MarketTerms, now: datetime) -> None:
    """Promise so many lots more of a later period; below zero, take as many back."""
    steps = lots * contract.lot_steps
    if steps > 0:
        promise_quota(budget_id=order.budget_id, contract=contract, steps=steps, terms=terms, now=now)
    elif steps < 0:
        release_promise(budget_id=order.budget_id, contract=contract, steps=-steps)
