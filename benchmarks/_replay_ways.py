"""The ways of placing work that `replay.py` compares. Each answers with where its tokens ran."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from _replay_world import HOUR, World

from market.domain.placement.expected import ExpectedGroups, History, expect, expected_groups, keep_room
from market.domain.placement.fairness import share_fairly
from market.domain.placement.green import place_green
from market.domain.placement.grouping import group_rows
from market.domain.placement.handback import hand_back, hold_headroom
from market.domain.placement.problem import Assignment, Floats, Flow, Indices, Ints, Parties, Problem, Requests

HORIZON_HOURS = 48
INTERACTIVE_FACTOR, FLEXIBLE_FACTOR = 1.6, 1.0
SOLVER_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Tokens of requests in sites and hours [K]; a request may have several rows. Seconds of processor time."""

    name: str
    request: Ints
    site: Ints
    hour: Ints
    tokens: Ints
    seconds: float


class _Ran:
    def __init__(self, name: str):
        self.name = name
        self.rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.started = time.process_time()

    def add(self, request: np.ndarray, site: np.ndarray, hour: np.ndarray, tokens: np.ndarray) -> None:
        self.rows.append((request, site, hour, tokens))

    def outcome(self) -> Outcome:
        request, site, hour, tokens = (
            np.concatenate(column).astype(np.int64) for column in zip(*self.rows, strict=True)
        )
        seconds = time.process_time() - self.started
        return Outcome(name=self.name, request=request, site=site, hour=hour, tokens=tokens, seconds=seconds)


def grams_of(world: World, outcome: Outcome) -> tuple[float, int]:
    """What was emitted, and the tokens that were missed.

    What was missed counts as run at home in its last hour, so that nobody saves by not serving.
    """
    ran = float((world.actual[outcome.site, outcome.hour] * outcome.tokens).sum())
    left = world.work.tokens.copy()
    np.subtract.at(left, outcome.request, outcome.tokens)
    missed = float((world.actual[world.work.home, world.work.last] * left).sum())
    return (ran + missed) / 1e9, int(left.sum())


def run_now_at_home(world: World) -> Outcome:
    """Everything at home as soon as there is room: interactive first, then what is due first."""
    return _at_once(world, "run now at home", lambda _: world.work.home)


def run_now_in_the_cleanest(world: World) -> Outcome:
    """Everything at once in the cleanest region within reach that has room, as it comes."""
    return _at_once(world, "cleanest now", lambda request: world.set_of_kind[world.work.kind[request]])


def _at_once(world: World, name: str, set_of: Callable[[Ints], Indices]) -> Outcome:
    work, ran = world.work, _Ran(name)
    waiting = np.zeros(0, dtype=np.int64)
    for hour in range(world.actual.shape[1]):
        waiting = np.concatenate([waiting, np.flatnonzero(work.slot == hour)])
        waiting = waiting[np.argsort(work.last[waiting], kind="stable")]
        sets = world.home_set[work.home[waiting]] if name == "run now at home" else set_of(waiting)
        placed = _serve(world, waiting, sets, world.capacity[:, hour].copy(), world.forecast[hour, :, 0])
        done = placed >= 0
        ran.add(waiting[done], placed[done], np.full(int(done.sum()), hour), work.tokens[waiting[done]])
        waiting = waiting[~done & (work.last[waiting] > hour)]
    return ran.outcome()


def _serve(world: World, requests: Ints, sets: Indices, room: Ints, cost: Floats) -> Ints:
    """One after the other whole in the cleanest site of its set with room; -1 where there is none. Changes `room`."""
    order = [np.flatnonzero(row)[np.argsort(cost[row], kind="stable")].tolist() for row in world.is_eligible]
    free = room.tolist()
    placed = []
    for which, tokens in zip(sets.tolist(), world.work.tokens[requests].tolist(), strict=True):
        chosen = next((site for site in order[which] if free[site] >= tokens), -1)
        placed.append(chosen)
        if chosen >= 0:
            free[chosen] -= tokens
    room[:] = free
    return np.array(placed, dtype=np.int64)


