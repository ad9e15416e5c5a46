"""A clearing worked out again from its stored inputs."""

from __future__ import annotations

from typing import NamedTuple

from market.domain.trading.call import Asks, Bids, Cleared
from market.domain.trading.clearing import clear
from market.domain.trading.matching import BUY, match
from market.domain.trading.stored import StoredInputs, unpack_book, unpack_call, unpack_window
from market.domain.trading.window import take_residual


class Got(NamedTuple):
    """What an order got: lots and micro-USD paid (buyer) or received (seller)."""

    lots: int
    money: int


class Outcome(NamedTuple):
    """Status, price in ticks and fills by order number."""

    status: str
    price_ticks: int | None
    fills: dict[int, Got]


def replay(stored: StoredInputs, *, price_ticks: int | None) -> Outcome:
    """The outcome again. A way through an open book has one auction for each price: `price_ticks` says which."""
    kind = stored.facts["kind"]
    if kind == "call":
        bids, asks, terms = unpack_call(stored)
        return _of(bids, asks, clear(bids, asks, terms))
    if kind == "window":
        bids, asks, price = unpack_window(stored)
        return _of(bids, asks, take_residual(bids, asks, price_ticks=price))
    return _book(stored, price_ticks or 0)


def _of(bids: Bids, asks: Asks, cleared: Cleared) -> Outcome:
    fills: dict[int, Got] = {}
    for number, lots, money in (
        (bids.number, cleared.bid_fill, cleared.bid_pay),
        (asks.number, cleared.ask_fill, cleared.ask_receive),
    ):
        rows = lots.nonzero()[0]
        got = map(Got, lots[rows].tolist(), money[rows].tolist())
        fills.update(zip(number[rows].tolist(), got, strict=True))
    return Outcome(cleared.status, cleared.price_ticks, fills)


def _book(stored: StoredInputs, price: int) -> Outcome:
    resting, incoming, adders, collar = unpack_book(stored)
    matched = match(resting, incoming, **collar)
    taken = [each for each in matched.fills if each.ticks == price]
    lots = {each.maker: each.lots for each in taken} | {incoming.number: sum(each.lots for each in taken)}
    is_buy = {number: (number == incoming.number) == (incoming.side == BUY) for number in lots}
    fills = {
        number: Got(count, count * (price if is_buy[number] else price - adders[number]))
        for number, count in lots.items()
    }
    return Outcome("cleared", price, fills)
