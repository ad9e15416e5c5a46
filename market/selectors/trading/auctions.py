"""Auctions, for everybody: prices, volumes, curves. Whose an order was is not told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from config.kernel.errors import NotFound
from market.domain.trading.auction_views import AuctionDetail, AuctionRow, Fill, Rationing
from market.domain.trading.curve import curve_of
from market.domain.trading.stored import StoredInputs
from market.models import Auction, AuctionInputs, Order, Trade

NO_SUCH_AUCTION = "There is no such auction."
MOST_FILLS = 200
SEALED = (Auction.Status.CARRIED, Auction.Status.CROSSED_NOT, Auction.Status.HALTED)
"""Their orders go on into the next call as they are: the book stays closed."""


def list_auctions(
    *,
    instrument: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[AuctionRow]:
    """Auctions, newest first; `before` is the id of the last one of the page before."""
    rows = Auction.objects.select_related("instrument", "policy")
    wanted = {"instrument": instrument, "kind": kind, "status": status, "closed_at__gte": since, "pk__lt": before}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    return [auction_row(each) for each in rows[:limit]]


def get_auction(auction_id: int, *, team_ids: Collection[int] = ()) -> AuctionDetail:
    """One auction; fills of these teams are marked as their own. Raises NotFound. Four queries."""
    auction = Auction.objects.select_related("instrument", "policy").filter(pk=auction_id).first()
    if auction is None:
        raise NotFound(NO_SUCH_AUCTION)
    stored = AuctionInputs.objects.filter(pk=auction_id).first()
    is_told = stored is not None and auction.kind == Auction.Kind.CALL and auction.status not in SEALED
    trades = Trade.objects.filter(auction=auction_id)
    return AuctionDetail(
        row=auction_row(auction),
        curve=curve_of(StoredInputs.from_bytes(bytes(stored.body)), auction.factor_percent)
        if stored and is_told
        else None,
        rationing=_rationing(auction),
        fills=tuple(_fill(each, team_ids) for each in trades.order_by("side", "pk")[:MOST_FILLS]),
        fill_count=trades.count(),
        inputs_sha256=stored.sha256 if stored else "",
    )


def auction_row(auction: Auction) -> AuctionRow:
    """An auction that was read with its instrument and policy."""
    plain = {name: getattr(auction, name) for name in _PLAIN}
    if auction.status in SEALED:
        plain |= dict.fromkeys(("bid_lots", "ask_lots", "imbalance_lots"))
    return AuctionRow(
        **plain,
        instrument=auction.instrument_id,
        unit=auction.instrument.unit,
        lot_units=auction.instrument.lot_units,
        policy=f"{auction.policy.name} v{auction.policy.version}",
    )


def _rationing(auction: Auction) -> Rationing | None:
    left = auction.imbalance_lots
    if auction.price_ticks is None or not left or auction.kind != Auction.Kind.CALL or auction.status in SEALED:
        return None
    return Rationing(side=Order.Side.BUY if left > 0 else Order.Side.SELL, lots=abs(left))


def _fill(trade: Trade, team_ids: Collection[int]) -> Fill:
    is_own = trade.team_id in team_ids
    money = trade.money_micro_usd if is_own else None
    return Fill(side=trade.side, lots=trade.lots, is_own=is_own, money_micro_usd=money)


_PLAIN = tuple(
    name for name in AuctionRow.__dataclass_fields__ if name not in ("instrument", "unit", "lot_units", "policy")
)