def wait_at_home(world: World) -> Outcome:
    """Interactive work at once at home; the rest at home in the hour forecast cleanest when it came, with room.

    Booked once, never again looked at; the same room is kept for expected interactive work as online.
    """
    work, ran = world.work, _Ran("wait at home")
    hours = world.actual.shape[1]
    free = world.capacity.copy()
    is_now = work.last == work.slot
    for hour in range(hours):
        kept = _expected_at_home(world, hour)
        came = np.flatnonzero((work.slot == hour) & ~is_now)
        for request in came.tolist():
            home, last, tokens = int(work.home[request]), int(work.last[request]), int(work.tokens[request])
            window = np.arange(hour, last + 1)
            room = free[home, window] - kept[home, window - hour]
            window = window[room >= tokens] if (room >= tokens).any() else window[free[home, window] >= tokens]
            if len(window):
                chosen = window[np.argmin(world.forecast[hour, home, window - hour])]
                free[home, chosen] -= tokens
                ran.add(*(np.array([value]) for value in (request, home, chosen, tokens)))
        now = np.flatnonzero((work.slot == hour) & is_now)
        placed = _serve(world, now, world.home_set[work.home[now]], free[:, hour], world.forecast[hour, :, 0])
        done = placed >= 0
        ran.add(now[done], placed[done], np.full(int(done.sum()), hour), work.tokens[now[done]])
    return ran.outcome()


def _expected_at_home(world: World, hour: int) -> Ints:
    expected = expect(_history(world, hour), first_hour=_at(world, hour), hour_count=49, now=_at(world, hour))
    kept = np.zeros((len(world.sites), 49))
    homes = {site: index for index, site in enumerate(world.sites)}
    for kind, tokens in zip(expected.kinds, expected.tokens, strict=True):
        if kind.window_hours == 0:
            kept[homes[kind.origin_code]] += INTERACTIVE_FACTOR * tokens
    return kept.astype(np.int64)


def offline_optimum(world: World) -> Outcome:
    """All known beforehand, arrivals and grids; requests may be split. Nobody can do better."""
    work, ran = world.work, _Ran("offline optimum")
    problem, group_of = _problem(world, np.arange(len(work.slot)), 0, world.actual, world.capacity)
    flow = place_green(problem, service_tokens=None, seconds=SOLVER_SECONDS)
    return _shared_out(work.tokens, group_of, flow, ran)


def _shared_out(tokens: Ints, group_of: Indices, flow: Flow, ran: _Ran) -> Outcome:
    """Parts of a flow given to the requests of each group, one after the other."""
    by_group = np.argsort(group_of, kind="stable")
    ends = np.cumsum(tokens[by_group])
    flow_order = np.argsort(flow.group, kind="stable")
    served = np.bincount(flow.group, weights=flow.tokens, minlength=int(group_of.max()) + 1)
    asked = np.bincount(group_of, weights=tokens, minlength=len(served))
    base = np.concatenate([[0], np.cumsum(asked)[:-1]])
    before = np.cumsum(flow.tokens[flow_order]) - flow.tokens[flow_order]
    before -= np.concatenate([[0], np.cumsum(served)[:-1]])[flow.group[flow_order]].astype(np.int64)
    starts = base[flow.group[flow_order]].astype(np.int64) + before
    edges = np.unique(np.concatenate([starts, starts + flow.tokens[flow_order], ends, [0]]))
    row_of = np.searchsorted(starts, edges[:-1], side="right") - 1
    inside = edges[:-1] < (starts + flow.tokens[flow_order])[row_of]
    request = by_group[np.searchsorted(ends, edges[:-1], side="right").clip(max=len(ends) - 1)]
    rows = flow_order[row_of]
    ran.add(request[inside], flow.site[rows][inside], flow.hour[rows][inside], np.diff(edges)[inside])
    return ran.outcome()


def _problem(world: World, requests: Ints, hour: int, cost: Floats, capacity: Ints) -> tuple[Problem, Indices]:
    """Requests that wait at `hour` as a problem whose hours count from there, and the group of each."""
    work = world.work
    groups, group_of = group_rows(
        profile=world.set_of_kind[work.kind[requests]],
        first_hour=np.maximum(work.slot[requests] - hour, 0).astype(np.int32),
        last_hour=np.minimum(work.last[requests] - hour, capacity.shape[1] - 1).astype(np.int32),
        party=work.home[requests],
        tokens=work.tokens[requests],
    )
    sets = np.arange(len(world.is_eligible), dtype=np.int32)
    problem = Problem(
        capacity_tokens=capacity,
        cost=np.rint(cost).astype(np.int64),
        is_eligible=world.is_eligible,
        set_of_hour=np.repeat(sets[:, None], capacity.shape[1], axis=1),
        group_profile=groups.profile,
        group_first_hour=groups.first_hour,
        group_last_hour=groups.last_hour,
        group_party=groups.party,
        group_tokens=groups.tokens,
    )
    return problem, group_of


