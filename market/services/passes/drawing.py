"""A plan as it is drawn: which requests are placed where, what that takes, and who is left out and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from market.domain.placement.eligibility import Eligibility, RequestColumns
from market.domain.placement.figures import Figures, Placed
from market.domain.placement.plan import PlacementVerdict, WaitingReason
from market.domain.placement.problem import Flags, Indices, Ints
from market.domain.placement.promised import Columns
from market.services.passes.rows import ROW, Rows

NOWHERE = -1


@dataclass(slots=True, kw_only=True)
class Drawing:
    """Requests N and placements K, those of the weightiest requests first, all parts of one in a row.

    `amounts` [unit][K]: what each placement takes of budgets. `rank` [N]: who goes first. `reason` [N]
    (WaitingReason). `is_out` [N]: not placed, whatever `placed` says: left out since it was drawn; `is_gone` [N]
    because it was withdrawn or taken up meanwhile, so that it does not wait either.
    """

    columns: RequestColumns
    eligibility: Eligibility
    rank: Ints
    placed: Placed
    figures: Figures
    amounts: Columns
    reason: NDArray[np.int16]
    is_out: Flags
    is_gone: Flags

    @property
    def in_force(self) -> Flags:
        """Which placements count [K]."""
        still: Flags = ~self.is_out[self.placed.request]
        return still

    def leave_out(self, requests: Ints | Indices, reason: WaitingReason) -> None:
        """Take these requests out of the plan, with all their parts."""
        self.is_out[requests] = True
        self.reason[requests] = reason

    def tokens_of_requests(self) -> Ints:
        """What each request gets [N]."""
        tokens = np.zeros(len(self.columns), dtype=np.int64)
        counts = self.in_force
        np.add.at(tokens, self.placed.request[counts], self.placed.tokens[counts])
        return tokens

    def tokens_of_cells(self, shape: tuple[int, int]) -> Ints:
        """What is planned in each site and hour [S, T]."""
        tokens = np.zeros(shape, dtype=np.int64)
        counts = self.in_force
        np.add.at(tokens, (self.placed.site[counts], self.placed.hour[counts]), self.placed.tokens[counts])
        return tokens

    def drawn_tokens_of_cells(self, shape: tuple[int, int]) -> Ints:
        """The same with all that was placed, left out since or not: what the room was seen to be when it was placed."""
        tokens = np.zeros(shape, dtype=np.int64)
        np.add.at(tokens, (self.placed.site, self.placed.hour), self.placed.tokens)
        return tokens

    def amounts_of_requests(self) -> Columns:
        """What each request takes of its budget [unit][N], whether it is out or not."""
        sums = tuple(np.zeros(len(self.columns), dtype=np.int64) for _ in self.amounts)
        for total, amounts in zip(sums, self.amounts, strict=True):
            np.add.at(total, self.placed.request, amounts)
        return sums[0], sums[1], sums[2], sums[3]


def rows_of(drawing: Drawing) -> Rows:
    """The rows of a plan: one for each part of what is placed, one for each request that waits."""
    counts, tokens = drawing.in_force, drawing.tokens_of_requests()
    waiting = np.flatnonzero(tokens == 0)
    placed = np.flatnonzero(counts)
    rows = np.zeros(len(waiting) + len(placed), dtype=ROW)
    _fill_waiting(rows[: len(waiting)], drawing, waiting)
    _fill_placed(rows[len(waiting) :], drawing, placed, tokens)
    return rows


def _fill_waiting(rows: Rows, drawing: Drawing, waiting: Ints) -> None:
    rows["request_id"] = _ids(drawing.columns, waiting)
    rows["verdict"] = PlacementVerdict.WAITING
    rows["reason"] = drawing.reason[waiting]
    rows["site"] = rows["hour"] = NOWHERE
    rows["party"] = drawing.eligibility.party[waiting]


def _fill_placed(rows: Rows, drawing: Drawing, placed: Ints, tokens: Ints) -> None:
    request = drawing.placed.request[placed]
    is_whole = tokens[request] >= drawing.columns.tokens[request]
    rows["request_id"] = _ids(drawing.columns, request)
    rows["part"] = _parts(request)
    rows["verdict"] = np.where(is_whole, PlacementVerdict.GRANTED, PlacementVerdict.PARTIAL)
    rows["reason"] = drawing.reason[request]
    rows["party"] = drawing.eligibility.party[request]
    for name in ("site", "hour", "tokens"):
        rows[name] = getattr(drawing.placed, name)[placed]
    for name in Figures.__dataclass_fields__:
        rows[name] = getattr(drawing.figures, name)[placed]


def _ids(columns: RequestColumns, index: Ints | Indices) -> NDArray[np.void]:
    ids: NDArray[np.void] = np.ascontiguousarray(columns.ids[index]).view("V16").reshape(-1)
    return ids


def _parts(request: Indices) -> Ints:
    """0, 1, 2 ... within each run of one request."""
    place = np.arange(len(request))
    begins = np.ones(len(request), dtype=np.bool_)
    begins[1:] = request[1:] != request[:-1]
    parts: Ints = place - np.maximum.accumulate(np.where(begins, place, 0)) if len(request) else place
    return parts
