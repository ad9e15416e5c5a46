"""Room that a plan keeps for work that has not been asked for yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from market.domain.placement.columns import UNKNOWN, RequestColumns, RequestKind
from market.domain.placement.eligibility import Eligibility
from market.domain.placement.expected import ExpectedWork, expected_groups, keep_room
from market.domain.placement.green import place_green
from market.domain.placement.problem import Flow, Ints, Problem
from market.domain.policy import AllocationTerms
from market.services.passes.bounded import solve_bounded
from market.services.passes.gather import NOBODY

EXPECT_SECONDS = 30.0


def with_expected(columns: RequestColumns, work: ExpectedWork, *, policy_id: int) -> RequestColumns:
    """The columns with one row more for each expected kind, so that where it may run is worked out with theirs."""
    kinds = tuple(_kind(work, index, policy_id) for index in range(len(work.kinds)))
    count = len(kinds)
    if not count or not len(columns):
        return columns
    now_us, last_us = int(columns.created_us.max()), int(columns.latest_us.max())

    def more(name: str, value: int) -> Ints:
        column: Ints = getattr(columns, name)
        return np.concatenate([column, np.full(count, value, dtype=column.dtype)])

    return replace(
        columns,
        ids=np.concatenate([columns.ids, np.zeros((count, 16), dtype=np.uint8)]),
        tokens=more("tokens", 1),
        input_tokens=more("input_tokens", UNKNOWN),
        earliest_us=more("earliest_us", 0),
        latest_us=more("latest_us", last_us),
        created_us=more("created_us", now_us),
        price_cap_micro_usd=more("price_cap_micro_usd", UNKNOWN),
        may_split=np.concatenate([columns.may_split, np.zeros(count, dtype=np.bool_)]),
        budget=more("budget", 0).astype(np.int32),
        kind=np.concatenate([columns.kind, len(columns.kinds) + np.arange(count)]).astype(np.int32),
        kinds=(*columns.kinds, *kinds),
    )


def without_expected(eligibility: Eligibility, count: int) -> Eligibility:
    """The eligibility of the first `count` rows, and of the parties that ask for something only."""
    keys = eligibility.parties
    asking = [index for index, key in enumerate(keys) if key[2] != NOBODY]
    place = np.full(len(keys), -1, dtype=np.int32)
    place[asking] = np.arange(len(asking))
    return replace(
        eligibility,
        profile=eligibility.profile[:count],
        first_hour=eligibility.first_hour[:count],
        last_hour=eligibility.last_hour[:count],
        party=place[eligibility.party[:count]],
        can_be_served=eligibility.can_be_served[:count],
        parties=tuple(keys[index] for index in asking),
    )


def room_to_keep(
    problem: Problem,
    work: ExpectedWork,
    eligibility: Eligibility,
    terms: AllocationTerms,
    *,
    keep: Callable[[], object],
) -> Ints:
    """Tokens to keep free in each site and hour [S, T]. `eligibility` has the rows of `with_expected`.

    `keep` is called now and then while it is solved. Raises SolverFailed.
    """
    rows = eligibility.profile[len(eligibility.profile) - len(work.kinds) :]
    has_any = (eligibility.set_of_hour[rows] >= 0).any(axis=1)
    groups = expected_groups(
        work,
        profile_of_kind=np.where(has_any, rows, -1).astype(np.int32),
        interactive_factor=terms.reserve_interactive_factor,
        flexible_factor=terms.reserve_flexible_factor,
    )

    def place(extended: Problem) -> Flow:
        call = partial(place_green, extended, service_tokens=None, seconds=EXPECT_SECONDS)
        return solve_bounded(call, extended, seconds=EXPECT_SECONDS, meanwhile=keep)

    return keep_room(problem, groups, place)


def of_classes(work: ExpectedWork, classes: set[str]) -> ExpectedWork:
    """Only what competes with waiting work for room."""
    rows = [index for index, kind in enumerate(work.kinds) if kind.model_class in classes]
    return replace(work, kinds=tuple(work.kinds[index] for index in rows), tokens=work.tokens[rows])


def _kind(work: ExpectedWork, index: int, policy_id: int) -> RequestKind:
    kind = work.kinds[index]
    return RequestKind(
        policy_id=policy_id,
        purpose=NOBODY,
        origin=kind.origin_code,
        scored=kind.origin_code,
        model_class=kind.model_class,
        latency_class=kind.latency_class,
    )