def online(world: World, *, with_expected: bool = True, progress: Callable[[], None] = lambda: None) -> Outcome:
    """What the program does: every hour all that has not begun is planned anew, as the allocation pass does.

    The pass runs at the end of an hour. What it puts into that hour uses what the hour's interactive work
    left; what it puts into the next hour is taken up when that begins, and interactive work then goes at
    once where it is cleanest with room left.
    """
    work, ran = world.work, _Ran("online" if with_expected else "no room kept")
    hours = world.actual.shape[1]
    is_now = work.last == work.slot
    free = world.capacity.copy()
    waiting = np.zeros(0, dtype=np.int64)
    for hour in range(hours):
        progress()
        now = np.flatnonzero((work.slot == hour) & is_now)
        sites = _serve(world, now, world.set_of_kind[work.kind[now]], free[:, hour], world.forecast[hour, :, 0])
        done = sites >= 0
        ran.add(now[done], sites[done], np.full(int(done.sum()), hour), work.tokens[now[done]])
        waiting = np.concatenate([waiting, np.flatnonzero((work.slot == hour) & ~is_now)])
        plan = _plan(world, waiting, hour, free[:, hour : hour + HORIZON_HOURS], with_expected=with_expected)
        begins = plan.hour <= 1
        rows = (waiting[plan.request[begins]], plan.site[begins], hour + plan.hour[begins], plan.tokens[begins])
        ran.add(*rows)
        np.subtract.at(free, (rows[1], rows[2]), rows[3])
        is_waiting = work.last[waiting] > hour
        is_waiting[plan.request[begins]] = False
        waiting = waiting[is_waiting]
    return ran.outcome()


def _plan(world: World, waiting: Ints, hour: int, room: Ints, *, with_expected: bool) -> Assignment:
    """One pass at the end of an hour: where each waiting request goes, hours counted from this one."""
    count = room.shape[1]
    problem, group_of = _problem(world, waiting, hour, world.forecast[hour][:, :count], room)
    if with_expected:
        problem = replace(problem, capacity_tokens=room - keep_room(problem, _expected(world, hour, count), _most))
    requests = Requests(
        group=group_of,
        tokens=world.work.tokens[waiting],
        rank=np.argsort(np.argsort(world.work.last[waiting], kind="stable")).astype(np.int64),
        may_split=np.zeros(len(waiting), dtype=np.bool_),
    )
    flowing = hold_headroom(problem)
    fair = share_fairly(flowing, _equal_parties(len(world.sites)), seconds=SOLVER_SECONDS)
    flow = place_green(flowing, service_tokens=fair.service_tokens, seconds=SOLVER_SECONDS)
    return hand_back(problem, flow, requests)


def _equal_parties(count: int) -> Parties:
    """Every origin counts the same, and nobody has a floor."""
    return Parties(weight=np.ones(count), floor_tokens=np.zeros(count))


def _most(problem: Problem) -> Flow:
    return place_green(problem, service_tokens=None, seconds=SOLVER_SECONDS)


def _expected(world: World, hour: int, count: int) -> ExpectedGroups:
    at = _at(world, hour)
    expected = expect(_history(world, hour), first_hour=at, hour_count=count, now=at + HOUR)
    return expected_groups(
        expected,
        profile_of_kind=world.set_of_kind,
        interactive_factor=INTERACTIVE_FACTOR,
        flexible_factor=FLEXIBLE_FACTOR,
    )


def _history(world: World, hour: int) -> History:
    """The week before and the hours of this week that are over, as the program counts them."""
    work, before = world.work, world.before
    over = np.flatnonzero(work.slot < hour)
    tokens = np.zeros((len(world.kinds), hour))
    np.add.at(tokens, (work.kind[over], work.slot[over]), work.tokens[over])
    tokens[[kind.window_hours > 6 for kind in world.kinds]] = 0.0
    return replace(
        before,
        tokens=np.hstack([before.tokens, tokens]),
        is_counted=np.ones(before.tokens.shape[1] + hour, dtype=np.bool_),
    )


def _at(world: World, hour: int) -> datetime:
    return world.first_hour + hour * HOUR
