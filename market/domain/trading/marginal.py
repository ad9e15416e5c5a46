"""Who gets what of the long side: better limits first, and at the level that runs out a share for every team."""

from __future__ import annotations

import numpy as np

from market.domain.trading.call import Whole
from market.domain.trading.exact import mul_div, top_ups


def ration(badness: Whole, lots: Whole, team: Whole, weight: Whole, volume: int) -> Whole:
    """Lots for each row, `volume` in all. Rows in sequence; shapes (n,).

    Rows with less `badness` are served first. The level at which lots run out is shared by its teams
    (`share`). Splitting a row, or coming earlier, changes what no team gets, but for exact ties.
    """
    order = np.argsort(badness, kind="stable")
    before = np.cumsum(lots[order])
    if not len(order) or volume >= int(before[-1]):
        return lots.copy()
    level = badness[order[np.searchsorted(before, volume)]]
    fill = np.where(badness < level, lots, 0)
    rows = np.flatnonzero(badness == level)
    fill[rows] = share(lots[rows], team[rows], weight[rows], volume - int(fill.sum()))
    return fill


def share(lots: Whole, team: Whole, weight: Whole, total: int) -> Whole:
    """Water-filling of `total` over teams by weight; within a team by sequence. Rows in sequence; shapes (n,)."""
    _, first, inverse = np.unique(team, return_index=True, return_inverse=True)
    by_arrival = np.argsort(first, kind="stable")
    held = np.zeros(len(first), dtype=np.int64)
    np.add.at(held, inverse, lots)
    grant = np.zeros_like(held)
    grant[by_arrival] = water_fill(held[by_arrival], weight[first[by_arrival]], total)
    rows = np.argsort(inverse, kind="stable")
    own, of = lots[rows], inverse[rows]
    served = np.cumsum(own) - own - (np.cumsum(held) - held)[of]
    fill = np.empty_like(lots)
    fill[rows] = np.clip(grant[of] - served, 0, own)
    return fill


def water_fill(most: Whole, weight: Whole, total: int) -> Whole:
    """`total` over teams in proportion to weight, none above its `most`: what one cannot take rises for the others.

    Whole lots by largest remainder, the first among equals. `total` is at most the sum of `most`.
    A team whose weight rises, while all else stays, never gets less.
    """
    grant, rows = np.zeros_like(most), np.arange(len(most))
    while len(rows):
        part, rest = mul_div(weight[rows], total, int(weight[rows].sum()))
        is_full = most[rows] <= part
        if not is_full.any():
            grant[rows] = part + top_ups(rest, total - int(part.sum()))
            break
        grant[rows[is_full]] = most[rows[is_full]]
        total -= int(most[rows[is_full]].sum())
        rows = rows[~is_full]
    return grant
