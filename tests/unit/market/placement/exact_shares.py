"""Weighted max-min by going through all sets of parties: slow, exact, and made without any cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np

from market.domain.placement.problem import Parties, Problem
from tests.unit.market.placement.oracle import least_cost

Sets = dict[tuple[int, ...], int]


def exact_shares(problem: Problem, parties: Parties) -> tuple[list[Fraction], Fraction]:
    """The exact service of each party, and what floors shrink to."""
    count = len(parties.weight)
    asked = [Fraction(int(problem.group_tokens[problem.group_party == party].sum())) for party in range(count)]
    weight = [Fraction(str(each)) for each in parties.weight.tolist()]
    floor = [Fraction(str(each)) for each in parties.floor_tokens.tolist()]
    room = most_of_sets(problem, count)
    scale = _highest(room, lambda p, t: min(asked[p], t * floor[p]), [Fraction(1)], asked, floor)
    share: dict[int, Fraction] = {}

    def at(party: int, level: Fraction) -> Fraction:
        return share.get(party, min(asked[party], max(scale * floor[party], level * weight[party])))

    while len(share) < count:
        tops = [max(asked[p], scale * floor[p]) / weight[p] for p in range(count) if p not in share]
        bends = [scale * floor[p] / weight[p] for p in range(count)]
        level = _highest(room, at, [*tops, *bends], asked, weight)
        full = [chosen for chosen, most in room.items() if sum(at(p, level) for p in chosen) == most]
        full += [(p,) for p in range(count) if at(p, level) == asked[p]]
        share |= {p: at(p, level) for chosen in full for p in chosen if p not in share}
    return [share[party] for party in range(count)], scale


def most_of_sets(problem: Problem, count: int) -> Sets:
    """Tokens that can be served to each set of parties if nobody else gets any, says HiGHS."""
    found = {}
    for size in range(1, count + 1):
        for chosen in combinations(range(count), size):
            is_in = np.isin(problem.group_party, chosen)
            answer = least_cost(replace(problem, group_tokens=np.where(is_in, problem.group_tokens, 0)))
            assert answer is not None
            found[chosen] = answer[0]
    return found


def _highest(
    room: Sets,
    at: Callable[[int, Fraction], Fraction],
    bends: Sequence[Fraction],
    asked: Sequence[Fraction],
    slope: Sequence[Fraction],
) -> Fraction:
    """The largest argument up to the last bend at which no set has more than fits."""
    bends = sorted(
        {Fraction(0), *bends, *(a / s for a, s in zip(asked, slope, strict=True) if s and a / s < max(bends))}
    )
    highest = bends[-1]
    for chosen, most in room.items():
        for low, high in pairwise(bends):
            below, above = (sum((at(p, each) for p in chosen), Fraction(0)) for each in (low, high))
            if below <= most < above:
                highest = min(highest, low + (high - low) * (most - below) / (above - below))
    return highest
