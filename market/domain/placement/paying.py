"""Which requests their budgets can pay: whole requests, in the order of who goes first, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from budgets.domain.units import Unit
from market.domain.placement.problem import Flags, Indices, Ints

UNITS = tuple(Unit)
"""The rows of `amounts`, by a budget's unit; each in the steps that budgets count in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purses:
    """Budgets B and the levels L of their paths, which they may share.

    `paths` [B]: indices of levels. `unit` [L]: index into UNITS. `remaining` [L]: steps that can be
    spent, what the plan before holds included.
    """

    paths: tuple[tuple[int, ...], ...]
    unit: tuple[int, ...]
    remaining: tuple[int, ...]


def payable(*, budget: Indices, amounts: Sequence[Ints], order: Ints, purses: Purses) -> Flags:
    """Requests [N] that are paid when each in `order` takes all it needs, or nothing and the next one tries.

    `amounts` [unit][N]: what each needs of a level of this unit. A level that can pay everybody
    asks nobody to wait, so that only requests below a short one are gone through one by one.
    """
    paid = np.ones(len(budget), dtype=np.bool_)
    tight = _tight(budget, amounts, purses)
    if not tight:
        return paid
    short = [[level for level in path if level in tight] for path in purses.paths]
    is_short = np.array([bool(path) for path in short])[budget]
    in_turn = order[is_short[order]]
    remaining = {level: purses.remaining[level] for level in tight}
    units = sorted({purses.unit[level] for level in tight})
    needed = {unit: amounts[unit][in_turn].tolist() for unit in units}
    for place, (request, of) in enumerate(zip(in_turn.tolist(), budget[in_turn].tolist(), strict=True)):
        path = short[of]
        if all(needed[purses.unit[level]][place] <= remaining[level] for level in path):
            for level in path:
                remaining[level] -= needed[purses.unit[level]][place]
        else:
            paid[request] = False
    return paid


def totals(*, budget: Indices, amounts: Sequence[Ints], budget_count: int) -> list[list[int]]:
    """What the requests of each budget need together, [unit][B], as plain integers: sums may be large."""
    return [_sums(budget, each, budget_count) for each in amounts]


def _tight(budget: Indices, amounts: Sequence[Ints], purses: Purses) -> set[int]:
    wanted = [0] * len(purses.unit)
    by_budget = totals(budget=budget, amounts=amounts, budget_count=len(purses.paths))
    for index, path in enumerate(purses.paths):
        for level in path:
            wanted[level] += by_budget[purses.unit[level]][index]
    return {level for level, needed in enumerate(wanted) if needed > purses.remaining[level]}


def _sums(budget: Indices, amounts: Ints, budget_count: int) -> list[int]:
    """Exact: a float sum of a million amounts of 2**40 would lose the last digits."""
    low = np.bincount(budget, weights=amounts & 0xFFFFF, minlength=budget_count)
    high = np.bincount(budget, weights=amounts >> 20, minlength=budget_count)
    return [(int(above) << 20) + int(below) for above, below in zip(high, low, strict=True)]
