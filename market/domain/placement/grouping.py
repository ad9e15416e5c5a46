"""Requests that the solver cannot tell apart, put together: a million become some ten thousand groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.placement.problem import Indices, Ints, SolverFailed

LARGEST_TOTAL = 1 << 62
"""Sums of tokens stay below this, so that no sum of two of them leaves 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Groups [G] in the order of (profile, first hour, last hour, party); tokens are sums."""

    profile: Indices
    first_hour: Indices
    last_hour: Indices
    party: Indices
    tokens: Ints


def group_rows(
    *, profile: Indices, first_hour: Indices, last_hour: Indices, party: Indices, tokens: Ints
) -> tuple[Groups, Indices]:
    """Groups of rows [N] (all values from 0), and the group of each row. Raises SolverFailed beyond 2^62 tokens."""
    columns = (profile, first_hour, last_hour, party)
    keys, sizes = _keys(columns)
    check_total(tokens)
    if len(keys) == 0:
        none = np.zeros(0, dtype=np.int32)
        return Groups(profile=none, first_hour=none, last_hour=none, party=none, tokens=_int_zeros(0)), none
    distinct, group = _distinct(keys, int(np.prod(sizes, dtype=np.float64)))
    sums = _int_zeros(len(distinct))
    np.add.at(sums, group, tokens)
    values = np.unravel_index(distinct, sizes)
    parts = [value.astype(np.int32) for value in values]
    groups = Groups(profile=parts[0], first_hour=parts[1], last_hour=parts[2], party=parts[3], tokens=sums)
    return groups, group


def check_total(tokens: Ints) -> None:
    """Raises SolverFailed where the sum of `tokens` leaves the range in which every sum is exact."""
    if len(tokens) and float(np.sum(tokens, dtype=np.float64)) >= LARGEST_TOTAL:
        raise SolverFailed("The tokens add up to more than 2^62.")


def _keys(columns: tuple[Indices, ...]) -> tuple[Ints, tuple[int, ...]]:
    """One number per row for its four values, and the sizes it is written in."""
    sizes = tuple(int(column.max()) + 1 if len(column) else 1 for column in columns)
    keys = columns[0].astype(np.int64)
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        keys *= size
        keys += column
    return keys, sizes


def _distinct(keys: Ints, key_count: int) -> tuple[Ints, Indices]:
    """The keys that occur, ascending, and where each row stands: by a table, or by sorting where that is too long."""
    if key_count <= 4 * len(keys) + 1_000_000:
        occurs = np.zeros(key_count, dtype=np.bool_)
        occurs[keys] = True
        positions = np.cumsum(occurs, dtype=np.int32) - 1
        return np.flatnonzero(occurs), positions[keys].astype(np.int32)
    distinct, position = np.unique(keys, return_inverse=True)
    return distinct, position.astype(np.int32)


def _int_zeros(count: int) -> Ints:
    return np.zeros(count, dtype=np.int64)
