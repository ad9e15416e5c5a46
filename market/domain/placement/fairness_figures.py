"""What a service is like between parties: shares for their weight, beside first come, first served, and its price."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from market.domain.placement.fairness import share_fairly
from market.domain.placement.green import place_green
from market.domain.placement.problem import Floats, Indices, Ints, Parties, Problem, Requests

BATCH = 512
"""Requests looked at together in `served_without_policy`: about as many as fit between two cells that fill up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessFigures:
    """How even a service is.

    `service_per_weight` [Q]: tokens for one unit of weight. `minimum_share`: the smallest service over
    demand of any party that asks something. `jain` (1 = all alike, 1/n = one has all) and `gini` (0 =
    all alike) are over service per weight of the *unsatisfied* parties, those that get less than they
    ask: one that has all it wants needs no comparison. None where there is nothing to compare: no
    demand, or no unsatisfied party; with nothing served to any of them all are alike.
    """

    service_per_weight: Floats
    minimum_share: float | None
    jain: float | None
    gini: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOfJustice:
    """What fairness costs against serving whoever is cheapest.

    `tokens`: the most that could be served (within the same carbon budget, where there is one) less
    what is served fairly. `cost`: least carbon of the fair service less the least carbon of as many
    tokens, whoever gets them; units of `problem.cost` x tokens. Both are 0 or more.
    """

    tokens: int
    cost: int


def fairness_figures(*, service_tokens: Ints, demand_tokens: Ints, weight: Floats) -> FairnessFigures:
    """The figures of one service [Q] over what was asked [Q], each party with its weight (> 0)."""
    per_weight = service_tokens / weight
    asks = demand_tokens > 0
    compared = per_weight[service_tokens < demand_tokens]
    shares = service_tokens[asks] / demand_tokens[asks]
    return FairnessFigures(
        service_per_weight=per_weight,
        minimum_share=float(shares.min()) if len(shares) else None,
        jain=jain(compared),
        gini=gini(compared),
    )


def jain(values: Floats) -> float | None:
    """(sum x)^2 / (n sum x^2): Jain, Chiu and Hawe 1984. 1 where all have alike (or nothing), None of nobody."""
    if not len(values):
        return None
    squares = float((values**2).sum())
    return float(values.sum() ** 2 / (len(values) * squares)) if squares else 1.0


def gini(values: Floats) -> float | None:
    """Mean difference of all pairs over twice the mean. 0 where all have alike (or nothing), None of nobody."""
    if not len(values):
        return None
    total, count = float(values.sum()), len(values)
    rank = np.arange(1, count + 1)
    return max(0.0, float(((2 * rank - count - 1) * np.sort(values)).sum() / (count * total))) if total else 0.0


def price_of_justice(
    problem: Problem, service_tokens: Ints, *, carbon_budget: int | None = None, seconds: float
) -> PriceOfJustice:
    """What a fair service [Q], within the carbon budget if one is given, costs. Raises SolverFailed."""
    everyone = replace(problem, group_party=np.zeros_like(problem.group_party))
    one = Parties(weight=np.ones(1), floor_tokens=np.zeros(1))
    most = share_fairly(everyone, one, carbon_budget=carbon_budget, seconds=seconds)
    served = np.array([service_tokens.sum()], dtype=np.int64)
    fair = place_green(problem, service_tokens=service_tokens, seconds=seconds)
    cheapest = place_green(everyone, service_tokens=served, seconds=seconds)
    return PriceOfJustice(tokens=int(most.service_tokens[0]) - int(served[0]), cost=fair.objective - cheapest.objective)


def served_without_policy(problem: Problem, requests: Requests, order: Ints, *, party_count: int = 0) -> Ints:
    """Tokens each party [Q, at least `party_count`] would get first come, first served, over the same room.

    `order` [N]: indices of the requests as they came. Each takes what is free in the earliest hour of
    its window and there in the site of least cost, goes on to the next where that is not enough, and
    is served in part where room ends. Nobody waits for a cleaner hour and nobody gives way.
    """
    queue = _Queue(problem)
    group = requests.group[order].astype(np.int64)
    tokens = requests.tokens[order]
    at = 0
    while at < len(group):
        at += queue.serve(group[at : at + BATCH], tokens[at : at + BATCH])
    parties = max(party_count, int(problem.group_party.max(initial=-1)) + 1)
    served = np.zeros(parties, dtype=np.int64)
    np.add.at(served, problem.group_party, queue.served)
    return served


class _Queue:
    """Free room, and the cell at which each group stands until that is full."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._hours = problem.capacity_tokens.shape[1]
        self._room = problem.capacity_tokens.ravel().copy()
        self._choices = [_in_order(problem, sets) for sets in problem.set_of_hour]
        self._open = [choice[self._room[choice] > 0] for choice in self._choices]
        self.served = np.zeros(len(problem.group_tokens), dtype=np.int64)
        self._cell = np.full(len(problem.group_tokens), -1, dtype=np.int64)
        self._stand(np.arange(len(problem.group_tokens)))

    def serve(self, group: Ints, tokens: Ints) -> int:
        """Serve those in line as far as no cell fills up, and the one at which it does; how many that were."""
        cell = self._cell[group]
        by_cell = np.argsort(cell, kind="stable")
        ordered, wanted = cell[by_cell], tokens[by_cell]
        total = np.cumsum(wanted)
        start = np.searchsorted(ordered, ordered)
        before = total[start] - wanted[start]
        fills = by_cell[(total - before >= self._room[ordered]) & (ordered >= 0)]
        whole = int(fills.min()) if len(fills) else len(group)
        has_cell = cell[:whole] >= 0
        np.add.at(self._room, cell[:whole][has_cell], -tokens[:whole][has_cell])
        np.add.at(self.served, group[:whole][has_cell], tokens[:whole][has_cell])
        if whole == len(group):
            return whole
        self._serve_to_the_brim(int(group[whole]), int(tokens[whole]))
        return whole + 1

    def _serve_to_the_brim(self, group: int, tokens: int) -> None:
        """One request that fills its cell, and perhaps others."""
        while tokens > 0 and (cell := int(self._cell[group])) >= 0:
            taken = min(tokens, int(self._room[cell]))
            tokens -= taken
            self._room[cell] -= taken
            self.served[group] += taken
            if self._room[cell] == 0:
                self._stand(np.flatnonzero(self._cell == cell))

    def _stand(self, groups: Ints) -> None:
        """Let groups stand at the first free cell of their windows, at -1 where there is none."""
        for profile in np.unique(self._problem.group_profile[groups]).tolist():
            own = groups[self._problem.group_profile[groups] == profile]
            free = self._open[profile] = self._open[profile][self._room[self._open[profile]] > 0]
            hour = free % self._hours
            at = np.searchsorted(hour, self._problem.group_first_hour[own])
            found = np.minimum(at, max(len(free) - 1, 0))
            fits = at < len(free)
            if len(free):
                fits &= hour[found] <= self._problem.group_last_hour[own]
            self._cell[own] = np.where(fits, free[found] if len(free) else -1, -1)


def _in_order(problem: Problem, sets: Indices) -> Ints:
    """The cells of a profile: by hour, then by cost, then by site. Cells are site * hours + hour."""
    hours = problem.capacity_tokens.shape[1]
    # NO_SET (-1) is the last row: a row more, of no site.
    is_open = np.vstack([problem.is_eligible, np.zeros(problem.is_eligible.shape[1], dtype=np.bool_)])[sets].T
    site, hour = np.nonzero(is_open)
    order = np.lexsort((site, problem.cost[site, hour], hour))
    cells: Ints = (site * hours + hour)[order]
    return cells
