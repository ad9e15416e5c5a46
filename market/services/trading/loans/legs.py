"""Legs of forwards: what fills of a later period leave to be delivered, and how a reversal ends them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from config.kernel.errors import Conflict
from market.domain.trading.instruments import Contract
from market.models import Auction, ForwardLeg, Journal, Order, Trade, team_account
from market.services.trading.instruments import contract_of
from market.services.trading.loans.promises import release_promise
from market.services.trading.money import Line, post

Leg = ForwardLeg.Side
ROWS_AT_ONCE = 10_000


@transaction.atomic
def open_forward_legs(
    *, auction: Auction, trades: Sequence[Trade], collateral: Mapping[int, int], now: datetime
) -> None:
    """Make a leg of each saved trade of a period that has not begun: sellers give, buyers take, when it begins.

    `collateral` is, by order number, the micro-USD in escrow of a sell order that go over to its leg: so much
    the caller takes off the order's `escrow_micro_usd`; in the account it stays reserved. The promise of the
    quota stays too. Part of the caller's transaction, which has locked the instrument and the orders.
    """
    due_at = auction.instrument.period_starts_at
    if due_at is None or due_at <= now:
        raise ValueError("This period has begun: its quota is delivered at once.")
    ForwardLeg.objects.bulk_create(
        (
            ForwardLeg(
                trade=trade,
                instrument_id=trade.instrument_id,
                side=Leg.GIVES if trade.side == Order.Side.SELL else Leg.TAKES,
                team_id=trade.team_id,
                budget_id=trade.budget_id,
                lots=trade.lots,
                collateral_micro_usd=collateral[trade.order_id] if trade.side == Order.Side.SELL else 0,
                due_at=due_at,
            )
            for trade in trades
        ),
        batch_size=ROWS_AT_ONCE,
    )


@transaction.atomic
def close_forward_legs(trade_ids: Collection[int], *, actor: str, reason: str, now: datetime) -> None:
    """End the legs of trades that are reversed: nobody owes, collateral is free, promises are taken back.

    Part of the caller's transaction, which has locked the instrument. Raises Conflict `delivered` if one of
    them was delivered already, or is being bought in; nothing has changed then.
    """
    legs = list(ForwardLeg.objects.select_for_update().filter(trade__in=trade_ids).order_by("pk"))
    if any(leg.status != ForwardLeg.Status.DUE or leg.delivered_lots for leg in legs):
        raise Conflict("What was sold ahead is delivered, or being bought in, already.", code="delivered")
    if not legs:
        return
    contract = contract_of(legs[0].instrument)
    for budget_id, steps in sorted(_promised(legs, contract).items()):
        release_promise(budget_id=budget_id, contract=contract, steps=steps)
    free_collateral(legs, actor=actor, reason=reason, now=now)
    for leg in legs:
        leg.status, leg.closed_at, leg.collateral_micro_usd = ForwardLeg.Status.REVERSED, now, 0
    ForwardLeg.objects.bulk_update(legs, ["status", "closed_at", "collateral_micro_usd"], batch_size=500)


def free_collateral(legs: Sequence[ForwardLeg], *, actor: str, reason: str, now: datetime) -> None:
    """Let teams have back what legs keep in escrow; the caller sets the legs' own sums."""
    lines = [
        Line(account=team_account(leg.team_id), reserved_delta_micro_usd=-leg.collateral_micro_usd)
        for leg in legs
        if leg.collateral_micro_usd
    ]
    if lines:
        reference = f"forward:{legs[0].instrument_id}"
        post(kind=Journal.Kind.ESCROW, lines=lines, actor=actor, reason=reason, reference=reference, now=now)


def _promised(legs: Sequence[ForwardLeg], contract: Contract) -> dict[UUID, int]:
    steps: defaultdict[UUID, int] = defaultdict(int)
    for leg in legs:
        if leg.side == Leg.GIVES:
            steps[leg.budget_id] += leg.lots * contract.lot_steps
    return steps
