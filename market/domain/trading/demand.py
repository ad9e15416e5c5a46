"""Bids by rate of need and limit, so that trying another factor or price looks at rates and not at bids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.trading.call import Bids, Whole
from market.domain.trading.effective import PPM_PERCENT, applied
from market.domain.trading.exact import mul_div
from market.domain.trading.groups import Groups, group_rows, ranges, sorted_rows
from market.domain.trading.marginal import share
from market.domain.trading.price_choice import Price, last_that

MANY = 8
"""Where a level holds more than one in so many bids, its teams are not put together anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Bids by rate, then limit: `rows` in that order, `key` both in one number, `upto` lots before each and in all.

    By rate: `rates` in ppm, `key_of` where its keys begin, `end` where its bids end. In the order of `bids`, which is
    that of sequence: `rate_of_bid`, and `teams` who bids.
    """

    bids: Bids
    rows: Whole
    key: Whole
    rate_of_bid: Whole
    upto: Whole
    rates: Whole
    key_of: Whole
    end: Whole
    teams: Groups
    high_ticks: int


def demand_of(bids: Bids, high_ticks: int) -> Demand:
    """Bids in sequence, by rate and limit. Limits worth more than the collar's top count as one that just is."""
    rates = np.unique(bids.rate_ppm)
    enough = high_ticks + int(mul_div(np.maximum(rates[-1:], 0), high_ticks, 1_000_000)[0].max(initial=0)) + 1
    limit = np.minimum(bids.limit_ticks, enough)
    rate_of = np.searchsorted(rates, bids.rate_ppm)
    rows = sorted_rows(rate_of, limit)
    key_of = np.arange(len(rates)) * (enough + 1)
    return Demand(
        bids=bids,
        rows=rows,
        key=key_of[rate_of[rows]] + limit[rows],
        rate_of_bid=rate_of,
        upto=np.concatenate(([0], np.cumsum(bids.lots[rows]))),
        rates=rates,
        key_of=key_of,
        end=np.cumsum(np.bincount(rate_of, minlength=len(rates))),
        teams=group_rows(bids.team),
        high_ticks=high_ticks,
    )


class DemandAt:
    """What is wanted at one factor."""

    def __init__(self, demand: Demand, factor_percent: int):
        self.demand = demand
        self._paid_parts = PPM_PERCENT + applied(demand.rates, factor_percent)
        self._begin: dict[int, Whole] = {}

    def wanted(self, ticks: int) -> int:
        """Lots of bids that are worth so many ticks."""
        return int(self._by_rate(ticks).sum())

    def lots_by_rate(self, price: Price) -> Whole:
        """Lots that are bought at a price, by rate."""
        if price.wanted <= price.offered:
            return self._by_rate(price.ticks)
        level, rows, fill = self._level(price)
        lots = self._by_rate(level + 1)
        np.add.at(lots, self.demand.rate_of_bid[rows], fill)
        return lots

    def fill(self, price: Price) -> Whole:
        """What each bid buys at a price: those worth more all, at the level that runs out a share for each team."""
        level, rows, fill = price.ticks - 1, np.arange(0), np.arange(0)
        if price.wanted > price.offered:
            level, rows, fill = self._level(price)
        filled, better = np.zeros_like(self.demand.bids.lots), self._rows(self._begin_at(level + 1), self.demand.end)
        filled[better] = self.demand.bids.lots[better]
        filled[rows] = fill
        return filled

    def _level(self, price: Price) -> tuple[int, Whole, Whole]:
        """Of a side that is too long: the worth in ticks at which lots run out, the bids there and what they get."""
        level = last_that(
            lambda ticks: self.wanted(ticks) >= price.volume, price.ticks, self.demand.high_ticks, guess=price.ticks
        )
        rows = np.sort(self._rows(self._begin_at(level), self._begin_at(level + 1)))
        return level, rows, self._share(rows, price.volume - self.wanted(level + 1))

    def _share(self, rows: Whole, lots: int) -> Whole:
        bids = self.demand.bids
        if len(rows) * MANY < len(bids.lots):
            return share(bids.lots[rows], bids.weight_ppm[rows], group_rows(bids.team[rows]), lots)
        here = np.zeros_like(bids.lots)
        here[rows] = bids.lots[rows]
        return share(here, bids.weight_ppm, self.demand.teams, lots)[rows]

    def _rows(self, start: Whole, stop: Whole) -> Whole:
        return self.demand.rows[ranges(start, stop)]

    def _by_rate(self, ticks: int) -> Whole:
        """Lots of bids that are worth so many ticks, by rate."""
        lots: Whole = self.demand.upto[self.demand.end] - self.demand.upto[self._begin_at(ticks)]
        return lots

    def _begin_at(self, ticks: int) -> Whole:
        """By rate, the first bid in the order of `Demand` that is worth so many ticks; none is above the top."""
        if ticks > self.demand.high_ticks:
            return self.demand.end
        if ticks not in self._begin:
            whole, rest = mul_div(self._paid_parts, ticks, PPM_PERCENT)
            self._begin[ticks] = np.searchsorted(self.demand.key, self.demand.key_of + whole + (rest > 0))
        return self._begin[ticks]
