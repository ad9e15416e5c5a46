"""Offers by the price from which they are good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.trading.call import Asks, Whole
from market.domain.trading.effective import effective_asks
from market.domain.trading.groups import group_rows, sorted_rows
from market.domain.trading.marginal import share


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Offers from the cheapest: `rows` in that order, `least` their effective price, `upto` lots before and in all."""

    rows: Whole
    least: Whole
    upto: Whole
    asks: Asks

    def offered(self, ticks: int) -> int:
        """Lots that are good at a price."""
        return int(self.upto[np.searchsorted(self.least, ticks, side="right")])

    def fill(self, volume: int) -> Whole:
        """What each offer sells of so many lots: cheaper ones all, at the level that runs out a share for each team."""
        fill = np.zeros_like(self.asks.lots)
        last = int(np.searchsorted(self.upto, volume)) - 1
        level = self.least[last]
        start, stop = np.searchsorted(self.least, level), np.searchsorted(self.least, level, side="right")
        better, rows = self.rows[:start], np.sort(self.rows[start:stop])
        fill[better] = self.asks.lots[better]
        groups = group_rows(self.asks.team[rows])
        fill[rows] = share(self.asks.lots[rows], np.ones_like(rows), groups, volume - int(self.upto[start]))
        return fill


def supply_of(asks: Asks, low_ticks: int) -> Supply:
    """Offers in sequence, by what they are good from."""
    least = effective_asks(asks.limit_ticks, asks.adder_ticks, low_ticks)
    rows = sorted_rows(least, np.zeros_like(least))
    return Supply(rows=rows, least=least[rows], upto=np.concatenate(([0], np.cumsum(asks.lots[rows]))), asks=asks)
