"""How much of the subsidies can be paid: the largest whole percent for which premia (and the Fund) suffice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.trading.call import Asks, Bids, CallTerms, Whole
from market.domain.trading.effective import effective_asks, effective_bids
from market.domain.trading.marginal import ration
from market.domain.trading.payments import Parties, justice_of
from market.domain.trading.price_choice import Curve, Price, choose_price


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A call at one factor: the price, and what each bid gets."""

    factor_percent: int
    price: Price
    bid_fill: Whole


def find_outcome(bids: Bids, asks: Asks, parties: Parties, terms: CallTerms) -> Outcome:
    """The call at the largest factor at which the final whole fills can be paid for. Rows in sequence."""
    offered = _lots_up_to(effective_asks(asks.limit_ticks, asks.adder_ticks, terms.low_ticks), asks.lots)
    is_subsidy = parties.rate_ppm < 0
    for factor in range(100, 0, -1):
        outcome = _outcome_at(factor, bids, offered, terms)
        due = justice_of(parties, outcome.bid_fill, outcome.price.ticks, factor)
        if int(due[is_subsidy].sum()) <= int(due[~is_subsidy].sum()) + (terms.fund_micro_usd or 0):
            return outcome
    return _outcome_at(0, bids, offered, terms)


def _outcome_at(factor: int, bids: Bids, offered: Curve, terms: CallTerms) -> Outcome:
    worth = effective_bids(bids.limit_ticks, bids.rate_ppm, factor, terms.high_ticks)
    below = _lots_up_to(worth, bids.lots)
    total = int(bids.lots.sum())
    price = choose_price(
        lambda ticks: total - below(ticks - 1),
        offered,
        low=terms.low_ticks,
        high=terms.high_ticks,
        reference=terms.reference_ticks,
    )
    good = np.flatnonzero(worth >= price.ticks)
    fill = np.zeros_like(bids.lots)
    fill[good] = ration(-worth[good], bids.lots[good], bids.team[good], bids.weight_ppm[good], price.volume)
    return Outcome(factor_percent=factor, price=price, bid_fill=fill)


def _lots_up_to(ticks: Whole, lots: Whole) -> Curve:
    """Lots of all rows at no more than so many ticks."""
    order = np.argsort(ticks)
    levels, sums = ticks[order], np.concatenate(([0], np.cumsum(lots[order])))
    return lambda most: int(sums[np.searchsorted(levels, most, side="right")])
