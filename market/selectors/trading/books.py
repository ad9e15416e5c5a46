"""What may be known of the orders that wait: one's own, and of others as much as the mechanism tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from market.domain.trading.auction_views import InstrumentNow
from market.domain.trading.order_views import Book, Depth
from market.domain.trading.terms import MarketTerms
from market.domain.trading.timing import taken_until
from market.models import Auction, Order
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.instruments import list_instruments_now
from market.selectors.trading.orders import list_orders

SEALED = "sealed"
OPEN = "open"
MOST_LEVELS = 50
MOST_OWN = 200


def list_books(*, team_ids: Collection[int], instrument: str | None = None, now: datetime) -> list[Book]:
    """The books of what is traded now, or of one instrument. In a sealed call nothing is told of others.

    Between calls a sealed book tells what the last call left at its price: lots wanted and offered. An open
    book tells its depth at each price, an offer's carbon adder within, without names.
    """
    terms = get_policy_in_force().terms.market
    found = [each for each in list_instruments_now(now=now) if instrument in (None, each.code)]
    return [_book(each, team_ids, terms) for each in found]


def _book(instrument: InstrumentNow, team_ids: Collection[int], terms: MarketTerms) -> Book:
    is_open = instrument.mechanism == "continuous"
    bids, asks = _depth(instrument.code) if is_open else ((), ())
    return Book(
        instrument=instrument,
        state=OPEN if is_open else SEALED,
        residual=None if is_open else _residual(instrument, terms),
        bids=bids,
        asks=asks,
        own=tuple(list_orders(team_ids=team_ids, instrument=instrument.code, status=Order.Status.OPEN, limit=MOST_OWN)),
    )


def _open(code: str) -> QuerySet[Order]:
    return Order.objects.filter(instrument=code, status=Order.Status.OPEN)


def _residual(instrument: InstrumentNow, terms: MarketTerms) -> tuple[int, int] | None:
    """Lots wanted and offered at the last price, by orders that were in the last call; None if that did not trade."""
    price = instrument.last_price_ticks
    calls = Auction.objects.filter(instrument=instrument.code, kind=Auction.Kind.CALL)
    last = calls.filter(status__in=[Auction.Status.CLEARED, Auction.Status.REVERSED]).first()
    if price is None or last is None or last.status == Auction.Status.REVERSED:
        return None
    until = taken_until(last.closed_at, call_minutes=terms.call_minutes, lock_seconds=terms.lock_seconds)
    waiting = _open(instrument.code).filter(placed_at__lte=until)
    bids = waiting.filter(Q(limit_ticks=None) | Q(limit_ticks__gte=price), side=Order.Side.BUY)
    asks = waiting.filter(side=Order.Side.SELL).values_list("lots", "filled_lots", "limit_ticks", "adder_ticks")
    wanted = sum(lots - filled for lots, filled in bids.values_list("lots", "filled_lots"))
    offered = sum(lots - filled for lots, filled, limit, adder in asks if (limit or 1) + adder <= price)
    return wanted, offered


def _depth(code: str) -> tuple[tuple[Depth, ...], tuple[Depth, ...]]:
    bids: Counter[int] = Counter()
    asks: Counter[int] = Counter()
    rows = _open(code).filter(limit_ticks__isnull=False)
    for side, lots, filled, limit, adder in rows.values_list(
        "side", "lots", "filled_lots", "limit_ticks", "adder_ticks"
    ):
        if side == Order.Side.BUY:
            bids[limit or 0] += lots - filled
        else:
            asks[(limit or 0) + adder] += lots - filled
    return _levels(sorted(bids.items(), reverse=True)), _levels(sorted(asks.items()))


def _levels(found: Iterable[tuple[int, int]]) -> tuple[Depth, ...]:
    return tuple(Depth(price_ticks=price, lots=lots) for price, lots in list(found)[:MOST_LEVELS])
