"""Whole requests that found their cell too full are placed anew, one by one: there are few of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.placement.problem import Flags, Flow, Indices, Ints, Problem, Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Tokens of requests in cells [K]; a cell is site x hours + hour."""

    request: Ints
    cell: Ints
    tokens: Ints

    def part(self, chosen: Flags) -> Pieces:
        """Those pieces."""
        return Pieces(request=self.request[chosen], cell=self.cell[chosen], tokens=self.tokens[chosen])

    def with_more(self, request: Ints | Indices, cell: Ints | Indices, tokens: Ints) -> Pieces:
        """These pieces and more."""
        return Pieces(
            request=np.concatenate([self.request, request]),
            cell=np.concatenate([self.cell, cell]),
            tokens=np.concatenate([self.tokens, tokens]),
        )

    def load(self, cell_count: int) -> Ints:
        """Tokens in each cell."""
        load = np.zeros(cell_count, dtype=np.int64)
        np.add.at(load, self.cell, self.tokens)
        return load


class Refit:
    """Room and service that are left beside `kept`, given away in order."""

    def __init__(self, problem: Problem, flow: Flow, requests: Requests, kept: Pieces) -> None:
        self._problem, self._flow, self._requests, self._kept = problem, flow, requests, kept
        self._room = problem.capacity_tokens.reshape(-1) - kept.load(problem.capacity_tokens.size)
        self._left = self._service_left()
        self._has_partial = self._partial_groups()
        self._cells: dict[tuple[int, int, int], Ints] = {}
        self._new: list[tuple[int, int, int]] = []

    def place_again(self, pieces: Pieces) -> None:
        """Each piece in the cheapest cell that has room for all of it; else, once in a group, what fits."""
        rank, group = self._requests.rank[pieces.request], self._requests.group[pieces.request]
        for index in np.lexsort((pieces.cell, group, rank)).tolist():
            self._place(int(pieces.request[index]), int(pieces.tokens[index]))

    def fill_up(self, waiting: Ints) -> None:
        """Give what could not be placed to those next in line, in this order, up to what their party may have."""
        party = self._problem.group_party[self._requests.group[waiting]]
        for request in waiting[self._left[party] > 0].tolist():
            left = int(self._left[self._problem.group_party[self._requests.group[request]]])
            if left > 0:
                self._place(request, min(left, int(self._requests.tokens[request])))

    def pieces(self) -> Pieces:
        """What was kept and what was placed; several pieces of a request in a cell are one."""
        if not self._new:
            return self._kept
        request, cell, tokens = np.array(self._new, dtype=np.int64).T
        pieces = self._kept.with_more(request, cell, tokens)
        cell_count = len(self._room)
        distinct, position = np.unique(pieces.request * cell_count + pieces.cell, return_inverse=True)
        sums = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(sums, position, pieces.tokens)
        return Pieces(request=distinct // cell_count, cell=distinct % cell_count, tokens=sums)

    def _place(self, request: int, tokens: int) -> None:
        group = int(self._requests.group[request])
        cells = self._cells_of(group)
        room = self._room[cells]
        if self._requests.may_split[request]:
            self._split(request, cells, np.diff(np.minimum(np.cumsum(room), tokens), prepend=0))
            return
        fits = np.flatnonzero(room >= tokens)
        is_whole = tokens == self._requests.tokens[request]
        if len(fits) and (is_whole or not self._has_partial[group]):
            self._put(request, int(cells[fits[0]]), tokens)
        elif len(room) and room.max() > 0 and not self._has_partial[group]:
            is_whole = False
            self._put(request, int(cells[room.argmax()]), int(room.max()))
        else:
            return
        self._has_partial[group] |= not is_whole

    def _split(self, request: int, cells: Ints, parts: Ints) -> None:
        for index in np.flatnonzero(parts).tolist():
            self._put(request, int(cells[index]), int(parts[index]))

    def _put(self, request: int, cell: int, tokens: int) -> None:
        self._new.append((request, cell, tokens))
        self._room[cell] -= tokens
        self._left[self._problem.group_party[self._requests.group[request]]] -= tokens

    def _cells_of(self, group: int) -> Ints:
        """Cells in which the group may run: cheapest first, counting what others would pay for the room."""
        problem = self._problem
        window = slice(max(int(problem.group_first_hour[group]), 0), int(problem.group_last_hour[group]) + 1)
        profile = int(problem.group_profile[group])
        key = (profile, window.start, window.stop)
        if key not in self._cells:
            sets = problem.set_of_hour[profile, window]
            hour, site = np.nonzero(problem.is_eligible[sets] & (sets >= 0)[:, None])
            hour += window.start
            cost = problem.cost[site, hour] + self._flow.hour_price[site, hour]
            self._cells[key] = (site * problem.capacity_tokens.shape[1] + hour)[np.argsort(cost, kind="stable")]
        return self._cells[key]

    def _service_left(self) -> Ints:
        party = self._problem.group_party
        left = np.zeros(int(party.max(initial=-1)) + 1, dtype=np.int64)
        np.add.at(left, party[self._flow.group], self._flow.tokens)
        np.subtract.at(left, party[self._requests.group[self._kept.request]], self._kept.tokens)
        return left

    def _partial_groups(self) -> Flags:
        """Groups that have a partial grant already, among requests that may not be split."""
        flags = np.zeros(len(self._problem.group_tokens), dtype=np.bool_)
        kept, requests = self._kept, self._requests
        is_partial = (kept.tokens < requests.tokens[kept.request]) & ~requests.may_split[kept.request]
        flags[requests.group[kept.request[is_partial]]] = True
        return flags
