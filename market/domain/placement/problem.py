"""The placement problem as arrays, and what its solution is made of.

A *site* is one region serving one model class; hours count from the first hour of the plan. An
*eligible set* is a set of sites; a *profile* says which set is in force in each hour (price caps
and carbon-free shares differ by hour). Requests with one profile, window and party form a *group*:
a million requests come down to some ten thousand groups. Tokens and costs are integers throughout,
so that every optimum is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Indices = NDArray[np.int32]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

NO_SET = -1
"""In a profile: nothing is eligible in this hour."""


class SolverFailed(RuntimeError):
    """The solver gave no optimum: it failed, ran out of time or the figures are too large for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Sites S, hours T, eligible sets E, profiles P, groups G, parties Q.

    `capacity_tokens` [S, T]: room of each site and hour, already without what is promised or kept free.
    `cost` [S, T]: integers, what one token emits there, in any one unit (the pass: nano-grams CO2e).
    `is_eligible` [E, S]. `set_of_hour` [P, T]: the eligible set of each hour, NO_SET is none.
    `group_*` [G]: first and last hour (inclusive) in which its tokens may run, profile, party, tokens.
    """

    capacity_tokens: Ints
    cost: Ints
    is_eligible: Flags
    set_of_hour: Indices
    group_profile: Indices
    group_first_hour: Indices
    group_last_hour: Indices
    group_party: Indices
    group_tokens: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Weight (> 0) and floor (tokens guaranteed, from 0) of each party [Q]; neither depends on what is asked."""

    weight: Floats
    floor_tokens: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Single requests [N] of the groups: group, tokens, and who goes first in a group (lower `rank`).

    `may_split`: the request may be served in several places or hours.
    """

    group: Indices
    tokens: Ints
    rank: Ints
    may_split: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Tokens of each group in each site and hour [K], at least cost for the service.

    `objective` = sum(tokens * cost), `unserved_tokens` over all groups (plain Python integers: they
    may pass 64 bits). `hour_price` [S, T]: what one more token of room there would have saved, cost
    units, from 0 (0 where there was room left). `group_price` [G]: what one token more of a group
    would have cost; meaningless where the group is not served in full. `solver` names what solved it.
    """

    group: Indices
    site: Indices
    hour: Indices
    tokens: Ints
    objective: int
    unserved_tokens: int
    hour_price: Ints
    group_price: Ints
    solver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Tokens of each request in each site and hour [K]; a request that is not split is in one row at most.

    `rounded_cost`: what whole requests cost above the flow (may be below zero where less was served).
    """

    request: Indices
    site: Indices
    hour: Indices
    tokens: Ints
    rounded_cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterLevel:
    """A level (tokens per weight) at which a set of parties froze, and the full cells that held them.

    `cells` are (site, hour) pairs of the bottleneck; empty where demand, not room, was the limit.
    """

    level: float
    parties: tuple[int, ...]
    cells: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FairService:
    """Tokens that each party gets [Q], whole; what floors shrank to (1 = all fit), and where the water stopped.

    `stopped_by_carbon`: the carbon budget, not room, stopped the level.
    """

    service_tokens: Ints
    floor_scale: float
    levels: tuple[WaterLevel, ...]
    stopped_by_carbon: bool
