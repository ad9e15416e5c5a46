"""From tokens of groups back to whole requests.

In each group the requests stand in line by rank and the group's cells lie beside the line; a request goes whole to the
cell beside its middle. What that puts into a cell beyond its room is placed anew (`refit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from market.domain.placement.decompose import pair_off
from market.domain.placement.problem import Assignment, Flow, Indices, Ints, Problem, Requests
from market.domain.placement.refit import Pieces, Refit

HEADROOM_SHARE = 0.01
"""Share of each hour's room that the flow leaves free, so that whole requests find room beside it."""

NEXT_IN_LINE = 16
"""How many waiting requests of a group are tried where others found no room for all that their party may have."""


def hold_headroom(problem: Problem, requests: Requests | None = None) -> Problem:
    """The problem with HEADROOM_SHARE of an hour's room held back (whole tokens, rounded down).

    With requests only where that is room for the median one: less helps nobody, and a small deployment is used to the
    last token.
    """
    held = np.floor(problem.capacity_tokens * HEADROOM_SHARE).astype(np.int64)
    typical = np.median(requests.tokens) if requests is not None and len(requests.tokens) else 0
    return replace(problem, capacity_tokens=problem.capacity_tokens - np.where(held >= typical, held, 0))


def hand_back(problem: Problem, flow: Flow, requests: Requests) -> Assignment:
    """Who runs where: each request whole in one cell, in part, or not at all; split only where it may be.

    `problem` has the true room, which is never exceeded, and the groups of `flow`. Those first in line are served; the
    last one that a group's tokens reach gets what is left (a partial grant), and no party gets more than the flow
    gives it. `rank` is distinct within a group; equal ranks of different groups go by group.
    """
    line = _stand_in_line(problem, flow, requests)
    pieces = _beside_the_line(problem, flow, requests, line)
    stays = _stays(problem, requests, pieces)
    if not stays.all():
        refit = Refit(problem, flow, requests, pieces.part(stays))
        refit.place_again(pieces.part(~stays))
        refit.fill_up(_next_in_line(requests, line))
        pieces = refit.pieces()
    return _assignment(problem, flow, pieces)


@dataclass(frozen=True, slots=True)
class _Line:
    """Requests in the order of group and rank; where each begins among its group's tokens; what it gets."""

    order: Ints
    group: Indices
    start: Ints
    amount: Ints


def _stand_in_line(problem: Problem, flow: Flow, requests: Requests) -> _Line:
    order = np.lexsort((requests.rank, requests.group))
    group, tokens = requests.group[order], requests.tokens[order]
    end = np.cumsum(tokens)
    asked = np.zeros(len(problem.group_tokens) + 1, dtype=np.int64)
    np.add.at(asked, group + 1, tokens)
    start = end - tokens - np.cumsum(asked)[group]
    served = np.zeros(len(problem.group_tokens), dtype=np.int64)
    np.add.at(served, flow.group, flow.tokens)
    return _Line(order, group, start, np.clip(served[group] - start, 0, tokens))


def _beside_the_line(problem: Problem, flow: Flow, requests: Requests, line: _Line) -> Pieces:
    """Whole requests in the cell beside their middle; those that may be split in all cells beside them."""
    hour_count = problem.capacity_tokens.shape[1]
    by_group = np.argsort(flow.group, kind="stable")
    cell = (flow.site.astype(np.int64) * hour_count + flow.hour)[by_group]
    end = np.cumsum(flow.tokens[by_group])
    gets = np.flatnonzero(line.amount)
    # The line of what is given has the same total per group as the flow: both lie on one scale.
    given = line.amount[gets]
    middle = np.cumsum(given) - given + given // 2
    request = line.order[gets]
    whole = ~requests.may_split[request]
    pieces = Pieces(
        request=request[whole],
        cell=cell[np.searchsorted(end, middle[whole], side="right")],
        tokens=given[whole],
    )
    if whole.all():
        return pieces
    left, right, tokens = pair_off(given, flow.tokens[by_group])
    split = ~whole[left]
    return pieces.with_more(request[left[split]], cell[right[split]], tokens[split])


def _stays(problem: Problem, requests: Requests, pieces: Pieces) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which pieces fit: cells that are too full keep those of the lowest ranks, without what alone is too large."""
    room = problem.capacity_tokens.reshape(-1)
    stays = np.ones(len(pieces.tokens), dtype=np.bool_)
    crowded = np.flatnonzero((pieces.load(len(room)) > room)[pieces.cell])
    too_large = pieces.tokens[crowded] > room[pieces.cell[crowded]]
    stays[crowded[too_large]] = False
    rest = crowded[~too_large]
    request = pieces.request[rest]
    rest = rest[np.lexsort((requests.group[request], requests.rank[request], pieces.cell[rest]))]
    cell, tokens = pieces.cell[rest], pieces.tokens[rest]
    end = np.cumsum(tokens)
    is_first = np.diff(cell, prepend=-1) != 0
    before = np.maximum.accumulate(np.where(is_first, end - tokens, 0))
    stays[rest[end - before > room[cell]]] = False
    return stays


def _next_in_line(requests: Requests, line: _Line) -> Ints:
    """The first waiting requests of each group, by rank."""
    waiting = np.flatnonzero((line.amount == 0) & (requests.tokens[line.order] > 0))
    group = line.group[waiting]
    is_first = np.diff(group, prepend=-1) != 0
    position = np.arange(len(group))
    place = position - np.maximum.accumulate(np.where(is_first, position, 0))
    request = line.order[waiting[place < NEXT_IN_LINE]]
    return request[np.lexsort((requests.group[request], requests.rank[request]))]


def _assignment(problem: Problem, flow: Flow, pieces: Pieces) -> Assignment:
    hour_count = problem.capacity_tokens.shape[1]
    order = np.lexsort((pieces.cell, pieces.request))
    cell = pieces.cell[order]
    load = pieces.load(problem.capacity_tokens.size)
    used = np.flatnonzero(load)
    cost = problem.cost.reshape(-1)[used].tolist()
    total = sum(tokens * each for tokens, each in zip(load[used].tolist(), cost, strict=True))
    return Assignment(
        request=pieces.request[order].astype(np.int32),
        site=(cell // hour_count).astype(np.int32),
        hour=(cell % hour_count).astype(np.int32),
        tokens=pieces.tokens[order],
        rounded_cost=total - flow.objective,
    )
