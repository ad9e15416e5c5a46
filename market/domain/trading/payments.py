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
from market.domain.trading.groups import Groups, group_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Bids by team and rate. By party: `rate_ppm`; `by_arrival` are parties by their first bid."""

    groups: Groups
    rate_ppm: Whole
    by_arrival: Whole


def parties_of(team: Whole, rate_ppm: Whole) -> Parties:
    """Bids in sequence, as parties."""
    groups = group_rows(team, rate_ppm)
    first = groups.rows[groups.start]
    return Parties(groups=groups, rate_ppm=rate_ppm[first], by_arrival=np.argsort(first))


def justice_of(parties: Parties, fill: Whole, price_ticks: int, factor_percent: int) -> Whole:
    """What need changes for each party, in micro-USD above zero: a subsidy, or a premium at full rate; rounded down."""
    gross = parties.groups.sums(fill[parties.groups.rows]) * price_ticks
    return mul_div(gross, np.abs(applied(parties.rate_ppm, factor_percent)), PPM_PERCENT)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """By bid: `justice` (below zero a subsidy) and `rounding` (0 or 1), in micro-USD, beside lots x price."""

    justice: Whole
    rounding: Whole


def pay(parties: Parties, fill: Whole, price_ticks: int, factor_percent: int, *, is_feebate: bool) -> Payments:
    """What need changes for each bid. A feebate asks for no more premia than it pays subsidies: it sums to zero."""
    groups = parties.groups
    own = fill[groups.rows]
    lots, is_subsidy = groups.so_far(own), (parties.rate_ppm < 0)[groups.of]
    rate = np.abs(applied(parties.rate_ppm, factor_percent))[groups.of]
    upto = mul_div(lots * price_ticks, rate, PPM_PERCENT)[0]
    if is_feebate:
        premia = _feebate(parties, justice_of(parties, fill, price_ticks, factor_percent))
        total = np.maximum(groups.sums(own), 1)
        upto = np.where(is_subsidy, upto, mul_div(lots, premia[groups.of], total[groups.of])[0])
    amount = np.diff(upto, prepend=0)
    amount[groups.start] = upto[groups.start]
    justice, rounding = np.empty_like(fill), np.zeros_like(fill)
    justice[groups.rows] = np.where(is_subsidy, -amount, amount)
    if not is_feebate:
        rounding[_rounded_up(parties, own * price_ticks, rate, amount)] = 1
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
    groups = parties.groups
    whole, rest = mul_div(gross, rate, PPM_PERCENT)
    is_broken = mul_div(groups.sums(gross), np.abs(parties.rate_ppm), PPM_PERCENT // 100)[1] > 0
    owes = np.flatnonzero((rest > 0) & (amount == whole) & (is_broken & (parties.rate_ppm > 0))[groups.of])
    is_first = np.diff(groups.of[owes], prepend=-1) > 0
    found: Whole = groups.rows[owes[is_first]]
    return found
