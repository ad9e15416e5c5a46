"""Demand and supply of a call as steps, for a chart and for programs."""

from __future__ import annotations

import numpy as np

from market.domain.trading.auction_views import Curve, Step
from market.domain.trading.call import Whole
from market.domain.trading.effective import effective_asks, effective_bids
from market.domain.trading.stored import StoredInputs, unpack_call

MOST_STEPS = 200


def curve_of(stored: StoredInputs, factor_percent: int) -> Curve:
    """The cumulated curves at the factor that was applied. At most 200 steps a side: of more, evenly chosen ones."""
    bids, asks, terms = unpack_call(stored)
    wanted = effective_bids(bids.limit_ticks, bids.rate_ppm, factor_percent, terms.high_ticks)
    offered = effective_asks(asks.limit_ticks, asks.adder_ticks, terms.low_ticks)
    return Curve(
        demand=_steps(-wanted, bids.lots, sign=-1),
        supply=_steps(offered, asks.lots, sign=1),
    )


def _steps(price: Whole, lots: Whole, *, sign: int) -> tuple[Step, ...]:
    if not len(price):
        return ()
    levels, place = np.unique(price, return_inverse=True)
    sums = np.zeros(len(levels), dtype=np.int64)
    np.add.at(sums, place, lots)
    cumulated = np.cumsum(sums)
    chosen = np.unique(np.linspace(0, len(levels) - 1, min(MOST_STEPS, len(levels))).round().astype(np.int64))
    return tuple(Step(price_ticks=sign * int(levels[at]), lots=int(cumulated[at])) for at in chosen)
