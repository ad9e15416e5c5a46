"""Between calls: what a call has left may be taken at its price, first come, without subsidy or premium."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from market.domain.trading.call import Asks, Bids, CallStatus, Cleared, Whole
from market.domain.trading.clearing import settled, untraded


def take_residual(bids: Bids, asks: Asks, *, price_ticks: int) -> Cleared:
    """Match one new order with what is left on the other side, at the price of the last call. By sequence.

    One side has one row, the new order; the other what is left of open orders. Rates of need are not
    applied: a bid trades if its limit reaches the price, an offer if the price leaves it the limit after
    its adder. A team does not trade with itself. Shapes and sums are those of `clear`; NO_CROSS if nothing
    was left.
    """
    bid_teams, ask_teams = len(np.unique(bids.team)), len(np.unique(asks.team))
    nothing = untraded(bids, asks, CallStatus.NO_CROSS, bid_teams=bid_teams, ask_teams=ask_teams)
    other_buyer = bids.team != asks.team[0] if len(asks.team) == 1 else np.ones(len(bids.team), dtype=bool)
    other_seller = asks.team != bids.team[0] if len(bids.team) == 1 else np.ones(len(asks.team), dtype=bool)
    wanted = np.where(other_buyer & (bids.limit_ticks >= price_ticks), bids.lots, 0)
    offered = np.where(other_seller & (asks.limit_ticks + asks.adder_ticks <= price_ticks), asks.lots, 0)
    volume = min(int(wanted.sum()), int(offered.sum()))
    if volume == 0:
        return nothing
    found = replace(
        nothing,
        status=CallStatus.CLEARED,
        price_ticks=price_ticks,
        wanted_lots=int(wanted.sum()),
        offered_lots=int(offered.sum()),
        imbalance_lots=int(wanted.sum()) - int(offered.sum()),
    )
    return settled(
        found,
        _by_sequence(wanted, bids.number, volume),
        _by_sequence(offered, asks.number, volume),
        asks.adder_ticks,
        justice=np.zeros_like(bids.lots),
        rounding=np.zeros_like(bids.lots),
    )


def _by_sequence(lots: Whole, number: Whole, volume: int) -> Whole:
    order = np.argsort(number)
    own = lots[order]
    fill = np.empty_like(lots)
    fill[order] = np.clip(volume - (np.cumsum(own) - own), 0, own)
    return fill
