"""What a bid and an offer are worth at the price of the call: before subsidy or premium, with the carbon adder."""

from __future__ import annotations

import numpy as np

from market.domain.trading.call import Whole
from market.domain.trading.exact import mul_div

PPM_PERCENT = 100_000_000
"""Parts of a rate in ppm times a factor in percent."""


def applied(rate_ppm: Whole, factor_percent: int) -> Whole:
    """Rate times factor, in parts of `PPM_PERCENT`: subsidies at the factor, premia always in full."""
    return rate_ppm * np.where(rate_ppm < 0, np.int64(factor_percent), np.int64(100))


def effective_bids(limit_ticks: Whole, rate_ppm: Whole, factor_percent: int, high_ticks: int) -> Whole:
    """The highest price at which a lot costs at most its limit, all in; never above the collar. Ticks."""
    paid_parts = PPM_PERCENT + applied(rate_ppm, factor_percent)
    worth: Whole = np.minimum(mul_div(limit_ticks, PPM_PERCENT, paid_parts)[0], high_ticks)
    return worth


def effective_asks(limit_ticks: Whole, adder_ticks: Whole, low_ticks: int) -> Whole:
    """The lowest price that leaves a seller the limit after the adder; never below the collar. Ticks."""
    least: Whole = np.maximum(limit_ticks + adder_ticks, low_ticks)
    return least
