"""What a plan saves, told honestly: against the same work run now at home, as far as home has room.

The reference: each request runs in its home region from the moment it may run, in the order in
which requests came; where home is full it waits, and what finds no room by its deadline is missed.
It may be served in pieces, which is in the reference's favour: it misses least. Home is the region
that `market.domain.footprint` compares with, whatever the request itself demands of a region.

The comparison goes request by request, over the tokens that *both* serve: of a request of which the
plan serves p tokens and the reference r, the smaller of the two counts, at the mean grams per token
that each has for this request. So neither who serves less, nor who serves other work, appears to
save. Tokens that only one of them serves are counted beside it, and so are misses.

The bound puts the same tokens each in the cleanest hour and region that their request allows,
without capacity. It is what no plan can beat, and never a claim.

Grams here are those of a request's whole split of input and output, in proportion to its tokens:
`market.domain.footprint` counts the output of a part first, which added up over parts is too much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from market.domain.placement.columns import UNKNOWN, RequestColumns, home_site, microseconds, zone_of_site
from market.domain.placement.eligibility import Eligibility
from market.domain.placement.figures import Placed, wh_per_token
from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import NO_SET, Flags, Floats, Indices, Ints
from market.domain.policy import PolicyTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """A plan beside "run now at home". Grams CO2e, estimated and unverified.

    `plan_g`, `reference_g` and `bound_g` are of the same `compared_tokens`. `missed`: asked for, due
    within the plan, not served. `without_home_tokens`: planned for requests that have no home to compare with.
    """

    compared_tokens: int
    plan_g: float
    reference_g: float
    bound_g: float
    plan_tokens: int
    reference_tokens: int
    missed_tokens: int
    reference_missed_tokens: int
    only_plan_tokens: int
    only_reference_tokens: int
    without_home_tokens: int

    @property
    def saved_g(self) -> float:
        """What the plan avoids of the reference; below zero where it emits more."""
        return self.reference_g - self.plan_g

    @property
    def saved_share(self) -> float | None:
        """Of the reference's grams; None where there is nothing to compare."""
        return self.saved_g / self.reference_g if self.reference_g > 0 else None


def run_at_home(
    inputs: PlanInputs, columns: RequestColumns, *, first_hour: Indices, last_hour: Indices, room_tokens: Ints
) -> Placed:
    """The reference: tokens of each request at home, hour by hour, within `room_tokens` [S, T].

    First come, first served by the hour in which a request may begin, then as it was created.
    """
    home = homes_of(inputs, columns)
    order = np.lexsort((np.arange(len(columns)), columns.created_us, first_hour, home))
    bounds = np.searchsorted(home[order], np.arange(len(inputs.sites) + 1))
    parts = []
    for site in np.flatnonzero(np.diff(bounds)).tolist():
        queue = order[bounds[site] : bounds[site + 1]]
        parts += [
            (queue[served], np.full(len(served), site), np.full(len(served), hour), tokens)
            for hour, served, tokens in _served(
                columns.tokens[queue], first_hour[queue], last_hour[queue], room_tokens[site]
            )
        ]
    request, sites, hours, tokens = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else _NOTHING
    return Placed(
        request=request.astype(np.int32), site=sites.astype(np.int32), hour=hours.astype(np.int32), tokens=tokens
    )


def compare(
    inputs: PlanInputs,
    columns: RequestColumns,
    *,
    planned: Placed,
    reference: Placed,
    eligibility: Eligibility,
    terms: Mapping[int, PolicyTerms],
) -> Savings:
    """The plan beside the reference, and the bound, for the tokens that both serve."""
    weights = _Weights(inputs, columns, terms)
    plan_tokens, plan_g = weights.sums(planned)
    reference_tokens, reference_g = weights.sums(reference)
    both = np.minimum(plan_tokens, reference_tokens)
    compared = np.flatnonzero(both)
    cleanest = weights.cleanest(eligibility, compared)
    due = columns.latest_us < microseconds(inputs.hour_at(inputs.hour_count))
    home = homes_of(inputs, columns)
    return Savings(
        compared_tokens=int(both.sum()),
        plan_g=_share(plan_g, both, plan_tokens, compared),
        reference_g=_share(reference_g, both, reference_tokens, compared),
        bound_g=float((both[compared] * cleanest).sum()),
        plan_tokens=int(plan_tokens.sum()),
        reference_tokens=int(reference_tokens.sum()),
        missed_tokens=int((columns.tokens - plan_tokens)[due].sum()),
        reference_missed_tokens=int((columns.tokens - reference_tokens)[due & (home != UNKNOWN)].sum()),
        only_plan_tokens=int((plan_tokens - both).sum()),
        only_reference_tokens=int((reference_tokens - both).sum()),
        without_home_tokens=int(plan_tokens[home == UNKNOWN].sum()),
    )


def homes_of(inputs: PlanInputs, columns: RequestColumns) -> Indices:
    """The home site of each request [N], UNKNOWN where there is none."""
    known: dict[tuple[str, str], int | None] = {}
    for kind in columns.kinds:
        key = (kind.origin, kind.model_class)
        if key not in known:
            known[key] = home_site(inputs, *key)
    homes = [known[kind.origin, kind.model_class] for kind in columns.kinds]
    return np.array([UNKNOWN if each is None else each for each in homes], dtype=np.int32)[columns.kind]


