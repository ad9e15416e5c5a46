"""Bids by rate of need and limit, so that trying another factor or price looks at rates and not at bids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from market.domain.trading.call import Bids, Whole
from market.domain.trading.effective import PPM_PERCENT, applied
from market.domain.trading.exact import mul_div
from market.domain.trading.groups import Groups, distinct, group_rows, ranges, sorted_rows
from market.domain.trading.marginal import share, share_by_team
from market.domain.trading.price_choice import Price, last_that

MANY = 8
"""A level is large if it holds more than one in so many bids."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Bids by rate, then limit: `rows` in that order, `key` both in one number, `upto` lots before each and in all.

    By rate: `rates` in ppm, `key_of` where its keys begin, `end` where its bids end. In the order of `bids`, which
    is that of sequence: `rate_of_bid`, and `limit` as far as it counts.
    """

    bids: Bids
    limit: Whole
    rows: Whole
    key: Whole
    rate_of_bid: Whole
    upto: Whole
    rates: Whole
    key_of: Whole
    end: Whole
    high_ticks: int

    @cached_property
    def by_team(self) -> TeamBids:
        """The bids team by team, which only calls with large levels need."""
        teams = group_rows(self.bids.team)
        return TeamBids(
            teams=teams,
            rate=self.rate_of_bid[teams.rows],
            limit=self.limit[teams.rows],
            lots=self.bids.lots[teams.rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamBids:
    """Bids in the order of `teams.rows`; `rate` is the number of a rate."""

    teams: Groups
    rate: Whole
    limit: Whole
    lots: Whole


def demand_of(bids: Bids, high_ticks: int) -> Demand:
    """Bids in sequence, by rate and limit. Limits worth more than the collar's top count as one that just is."""
    rates = distinct(bids.rate_ppm)
    enough = high_ticks + int(mul_div(np.maximum(rates[-1:], 0), high_ticks, 1_000_000)[0].max(initial=0)) + 1
    limit, rate_of_bid = np.minimum(bids.limit_ticks, enough), np.searchsorted(rates, bids.rate_ppm)
    rows = sorted_rows(rate_of_bid, limit)
    key_of = np.arange(len(rates)) * (enough + 1)
    return Demand(
        bids=bids,
        limit=limit,
        rows=rows,
        key=(key_of[rate_of_bid] + limit)[rows],
        rate_of_bid=rate_of_bid,
        upto=np.concatenate(([0], np.cumsum(bids.lots[rows]))),
        rates=rates,
        key_of=key_of,
        end=np.cumsum(np.bincount(rate_of_bid, minlength=len(rates))),
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
        level = self._level(price)
        lots, left = self._by_rate(level + 1), price.volume - self.wanted(level + 1)
        if self._is_large(level):
            np.add.at(lots, self.demand.by_team.rate, self._share_large(level, left))
        else:
            rows, fill = self._share_small(level, left)
            np.add.at(lots, self.demand.rate_of_bid[rows], fill)
        return lots

    def fill(self, price: Price) -> Whole:
        """What each bid buys at a price: those worth more all, at the level that runs out a share for each team."""
        filled, bids = np.zeros_like(self.demand.bids.lots), self.demand.bids
        level = price.ticks - 1
        if price.wanted > price.offered:
            level = self._level(price)
            rows, fill = self._share_small(level, price.volume - self.wanted(level + 1))
            filled[rows] = fill
        better = self._rows(self._begin_at(level + 1), self.demand.end)
        filled[better] = bids.lots[better]
        return filled

    def _level(self, price: Price) -> int:
        """Of a side that is too long: the worth in ticks at which lots run out."""
        low, high = price.ticks, self.demand.high_ticks
        return last_that(lambda ticks: self.wanted(ticks) >= price.volume, low, high, guess=low)

    def _is_large(self, level: int) -> bool:
        """Whether a level holds so many bids that looking at all costs less than putting its teams together."""
        count = int((self._begin_at(level + 1) - self._begin_at(level)).sum())
        return count * MANY >= len(self.demand.rows)

    def _share_small(self, level: int, lots: int) -> tuple[Whole, Whole]:
        """The bids of a level, and what they get of so many lots."""
        bids, rows = self.demand.bids, np.sort(self._rows(self._begin_at(level), self._begin_at(level + 1)))
        return rows, share(bids.lots[rows], bids.weight_ppm[rows], group_rows(bids.team[rows]), lots)

    def _share_large(self, level: int, lots: int) -> Whole:
        """The same for all bids by team, nothing for those of other levels."""
        own, weight = self.demand.by_team, self.demand.bids.weight_ppm
        is_here = own.limit >= self._least(level)[own.rate]
        if level < self.demand.high_ticks:
            is_here &= own.limit < self._least(level + 1)[own.rate]
        return share_by_team(np.where(is_here, own.lots, 0), weight, own.teams, lots)

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
            keys = self.demand.key_of + self._least(ticks)
            self._begin[ticks] = np.searchsorted(self.demand.key, keys)
        return self._begin[ticks]

    def _least(self, ticks: int) -> Whole:
        """By rate, the least limit that is worth so many ticks."""
        whole, rest = mul_div(self._paid_parts, ticks, PPM_PERCENT)
        return whole + (rest > 0)
