"""Degraded mode: a feasible placement without a solver, for when the solver gives none.

Those with the fewest places and hours to choose from go first, each to its cheapest cells with room.
"""

from __future__ import annotations

import numpy as np

from market.domain.placement.certificate import NOTHING_FITS
from market.domain.placement.grouping import check_total
from market.domain.placement.problem import Flow, Ints, Problem

SOLVER = "greedy"


def place_greedily(problem: Problem, *, service_tokens: Ints | None) -> Flow:
    """A feasible flow; each party gets at most its service [Q] (None: whatever fits). Prices are unknown: 0 and -1.

    Raises SolverFailed only beyond 2^62 tokens.
    """
    check_total(problem.group_tokens)
    party_count = int(problem.group_party.max(initial=-1)) + 1
    left = np.full(party_count, 1 << 62) if service_tokens is None else service_tokens.copy()
    room = problem.capacity_tokens.copy()
    rows: list[tuple[Ints, Ints, Ints]] = []
    for groups in _least_flexible_first(problem):
        cells = _cells_of(problem, int(groups[0]))
        # A party has one group in a class, so that what is left to it counts once.
        wanted = np.minimum(problem.group_tokens[groups], left[problem.group_party[groups]])
        group, cell, tokens = _fill(wanted, room.reshape(-1), cells)
        np.subtract.at(left, problem.group_party[groups[group]], tokens)
        rows.append((groups[group], cell, tokens))
    return _flow(problem, rows)


def _least_flexible_first(problem: Problem) -> list[Ints]:
    """Groups of each class (profile and window), classes with the fewest eligible cells first."""
    columns = (problem.group_profile, problem.group_first_hour, problem.group_last_hour)
    order = np.lexsort((problem.group_party, *columns[::-1]))
    is_new = np.zeros(len(order), dtype=np.bool_)
    for column in columns:
        is_new |= np.diff(column[order], prepend=-2) != 0
    is_new |= np.diff(problem.group_party[order], prepend=-2) == 0
    classes = np.split(order, np.flatnonzero(is_new)[1:]) if len(order) else []
    sizes = np.where(problem.set_of_hour >= 0, problem.is_eligible.sum(axis=1)[problem.set_of_hour], 0)
    so_far = np.concatenate([np.zeros((len(sizes), 1), dtype=np.int64), np.cumsum(sizes, axis=1)], axis=1)
    first = np.array([each[0] for each in classes], dtype=np.int64)
    profile = problem.group_profile[first]
    choice = so_far[profile, problem.group_last_hour[first] + 1] - so_far[profile, problem.group_first_hour[first]]
    return [classes[index] for index in np.argsort(choice, kind="stable").tolist()]


def _cells_of(problem: Problem, group: int) -> Ints:
    """Cells (site x hours + hour) in which the group may run, cheapest first."""
    first, last = int(problem.group_first_hour[group]), int(problem.group_last_hour[group])
    sets = problem.set_of_hour[problem.group_profile[group], first : last + 1]
    hour, site = np.nonzero(problem.is_eligible[sets] & (sets >= 0)[:, None])
    hour += first
    order = np.argsort(problem.cost[site, hour], kind="stable")
    cells: Ints = site[order] * problem.capacity_tokens.shape[1] + hour[order]
    return cells


def _fill(wanted: Ints, room: Ints, cells: Ints) -> tuple[Ints, Ints, Ints]:
    """Lay what is wanted beside the room of the cells; takes it from `room`. Pieces (wanted index, cell, tokens)."""
    wanted_end, room_end = np.cumsum(wanted), np.cumsum(room[cells])
    total = min(int(wanted_end[-1]), int(room_end[-1]) if len(cells) else 0)
    ends = np.union1d(wanted_end, room_end)
    ends = np.append(ends[(ends > 0) & (ends < total)], total)[: None if total else 0]
    starts = np.concatenate([[0], ends])[: len(ends)]
    index = np.searchsorted(wanted_end, starts, side="right")
    cell = cells[np.searchsorted(room_end, starts, side="right")]
    np.subtract.at(room, cell, ends - starts)
    return index, cell, ends - starts


def _flow(problem: Problem, rows: list[tuple[Ints, Ints, Ints]]) -> Flow:
    hour_count = problem.capacity_tokens.shape[1]
    empty = np.zeros(0, dtype=np.int64)
    group, cell, tokens = (
        (np.concatenate([empty, *parts]) for parts in zip(*rows, strict=True)) if rows else (empty,) * 3
    )
    order = np.lexsort((cell // hour_count, cell % hour_count, group))
    group, cell, tokens = group[order], cell[order], tokens[order]
    load = np.zeros(problem.cost.size, dtype=np.int64)
    np.add.at(load, cell, tokens)
    objective = sum(each * cost for each, cost in zip(load.tolist(), problem.cost.reshape(-1).tolist(), strict=True))
    return Flow(
        group=group.astype(np.int32),
        site=(cell // hour_count).astype(np.int32),
        hour=(cell % hour_count).astype(np.int32),
        tokens=tokens,
        objective=objective,
        unserved_tokens=int(problem.group_tokens.sum()) - int(tokens.sum()),
        hour_price=np.zeros_like(problem.cost),
        group_price=np.full(len(problem.group_tokens), NOTHING_FITS),
        solver=SOLVER,
    )