_NOTHING = tuple(np.zeros(0, dtype=np.int64) for _ in range(4))


def _served(
    tokens: Ints, first_hour: Indices, last_hour: Indices, room: Ints
) -> Iterator[tuple[int, NDArray[np.intp], Ints]]:
    """Hour by hour who of one queue, in its order, is served and how much."""
    left = tokens.copy()
    waiting = np.zeros(0, dtype=np.intp)
    come = np.searchsorted(first_hour, np.arange(len(room) + 1), side="left")
    for hour, free in enumerate(room.tolist()):
        waiting = np.concatenate((waiting, np.arange(come[hour], come[hour + 1])))
        waiting = waiting[last_hour[waiting] >= hour]
        if not len(waiting) or free <= 0:
            continue
        before = np.cumsum(left[waiting]) - left[waiting]
        count = int(np.searchsorted(before, free, side="left"))  # those whose turn comes before the room ends
        served = waiting[:count]
        given = np.minimum(left[served], free - before[:count])
        left[served] -= given
        waiting = waiting[count - 1 :] if left[served[-1]] else waiting[count:]
        yield hour, served, given


def _share(grams: Floats, both: Ints, tokens: Ints, compared: NDArray[np.intp]) -> float:
    return float((grams[compared] * (both[compared] / tokens[compared])).sum())


class _Weights:
    """Grams per token of each request in each site and hour, in proportion to its tokens."""

    def __init__(self, inputs: PlanInputs, columns: RequestColumns, terms: Mapping[int, PolicyTerms]):
        self._count, self._shape = len(columns), (len(inputs.sites), inputs.hour_count)
        policy = np.array([kind.policy_id for kind in columns.kinds], dtype=np.int64)[columns.kind]
        self._wh = np.zeros(len(columns))
        self._is_flat = np.zeros(len(columns), dtype=np.int8)
        for policy_id in np.unique(policy).tolist():
            rows = np.flatnonzero(policy == policy_id).astype(np.int32)
            self._wh[rows] = wh_per_token(columns, rows, terms[policy_id])
            self._is_flat[rows] = terms[policy_id].flat_kwh_per_token is not None
        intensity = inputs.arrays["intensity_g_per_kwh"][zone_of_site(inputs)].reshape(self._shape)
        pue = np.array([site.pue for site in inputs.sites], dtype=np.float64).reshape(-1, 1)
        self._g_per_wh = np.stack((intensity * pue, intensity)) / 1000  # a flat figure is at the meter already

    def sums(self, placed: Placed) -> tuple[Ints, Floats]:
        """Tokens and grams of each request [N]."""
        tokens = np.zeros(self._count, dtype=np.int64)
        np.add.at(tokens, placed.request, placed.tokens)
        weight = self._g_per_wh[self._is_flat[placed.request], placed.site, placed.hour]
        grams = np.zeros(self._count)
        np.add.at(grams, placed.request, placed.tokens * self._wh[placed.request] * weight)
        return tokens, grams

    def cleanest(self, eligibility: Eligibility, requests: NDArray[np.intp]) -> Floats:
        """Grams per token in the cleanest hour and site that each request allows; infinite where it allows none."""
        profile = eligibility.profile[requests]
        first, last = eligibility.first_hour[requests], eligibility.last_hour[requests]
        is_flat = self._is_flat[requests]
        least = np.empty(len(requests))
        for flat in (0, 1):
            rows = np.flatnonzero(is_flat == flat)
            if len(rows):
                by_hour = _best_by_hour(eligibility.is_eligible, eligibility.set_of_hour, self._g_per_wh[flat])
                least[rows] = _least_in_window(by_hour, profile[rows], first[rows], last[rows])
        cleanest: Floats = least * self._wh[requests]
        return cleanest


def _best_by_hour(is_eligible: Flags, set_of_hour: Indices, weight: Floats) -> Floats:
    """The least weight of a profile's eligible sites in each hour [P, T]; infinite where nothing is eligible."""
    best = np.full(set_of_hour.shape, np.inf)
    for hour in range(set_of_hour.shape[1]):
        some = set_of_hour[:, hour] != NO_SET
        sets = is_eligible[set_of_hour[some, hour]]
        best[some, hour] = np.where(sets, weight[:, hour], np.inf).min(axis=1, initial=np.inf)
    return best


def _least_in_window(by_hour: Floats, profile: Indices, first: Indices, last: Indices) -> Floats:
    """The least of each window, by a table of the least of every run of 1, 2, 4, ... hours."""
    runs = [by_hour]
    while (length := 1 << len(runs)) <= by_hour.shape[1]:
        half, count = length >> 1, by_hour.shape[1] - length + 1
        longer = np.full_like(by_hour, np.inf)
        longer[:, :count] = np.minimum(runs[-1][:, :count], runs[-1][:, half : half + count])
        runs.append(longer)
    table = np.stack(runs)
    level = np.floor(np.log2(last - first + 1)).astype(np.int64)
    least: Floats = np.minimum(table[level, profile, first], table[level, profile, last + 1 - (1 << level)])
    return least
