"""The rule of continuous trading: price, then time; executions at the price of the order that rests.

A limit order takes what is as good as its limit, and what is left rests. A market order goes as far as the collar
and what is left is cancelled. Fill-or-kill is filled whole at once or does nothing. An incoming order never meets
an order of its own team: where it would, the rest of it is cancelled (fill-or-kill: all of it), and what rests
stays. `market.domain.trading.book.Book` keeps whole books in memory and gives the same fills.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

BUY, SELL = "buy", "sell"
LIMIT, MARKET, FILL_OR_KILL = "limit", "market", "fill_or_kill"
OWN_TEAM = "own_team"
"""Why the rest was cancelled: the next order in line is one of the same team."""
NOT_WHOLE = "not_whole"
"""A fill-or-kill order that could not be filled whole."""
NO_MORE = "no_more"
"""A market order for which nothing is left inside the collar."""


class Fill(NamedTuple):
    """Lots of an incoming order (`taker`) against a resting one (`maker`), by number, at the price that rested."""

    taker: int
    maker: int
    ticks: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """An order of the other side. `ticks` is the price a buyer pays: a seller's limit plus the carbon adder."""

    number: int
    team: int
    lots: int
    ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A new order. `limit_ticks` (a seller's with the carbon adder added) None: as far as the collar."""

    number: int
    team: int
    side: str
    lots: int
    limit_ticks: int | None
    kind: str = LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What an incoming order met. `resting_lots` go on the book; `cancelled_lots` do not, for `reason`."""

    fills: tuple[Fill, ...]
    resting_lots: int
    cancelled_lots: int
    reason: str


def match(resting: Iterable[Resting], incoming: Incoming, *, low_ticks: int, high_ticks: int) -> Matched:
    """One incoming order against the orders of the other side, in any order of rows.

    Orders that rest outside the collar do not trade, nor does anything beyond the incoming limit. Raises
    ValueError for lots below one.
    """
    if incoming.lots < 1:
        raise ValueError("An order has lots.")
    sign = 1 if incoming.side == BUY else -1
    reach = _reach(incoming.side, incoming.limit_ticks, low_ticks, high_ticks)
    within = (each for each in resting if low_ticks <= each.ticks <= high_ticks and sign * each.ticks <= reach)
    fills, left, reason = [], incoming.lots, ""
    for each in sorted(within, key=lambda each: (sign * each.ticks, each.number)):
        if not left:
            break
        if each.team == incoming.team:
            reason = OWN_TEAM
            break
        taken = min(left, each.lots)
        fills.append(Fill(incoming.number, each.number, each.ticks, taken))
        left -= taken
    return _concluded(incoming, fills, left, reason)


def _concluded(incoming: Incoming, fills: list[Fill], left: int, reason: str) -> Matched:
    if left and incoming.kind == FILL_OR_KILL:
        return Matched(fills=(), resting_lots=0, cancelled_lots=incoming.lots, reason=reason or NOT_WHOLE)
    if left and incoming.kind == MARKET:
        reason = reason or NO_MORE
    cancelled = left if reason else 0
    return Matched(fills=tuple(fills), resting_lots=left - cancelled, cancelled_lots=cancelled, reason=reason)


def _reach(side: str, limit_ticks: int | None, low_ticks: int, high_ticks: int) -> int:
    """The worst key of the other side that is good enough: a price to a buyer, minus a price to a seller."""
    if side == BUY:
        return high_ticks if limit_ticks is None else limit_ticks
    return -low_ticks if limit_ticks is None else -limit_ticks
