"""What goes into a call and what comes out of it. All integers: ticks, lots, micro-USD, parts per million."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]


class CallStatus(StrEnum):
    """What became of a call."""

    CLEARED = "cleared"
    CARRIED = "carried"
    NO_CROSS = "no_cross"
    HALTED = "halted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bids:
    """Buy orders, any order of rows. Shapes (n,).

    `number` is the sequence; `limit_ticks` the most a buyer pays for a lot, all in; `rate_ppm` what need
    adds to the price at full factor (below zero: a subsidy; above -1,000,000); `weight_ppm` (at least
    1) the team's share at the marginal price, the same in all its rows; `team` whose order it is.
    """

    number: Whole
    limit_ticks: Whole
    lots: Whole
    rate_ppm: Whole
    weight_ppm: Whole
    team: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """Sell orders. Shapes (n,). `limit_ticks` is the least a seller gets for a lot after `adder_ticks` are paid."""

    number: Whole
    limit_ticks: Whole
    lots: Whole
    adder_ticks: Whole
    team: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTerms:
    """The terms of one call. `volatility_percent` None: the price may go anywhere inside the collar.

    With `fund_micro_usd` None, subsidies are paid by premia alone and both sum to zero (feebate).
    With a number, premia go to the Fund at full rate and subsidies come out of that and of the
    `fund_micro_usd` that it can spend.
    """

    reference_ticks: int
    low_ticks: int
    high_ticks: int
    least_principals: int
    volatility_percent: int | None
    fund_micro_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """The outcome. Arrays are aligned with the rows of `Bids` and `Asks`; zeros where nothing was filled.

    For bids: `bid_gross` lots x price, `bid_justice` premium (or below zero subsidy), `bid_pay` their sum,
    rounded up. For asks: `ask_adder` carbon adder, `ask_receive` lots x price less that. Micro-USD.
    `price_ticks` None: no price. `to_fund_micro_usd` = sum(bid_pay) - sum(ask_receive): adders, premia and
    rounding, less subsidies. `imbalance_lots` is wanted less offered at the price.
    """

    status: CallStatus
    price_ticks: int | None
    factor_percent: int
    volume_lots: int
    wanted_lots: int
    offered_lots: int
    imbalance_lots: int
    bid_teams: int
    ask_teams: int
    bid_fill: Whole
    bid_gross: Whole
    bid_justice: Whole
    bid_pay: Whole
    ask_fill: Whole
    ask_adder: Whole
    ask_receive: Whole
    rounding_micro_usd: int
    to_fund_micro_usd: int
