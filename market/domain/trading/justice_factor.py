"""How much of the subsidies can be paid: the largest whole percent for which premia (and the Fund) suffice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.trading.call import Bids, CallTerms, Whole
from market.domain.trading.demand import Demand, DemandAt, demand_of
from market.domain.trading.effective import PPM_PERCENT, applied
from market.domain.trading.payments import Parties, justice_of
from market.domain.trading.price_choice import Price, choose_price
from market.domain.trading.supply import Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A call at one factor: the price, and what each bid gets."""

    factor_percent: int
    price: Price
    bid_fill: Whole


def find_outcome(bids: Bids, supply: Supply, parties: Parties, terms: CallTerms) -> Outcome:
    """The call at the largest factor at which the final whole fills can be paid for. Bids in sequence."""
    demand = demand_of(bids, terms.high_ticks)
    guess = terms.reference_ticks
    for factor in range(100, -1, -1):
        at = DemandAt(demand, factor)
        price = choose_price(
            at.wanted,
            supply.offered,
            low=terms.low_ticks,
            high=terms.high_ticks,
            reference=terms.reference_ticks,
            guess=guess,
        )
        if factor == 0 or _can_be_paid(at, price, factor, parties, terms.fund_micro_usd or 0):
            break
        guess = price.ticks
    return Outcome(factor_percent=factor, price=price, bid_fill=at.fill(price))


def _can_be_paid(at: DemandAt, price: Price, factor: int, parties: Parties, fund: int) -> bool:
    """Whether subsidies come to no more than premia at full rate and the Fund.

    Rounding takes less than 1 micro-USD from each party, so that sums by rate mostly tell; if not, the bids do.
    """
    subsidies, premia = _exact_sums(at.demand, at.lots_by_rate(price), price.ticks, factor)
    subsidised = int(np.count_nonzero(parties.rate_ppm < 0))
    over = subsidies - premia - fund * PPM_PERCENT
    if over + (len(parties.rate_ppm) - subsidised) * PPM_PERCENT <= 0:
        return True
    if over - subsidised * PPM_PERCENT > 0:
        return False
    due = justice_of(parties, at.fill(price), price.ticks, factor)
    is_subsidy = parties.rate_ppm < 0
    return int(due[is_subsidy].sum()) <= int(due[~is_subsidy].sum()) + fund


def _exact_sums(demand: Demand, lots: Whole, price_ticks: int, factor: int) -> tuple[int, int]:
    """Subsidies and premia before rounding, in parts of `PPM_PERCENT` of a micro-USD. Numbers of any size."""
    subsidies = premia = 0
    for rate, number in zip(applied(demand.rates, factor).tolist(), lots.tolist(), strict=True):
        if rate < 0:
            subsidies -= rate * number
        else:
            premia += rate * number
    return subsidies * price_ticks, premia * price_ticks
