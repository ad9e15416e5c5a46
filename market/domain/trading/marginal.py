"""The level at which lots run out: a share for every team, whatever number of orders it has there."""

from __future__ import annotations

import numpy as np

from market.domain.trading.call import Whole
from market.domain.trading.exact import mul_div, top_ups
from market.domain.trading.groups import Groups


def share(lots: Whole, weight: Whole, teams: Groups, total: int) -> Whole:
    """`total` lots over rows, by water-filling over teams and in sequence within one. Shapes (n,), rows in sequence.

    `weight` is the same in all rows of a team. Splitting a row, or coming earlier, changes what no team
    gets; only exact ties go to the team whose first row with lots comes first.
    """
    fill = np.empty_like(lots)
    fill[teams.rows] = share_by_team(lots[teams.rows], weight, teams, total)
    return fill


def share_by_team(lots: Whole, weight: Whole, teams: Groups, total: int) -> Whole:
    """The same for lots that are in the order of `teams.rows`, and so is what it gives."""
    most = teams.sums(lots)
    first = np.minimum.reduceat(np.where(lots > 0, teams.rows, len(lots)), teams.start)
    by_arrival = np.argsort(first, kind="stable")
    grant = np.empty_like(most)
    grant[by_arrival] = water_fill(most[by_arrival], weight[teams.rows[teams.start]][by_arrival], total)
    fill: Whole = np.clip(grant[teams.of] - teams.so_far(lots) + lots, 0, lots)
    return fill


def water_fill(most: Whole, weight: Whole, total: int) -> Whole:
    """`total` over teams in proportion to weight, none above its `most`: what one cannot take rises for the others.

    Whole lots by largest remainder, the first among equals. `total` is at most the sum of `most`.
    A team whose weight rises, while all else stays, never gets less.
    """
    grant, rows = np.zeros_like(most), np.flatnonzero(most)
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
