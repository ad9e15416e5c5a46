"""A carbon budget as an upper bound on the water level: it stops where the least carbon of the service reaches it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from market.domain.placement.green import place_green
from market.domain.placement.problem import Ints, Problem
from market.domain.placement.water import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonStop:
    """Where the budget stopped: the level, the service [Q] there, and what floors shrank to (1: kept)."""

    level: Fraction
    service_tokens: Ints
    floor_scale: Fraction


def stop_by_carbon(
    problem: Problem,
    claims: Sequence[Claim],
    service_tokens: Ints,
    *,
    budget: int,
    seconds_left: Callable[[], float],
) -> CarbonStop | None:
    """The highest level at which the service stays within the budget; None if the whole service does.

    No party gets more than `service_tokens` [Q], which fit. Levels are tried in steps of one token of
    the heaviest party. Floors are kept as long as they alone stay within the budget; else the level is
    0 and all floors shrink by one factor, in steps of one token of the largest.
    """

    def cost_of(tokens: Ints) -> int:
        return place_green(problem, service_tokens=tokens, seconds=seconds_left()).objective

    whole = cost_of(service_tokens)
    if whole <= budget:
        return None
    most = service_tokens.tolist()

    def service_at(level: Fraction, factor: Fraction = Fraction(1)) -> Ints:
        shares: list[Fraction] = [max(claim.floor * factor, level * claim.weight) for claim in claims]
        return np.array([min(top, math.floor(share)) for top, share in zip(most, shares, strict=True)], dtype=np.int64)

    floors_only = cost_of(service_at(Fraction(0)))
    if floors_only > budget:
        largest = max(math.floor(claim.at(Fraction(0))) for claim in claims)
        found = _largest_step(
            lambda step: cost_of(service_at(Fraction(0), Fraction(step, largest))),
            (0, 0),
            (largest, floors_only),
            budget,
        )
        factor = Fraction(found, largest)
        return CarbonStop(level=Fraction(0), service_tokens=service_at(Fraction(0), factor), floor_scale=factor)
    one_token = 1 / max(claim.weight for claim in claims)
    highest = math.ceil(max(top / claim.weight for top, claim in zip(most, claims, strict=True)) / one_token)
    found = _largest_step(
        lambda step: cost_of(service_at(step * one_token)), (0, floors_only), (highest, whole), budget
    )
    return CarbonStop(level=found * one_token, service_tokens=service_at(found * one_token), floor_scale=Fraction(1))


def _largest_step(cost_at: Callable[[int], int], low: tuple[int, int], high: tuple[int, int], budget: int) -> int:
    """The largest step whose cost, which rises with it, is within the budget.

    `low` (within) and `high` (beyond) are steps and their costs. Every solve is dear: the next step is
    where a straight line between the ends meets the budget; an end that stays counts half from the
    second time on, so that the other side is tried too (the Illinois rule).
    """
    (below, short), (above, over) = (low[0], budget - low[1]), (high[0], high[1] - budget)
    moved = 0
    while above - below > 1:
        guess = below + short * (above - below) // max(short + over, 1)
        guess = min(max(guess, below + 1), above - 1)
        difference = cost_at(guess) - budget
        if difference <= 0:
            below, short, over = guess, -difference, over // 2 if moved < 0 else over
            moved = -1
        else:
            above, over, short = guess, difference, short // 2 if moved > 0 else short
            moved = 1
    return below
