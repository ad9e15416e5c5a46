"""Small placement problems: one at will, or at random from a seed or from hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from market.domain.placement.problem import Problem, Requests


def make_problem(
    *,
    capacity: Any,
    cost: Any,
    sets: list[list[int]],
    groups: list[tuple[int, int, int, int, int]],
    set_of_hour: Any = None,
) -> Problem:
    """`groups`: (profile, first hour, last hour, party, tokens). Without `set_of_hour`, profile k is set k always."""
    room = np.array(capacity, dtype=np.int64)
    is_eligible = np.zeros((len(sets), len(room)), dtype=np.bool_)
    for index, sites in enumerate(sets):
        is_eligible[index, sites] = True
    if set_of_hour is None:
        set_of_hour = np.repeat(np.arange(len(sets))[:, None], room.shape[1], axis=1)
    columns = np.array(groups, dtype=np.int64).reshape(-1, 5).T
    small = [column.astype(np.int32) for column in columns[:4]]
    return Problem(
        capacity_tokens=room,
        cost=np.array(cost, dtype=np.int64),
        is_eligible=is_eligible,
        set_of_hour=np.array(set_of_hour, dtype=np.int32),
        group_profile=small[0],
        group_first_hour=small[1],
        group_last_hour=small[2],
        group_party=small[3],
        group_tokens=columns[4].copy(),
    )


def random_problem(
    seed: int,
    *,
    site_count: int = 3,
    hour_count: int = 4,
    group_count: int = 8,
    party_count: int = 3,
    largest_room: int = 12,
    largest_group: int = 20,
    largest_cost: int = 9,
) -> Problem:
    """A small problem, about as often scarce as not, with hours in which nothing is eligible and full outages."""
    rng = np.random.default_rng(seed)
    set_count, profile_count = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    is_eligible = rng.random((set_count, site_count)) < 0.6
    is_eligible[np.arange(set_count), rng.integers(0, site_count, set_count)] = True
    capacity = rng.integers(0, largest_room + 1, (site_count, hour_count))
    capacity[rng.random(capacity.shape) < 0.15] = 0
    edges = np.sort(rng.integers(0, hour_count, (2, group_count)), axis=0).astype(np.int32)
    return Problem(
        capacity_tokens=capacity,
        cost=rng.integers(0, largest_cost + 1, (site_count, hour_count)),
        is_eligible=is_eligible,
        set_of_hour=rng.integers(-1, set_count, (profile_count, hour_count)).astype(np.int32),
        group_profile=rng.integers(0, profile_count, group_count).astype(np.int32),
        group_first_hour=edges[0],
        group_last_hour=edges[1],
        group_party=rng.integers(0, party_count, group_count).astype(np.int32),
        group_tokens=rng.integers(0, largest_group + 1, group_count),
    )


def random_requests(problem: Problem, seed: int, *, largest: int = 6) -> Requests:
    """Requests that add up to the groups of the problem, in random order and with ranks of their own."""
    rng = np.random.default_rng(seed)
    groups: list[int] = []
    tokens: list[int] = []
    for group, total in enumerate(problem.group_tokens.tolist()):
        left = total
        while left > 0:
            part = min(left, int(rng.integers(1, largest + 1)))
            groups.append(group)
            tokens.append(part)
            left -= part
    count = len(groups)
    order = rng.permutation(count)
    return Requests(
        group=np.array(groups, dtype=np.int32)[order],
        tokens=np.array(tokens, dtype=np.int64)[order],
        rank=rng.permutation(count).astype(np.int64),
        may_split=rng.random(count) < 0.3,
    )


def problems(**sizes: int) -> st.SearchStrategy[Problem]:
    """Random small problems for hypothesis; it shrinks over the seed and the sizes only."""
    return st.builds(
        lambda seed, hours, sites, groups: random_problem(
            seed, **{"hour_count": hours, "site_count": sites, "group_count": groups, **sizes}
        ),
        st.integers(0, 10**6),
        st.integers(1, 6),
        st.integers(1, 4),
        st.integers(1, 12),
    )
