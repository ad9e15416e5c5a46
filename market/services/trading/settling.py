"""Settling fills: trades, money, quota and orders in one transaction, in few statements however many there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from budgets import services as budgets
from budgets.domain.quota import QuotaGive, QuotaTake, quota_reference
from market.domain.trading.instruments import Contract
from market.models import FUND, Auction, FundEntry, Instrument, Journal, Order, OrderEvent, Trade, team_account
from market.services.trading.bulk import insert_rows, update_rows
from market.services.trading.gathering import OpenOrder
from market.services.trading.loans.legs import open_forward_legs
from market.services.trading.money import FundMove, Line, lock_accounts, post
from market.services.trading.registry import use_units

CLEARING = "clearing house"
TRADE = (
    *("order_id", "team_id", "budget_id", "side", "lots"),
    *("gross_micro_usd", "justice_micro_usd", "adder_micro_usd", "money_micro_usd"),
)
EVENT = ("order_id", "lots")


class Keep(Protocol):
    """Puts quota into escrow, and locks budgets with it that it is about to go to."""

    def __call__(self, *, also_lock: Collection[UUID]) -> None:
        """Once in a transaction, after all money."""


class Filled(NamedTuple):
    """What one order got: lots, and micro-USD. `money` is what a buyer pays or a seller receives."""

    order: OpenOrder
    lots: int
    gross: int
    justice: int
    adder: int
    money: int

    @property
    def is_buy(self) -> bool:
        """Of a buyer."""
        return self.order.side == Order.Side.BUY

    @property
    def escrow_left(self) -> int:
        """Micro-USD that stay in escrow for what of the order is left."""
        return (self.order.left - self.lots) * self.order.escrow_of_a_lot

    @property
    def freed(self) -> int:
        """Micro-USD that leave the order's escrow: paid or given back, or gone over to the leg of a forward."""
        return self.order.escrow_micro_usd - self.escrow_left


