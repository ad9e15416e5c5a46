"""What each fill costs: subsidies and premia to the micro-USD, and what rounding leaves to the Fund.

Need is reckoned by party: all fills of one team at one rate. A party's sum is rounded down; its orders
share it in sequence (running rounding), so that how a team cuts its orders changes nothing. Under a Fund
a buyer with a premium then pays the next whole micro-USD. No order's sum is off its exact one by 1 or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.trading.call import Whole
from market.domain.trading.effective import PPM_PERCENT, applied
from market.domain.trading.exact import apportion, mul_div


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Bids by team and rate. `rows`: bids party by party, in sequence within one; `of`: the party of each of these.

    By party: `start` where it begins in `rows`, `rate_ppm`; `by_arrival` the parties by their first bid.
    """

    rows: Whole
    of: Whole
    start: Whole
    rate_ppm: Whole
    by_arrival: Whole


def parties_of(team: Whole, rate_ppm: Whole) -> Parties:
    """Bids in sequence, as parties."""
    rows = np.lexsort((rate_ppm, team))
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = (np.diff(team[rows]) != 0) | (np.diff(rate_ppm[rows]) != 0)
    start = np.flatnonzero(is_new)
    first = rows[start]
    return Parties(
        rows=rows,
        of=np.cumsum(is_new) - 1,
        start=start,
        rate_ppm=rate_ppm[first],
        by_arrival=np.argsort(first),
    )


def justice_of(parties: Parties, fill: Whole, price_ticks: int, factor_percent: int) -> Whole:
    """What need changes for each party, in micro-USD above zero: a subsidy, or a premium at full rate; rounded down."""
    if not len(parties.start):
        return fill
    gross = np.add.reduceat(fill[parties.rows], parties.start) * price_ticks
    return mul_div(gross, np.abs(applied(parties.rate_ppm, factor_percent)), PPM_PERCENT)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """By bid: `justice` (below zero a subsidy) and `rounding` (0 or 1), in micro-USD, beside lots x price."""

    justice: Whole
    rounding: Whole


def pay(parties: Parties, fill: Whole, price_ticks: int, factor_percent: int, *, is_feebate: bool) -> Payments:
    """What need changes for each bid. A feebate asks for no more premia than it pays subsidies: it sums to zero."""
    own = fill[parties.rows]
    lots = np.cumsum(own)
    lots -= (lots - own)[parties.start][parties.of]
    rate = np.abs(applied(parties.rate_ppm, factor_percent))
    upto = mul_div(lots * price_ticks, rate[parties.of], PPM_PERCENT)[0]
    is_subsidy = (parties.rate_ppm < 0)[parties.of]
    if is_feebate:
        premia = _feebate(parties, justice_of(parties, fill, price_ticks, factor_percent))
        total = np.maximum(np.add.reduceat(own, parties.start), 1)
        upto = np.where(is_subsidy, upto, mul_div(lots, premia[parties.of], total[parties.of])[0])
    amount = np.diff(upto, prepend=0)
    amount[parties.start] = upto[parties.start]
    rounding = np.zeros_like(fill)
    if not is_feebate:
        rounding[_rounded_up(parties, own * price_ticks, rate[parties.of], amount)] = 1
    justice = np.empty_like(fill)
    justice[parties.rows] = np.where(is_subsidy, -amount, amount)
    return Payments(justice=justice, rounding=rounding)


def _feebate(parties: Parties, due: Whole) -> Whole:
    """Premia by party that come to the subsidies exactly, in proportion to the full ones, largest remainder."""
    is_subsidy = parties.rate_ppm < 0
    full, premia = np.where(is_subsidy, 0, due), np.zeros_like(due)
    if full.any():
        order = parties.by_arrival
        premia[order] = apportion(int(due[is_subsidy].sum()), full[order])
    return premia


def _rounded_up(parties: Parties, gross: Whole, rate: Whole, amount: Whole) -> Whole:
    """The bid of each party with a premium that pays what rounding down has left: its first that was rounded down."""
    whole, rest = mul_div(gross, rate, PPM_PERCENT)
    owes = np.flatnonzero((rest > 0) & (amount == whole) & (parties.rate_ppm > 0)[parties.of])
    due = np.add.reduceat(gross, parties.start)
    is_whole = mul_div(due, np.abs(parties.rate_ppm) * 100, PPM_PERCENT)[1] == 0
    owes = owes[~is_whole[parties.of[owes]]]
    _, first = np.unique(parties.of[owes], return_index=True)
    found: Whole = parties.rows[owes[first]]
    return found
