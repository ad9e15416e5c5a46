"""Room kept for work that has not been asked for yet, learned from when and what was asked before.

Interactive work must run in its own hour and short flexible work soon after; a plan that fills the
clean hours with work in hand would push both into dirty ones, or out. What is expected is therefore
placed together with the work in hand, as if it had been asked for already, and the room it takes is
kept. Under scarcity expected interactive work goes first, then work in hand, then expected flexible
work: nobody who is waiting is held back for somebody who may come and can wait as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from market.domain.placement.problem import NO_SET, Flags, Floats, Flow, Indices, Ints, Problem

HOUR = timedelta(hours=1)
HOURS_OF_DAY = 24
HOURS_OF_WEEK = 168
QUARTERS = 4
HISTORY_HOURS = 4 * HOURS_OF_WEEK
"""How far back arrivals are looked at."""
LEAST_HOURS = 24
"""With fewer counted hours nothing is expected: it is unknown, and no room is kept."""
SHORT_WINDOW_HOURS = 6
"""Work that can wait longer is not expected: it can give way to whatever comes."""
DAY_COUNTS_AS = 1.0
"""The mean of an hour of day weighs as much as this many weeks of an hour of the week."""
MEAN_COUNTS_AS = 2.0
"""The mean of all hours weighs as much as this many days of an hour of day."""
IN_HAND, FLEXIBLE, INTERACTIVE = range(3)
COST_OF_NOWHERE = np.array([8, 2, 32], dtype=np.int64)
"""By rank as above: what leaving a token without room costs, in times of the dearest place. It says who goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalKind:
    """What arrivals are told apart by. `window_hours` 0: it must run in its own hour (interactive)."""

    model_class: str
    origin_code: str
    latency_class: str
    window_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Tokens asked for, by kind K and past hour N from `first_hour` (UTC) on, where somebody counted [N]."""

    first_hour: datetime
    kinds: tuple[ArrivalKind, ...]
    tokens: Floats
    is_counted: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedWork:
    """Tokens expected by kind K and hour T of a plan, and from how many past hours that is known."""

    kinds: tuple[ArrivalKind, ...]
    tokens: Floats
    hours_counted: int

    @property
    def is_known(self) -> bool:
        """Whether enough was counted to expect anything; if not, no room is kept, and the run says so."""
        return self.hours_counted >= LEAST_HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedGroups:
    """Groups of a `Problem` that nobody asked for yet [G]: profile, window, tokens, and whether they can wait."""

    profile: Indices
    first_hour: Indices
    last_hour: Indices
    tokens: Ints
    is_interactive: Flags


def expect(history: History, *, first_hour: datetime, hour_count: int, now: datetime) -> ExpectedWork:
    """What usually comes in each hour of a plan: the hour of the week drawn to that hour of day, that to the mean.

    Of an hour that has begun only the rest is still expected, in whole quarters: plans made in one quarter
    of an hour expect the same.
    """
    hours_counted = int(history.is_counted.sum())
    if hours_counted < LEAST_HOURS or not history.kinds:
        return ExpectedWork(kinds=(), tokens=np.zeros((0, hour_count)), hours_counted=hours_counted)
    tokens = history.tokens[:, history.is_counted]
    past = _hours_of_week(history.first_hour, len(history.is_counted))[history.is_counted]
    mean = tokens.mean(axis=1, keepdims=True)
    of_day = _drawn(tokens, past % HOURS_OF_DAY, HOURS_OF_DAY, np.repeat(mean, HOURS_OF_DAY, axis=1), MEAN_COUNTS_AS)
    of_week = _drawn(tokens, past, HOURS_OF_WEEK, np.tile(of_day, 7), DAY_COUNTS_AS)
    coming = of_week[:, _hours_of_week(first_hour, hour_count)]
    ends = np.array([(first_hour + (index + 1) * HOUR - now) / HOUR for index in range(hour_count)])
    rest = np.ceil(np.clip(ends, 0.0, 1.0) * QUARTERS) / QUARTERS
    return ExpectedWork(kinds=history.kinds, tokens=coming * rest, hours_counted=hours_counted)


def expected_groups(
    work: ExpectedWork, *, profile_of_kind: Indices, interactive_factor: float, flexible_factor: float
) -> ExpectedGroups:
    """Expected work as groups, kinds of one profile and window together.

    `profile_of_kind` [K]: the profile of the problem that such work may use, -1 for none.
    """
    hour_count = work.tokens.shape[1]
    windows = np.array([kind.window_hours for kind in work.kinds], dtype=np.int32)
    useful = np.flatnonzero((profile_of_kind >= 0) & (windows <= SHORT_WINDOW_HOURS))
    pairs, pair_of_kind = np.unique(
        np.stack([profile_of_kind[useful], windows[useful]], axis=1), axis=0, return_inverse=True
    )
    sums = np.zeros((len(pairs), hour_count))
    np.add.at(sums, pair_of_kind.reshape(-1), work.tokens[useful])
    sums *= np.where(pairs[:, 1] == 0, interactive_factor, flexible_factor)[:, None]
    tokens = np.ceil(sums).astype(np.int64)
    pair, hour = np.nonzero(tokens)
    return ExpectedGroups(
        profile=pairs[pair, 0].astype(np.int32),
        first_hour=hour.astype(np.int32),
        last_hour=np.minimum(hour + pairs[pair, 1], hour_count - 1).astype(np.int32),
        tokens=tokens[pair, hour],
        is_interactive=pairs[pair, 1] == 0,
    )


def keep_room(problem: Problem, expected: ExpectedGroups, place: Callable[[Problem], Flow]) -> Ints:
    """Tokens to keep free in each site and hour [S, T] for what is expected beside the work in hand.

    `place` serves the most tokens at least cost (`place_green`). Raises what it raises.
    """
    site_count, hour_count = problem.capacity_tokens.shape
    kept = np.zeros((site_count, hour_count), dtype=np.int64)
    if not len(expected.tokens):
        return kept
    flow = place(with_expected(problem, expected))
    is_kept = (flow.group >= len(problem.group_tokens)) & (flow.site < site_count)
    np.add.at(kept, (flow.site[is_kept], flow.hour[is_kept]), flow.tokens[is_kept])
    return kept


def with_expected(problem: Problem, expected: ExpectedGroups) -> Problem:
    """The problem with expected groups after its own, in two parties more, and three sites more.

    The three are nowhere: unlimited, dear, one for each rank, so that all tokens always find a place
    and the lowest rank is the first to go without. Each rank has its own copy of every eligible set and
    profile, with its own nowhere.
    """
    hour_count = problem.capacity_tokens.shape[1]
    everything = int(problem.group_tokens.sum()) + int(expected.tokens.sum())
    dearest = max(int(problem.cost.max(initial=0)), 1)
    rank = np.where(expected.is_interactive, INTERACTIVE, FLEXIBLE)
    party_count = int(problem.group_party.max(initial=-1)) + 1
    nowhere = np.ones((len(COST_OF_NOWHERE), hour_count), dtype=np.int64)
    return replace(
        problem,
        capacity_tokens=np.vstack([problem.capacity_tokens, nowhere * everything]),
        cost=np.vstack([problem.cost, nowhere * COST_OF_NOWHERE[:, None] * dearest]),
        is_eligible=_copied_sets(problem.is_eligible),
        set_of_hour=_copied_profiles(problem.set_of_hour, len(problem.is_eligible)),
        group_profile=_joined(problem.group_profile, expected.profile + rank * len(problem.set_of_hour)),
        group_first_hour=_joined(problem.group_first_hour, expected.first_hour),
        group_last_hour=_joined(problem.group_last_hour, expected.last_hour),
        group_party=_joined(problem.group_party, party_count + rank - FLEXIBLE),
        group_tokens=np.concatenate([problem.group_tokens, expected.tokens]),
    )


def _copied_sets(is_eligible: Flags) -> Flags:
    """Every eligible set [E, S] once for each rank, with that rank's nowhere: [3 E, S + 3]."""
    nowhere = np.repeat(np.eye(len(COST_OF_NOWHERE), dtype=np.bool_), len(is_eligible), axis=0)
    return np.hstack([np.tile(is_eligible, (len(COST_OF_NOWHERE), 1)), nowhere])


def _copied_profiles(set_of_hour: Indices, set_count: int) -> Indices:
    copies = [np.where(set_of_hour == NO_SET, NO_SET, set_of_hour + rank * set_count) for rank in range(3)]
    return np.vstack(copies).astype(np.int32)


def _joined(own: Indices, more: np.ndarray) -> Indices:
    joined: Indices = np.concatenate([own, more]).astype(np.int32)
    return joined


def _hours_of_week(first_hour: datetime, count: int) -> Ints:
    start = first_hour.weekday() * HOURS_OF_DAY + first_hour.hour
    hours: Ints = (start + np.arange(count, dtype=np.int64)) % HOURS_OF_WEEK
    return hours


def _drawn(tokens: Floats, bins: Ints, bin_count: int, towards: Floats, counts_as: float) -> Floats:
    """Means by bin [K, bins], drawn to `towards` the more the less often a bin was counted."""
    times = np.bincount(bins, minlength=bin_count)
    sums = np.zeros((bin_count, len(tokens)))
    np.add.at(sums, bins, tokens.T)
    drawn: Floats = (sums.T + counts_as * towards) / (times + counts_as)
    return drawn