@dataclass(frozen=True, slots=True, kw_only=True)
class FundPart:
    """What a clearing brings the Fund: micro-USD, all of them at least zero; subsidies go out."""

    subsidy: int = 0
    premium: int = 0
    adder: int = 0
    rounding: int = 0

    def moves(self, auction: Auction) -> list[FundMove]:
        """As the Fund's books call them."""
        kinds = FundEntry.Kind
        named = (
            (kinds.MARKET_PREMIUM, self.premium),
            (kinds.ADDER, self.adder),
            (kinds.ROUNDING, self.rounding),
            (kinds.SUBSIDY, -self.subsidy),
        )
        reason = reason_of(auction)
        return [FundMove(kind=kind, micro_usd=micro_usd, reason=reason) for kind, micro_usd in named if micro_usd]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What one auction decided."""

    auction: Auction
    fills: Sequence[Filled]
    part: FundPart


def settle_all(
    settlements: Sequence[Settlement], *, contract: Contract, now: datetime, keep: Keep | None = None
) -> None:
    """Do all that auctions of one instrument decided. The caller has locked it.

    Money before quota, and quota once, as everybody locks: `keep` puts what a new offer gives into escrow
    just before. A forward moves no quota yet: both sides get a leg.
    """
    is_forward = contract.is_forward(now)
    if len(settlements) > 1:
        fills = [each for done in settlements for each in done.fills]
        lock_accounts({FUND, *(team_account(each.order.team_id) for each in fills)})
    for done in settlements:
        _write_trades(done.auction, done.fills, now=now)
        _write_orders(done.auction, done.fills, now=now)
        use_units(auction_id=done.auction.pk)
        if is_forward:
            _open_legs(done.auction, done.fills, now=now)
        _post(done, is_forward=is_forward, now=now)
    if not is_forward:
        _deliver(settlements, contract, keep, now=now)


def _post(done: Settlement, *, is_forward: bool, now: datetime) -> None:
    post(
        kind=Journal.Kind.TRADE,
        lines=[_line(each, is_forward=is_forward) for each in done.fills],
        fund=done.part.moves(done.auction),
        actor=CLEARING,
        reason=f"{done.auction.instrument_id} at {done.auction.price_ticks} ticks",
        auction_id=done.auction.pk,
        now=now,
    )


def mark_traded(instrument: Instrument, price_ticks: int, *, now: datetime) -> None:
    """The price that the window between calls goes by."""
    instrument.last_price_ticks, instrument.last_traded_at = price_ticks, now
    instrument.save(update_fields=["last_price_ticks", "last_traded_at"])


def _write_trades(auction: Auction, fills: Sequence[Filled], *, now: datetime) -> None:
    same = {
        "auction_id": auction.pk,
        "instrument_id": auction.instrument_id,
        "price_ticks": auction.price_ticks,
        "at": now,
        "is_reversed": False,
    }
    rows = (
        (order.number, order.team_id, order.budget_id, order.side, lots, gross, justice, adder, money)
        for order, lots, gross, justice, adder, money in fills
    )
    insert_rows(Trade, TRADE, rows, constants=same)


def _write_orders(auction: Auction, fills: Sequence[Filled], *, now: datetime) -> None:
    reason = f"filled in auction {auction.pk} ({auction.get_kind_display()})"
    whole = [(each.order.number, each.order.lots, 0) for each in fills if each.lots == each.order.left]
    part = [
        (each.order.number, each.order.filled_lots + each.lots, each.escrow_left)
        for each in fills
        if each.lots < each.order.left
    ]
    closed = {"status": Order.Status.FILLED.value, "closed_at": now, "close_reason": reason}
    columns = ("number", "filled_lots", "escrow_micro_usd")
    update_rows(Order, columns, whole, constants=closed)
    update_rows(Order, columns, part, constants={})
    note_all(
        [(each.order.number, each.lots) for each in fills],
        kind=OrderEvent.Kind.FILLED,
        limit_ticks=auction.price_ticks,
        reason=reason,
        now=now,
    )


def note_all(
    orders: Sequence[tuple[int, int]], *, kind: OrderEvent.Kind, limit_ticks: int | None, reason: str, now: datetime
) -> None:
    """One line of what became of each order: (number, lots)."""
    same = {"kind": kind.value, "limit_ticks": limit_ticks, "at": now, "actor": CLEARING, "reason": reason}
    insert_rows(OrderEvent, EVENT, orders, constants=same)


def _line(fill: Filled, *, is_forward: bool) -> Line:
    """A buyer pays out of escrow and gets back what was not needed; what backs a forward stays with its leg."""
    return Line(
        account=team_account(fill.order.team_id),
        delta_micro_usd=-fill.money if fill.is_buy else fill.money,
        reserved_delta_micro_usd=-fill.freed if fill.is_buy or not is_forward else 0,
        order_number=fill.order.number,
    )


def _open_legs(auction: Auction, fills: Sequence[Filled], *, now: datetime) -> None:
    collateral = {each.order.number: each.freed for each in fills if not each.is_buy}
    trades = list(Trade.objects.filter(auction=auction))
    open_forward_legs(auction=auction, trades=trades, collateral=collateral, now=now)


def _deliver(settlements: Sequence[Settlement], contract: Contract, keep: Keep | None, *, now: datetime) -> None:
    steps = contract.lot_steps
    fills = [each for done in settlements for each in done.fills]
    gives = [
        QuotaGive(budget_id=order.budget_id, steps=lots * steps, reference=quota_reference("order", order.id))
        for order, lots, *_ in fills
        if order.side == Order.Side.SELL
    ]
    takes = [
        QuotaTake(budget_id=order.budget_id, steps=lots * steps)
        for order, lots, *_ in fills
        if order.side == Order.Side.BUY
    ]
    if keep is not None:
        keep(also_lock={each.budget_id for each in takes})
    budgets.deliver_quota(gives=gives, takes=takes, actor=CLEARING, reason=reason_of(settlements[0].auction), now=now)


def reason_of(auction: Auction) -> str:
    """As journals and ledgers name an auction."""
    return f"{auction.instrument_id}, auction {auction.pk} ({auction.get_kind_display()})"
