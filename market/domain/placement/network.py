"""The network of a problem: source > party > class > hub (eligible set, hour) > cell (site, hour) > sink.

A *class* is what groups with one profile and window share. Hubs keep the network small: a class has an arc per hour
instead of one per site and hour. Only arcs into the sink cost anything, so a token's cost is that of its cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.placement.grouping import check_total
from market.domain.placement.problem import Indices, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Arcs [A] and where each kind of them lies. Nodes count from 0: source, sink, parties, classes, hubs, cells.

    `party_arcs` [Q] source > party, capacity what it asks; `group_arcs` [G] party > class, in the order of the
    groups; `hour_arcs` class > hub; `site_arcs` hub > cell; `cell_arcs` [C] cell > sink, with the problem's capacity
    (cut to one more than all tokens) and cost. Arcs of each kind but the groups' are in ascending order of their tail.
    `first_party`, `first_class`, `first_cell`: where their nodes begin. `class_of_group` [G]; `cell_site`, `cell_hour`
    [C].
    """

    tail: Indices
    head: Indices
    capacity: Ints
    cost: Ints
    source: int
    sink: int
    node_count: int
    first_party: int
    first_class: int
    first_cell: int
    party_arcs: slice
    group_arcs: slice
    hour_arcs: slice
    site_arcs: slice
    cell_arcs: slice
    class_of_group: Indices
    cell_site: Indices
    cell_hour: Indices


@dataclass(frozen=True, slots=True)
class _Classes:
    profile: Indices
    first_hour: Indices
    last_hour: Indices
    tokens: Ints
    of_group: Indices


@dataclass(frozen=True, slots=True)
class _Arcs:
    """One kind of arcs; tail and head count from 0 within their kind of nodes."""

    tail: Indices
    head: Indices
    capacity: Ints
    tail_offset: int
    head_offset: int


def build_network(problem: Problem, *, party_count: int = 0) -> Network:
    """The network of all that is asked, with at least so many parties. Raises SolverFailed beyond 2^62 tokens."""
    check_total(problem.group_tokens)
    hour_count = problem.capacity_tokens.shape[1]
    classes = _classes(problem)
    class_of_arc, hub_of_arc, hub_key = _hours(problem, classes)
    hub_of_cell_arc, cell_of_arc, cell_key = _sites(problem, hub_key)
    if len(problem.group_party):
        party_count = max(party_count, int(problem.group_party.max()) + 1)
    asked = np.zeros(party_count, dtype=np.int64)
    np.add.at(asked, problem.group_party, problem.group_tokens)
    room = np.minimum(problem.capacity_tokens.reshape(-1)[cell_key], int(asked.sum()) + 1)
    starts = np.cumsum([0, 1, 1, party_count, len(classes.tokens), len(hub_key), len(cell_key)])
    source, sink, party, klass, hub, cell, node_count = (int(start) for start in starts)
    kinds = (
        _Arcs(_zeros(party_count), _range(party_count), asked, source, party),
        _Arcs(problem.group_party, classes.of_group, problem.group_tokens, party, klass),
        _Arcs(class_of_arc, hub_of_arc, classes.tokens[class_of_arc], klass, hub),
        _Arcs(hub_of_cell_arc, cell_of_arc, room[cell_of_arc], hub, cell),
        _Arcs(_range(len(cell_key)), _zeros(len(cell_key)), room, cell, sink),
    )
    ranges = _ranges(kinds)
    cost = np.zeros(ranges[-1].stop, dtype=np.int64)
    cost[ranges[-1]] = problem.cost.reshape(-1)[cell_key]
    return Network(
        tail=np.concatenate([kind.tail + np.int32(kind.tail_offset) for kind in kinds]),
        head=np.concatenate([kind.head + np.int32(kind.head_offset) for kind in kinds]),
        capacity=np.concatenate([kind.capacity for kind in kinds]),
        cost=cost,
        source=source,
        sink=sink,
        node_count=node_count,
        first_party=party,
        first_class=klass,
        first_cell=cell,
        party_arcs=ranges[0],
        group_arcs=ranges[1],
        hour_arcs=ranges[2],
        site_arcs=ranges[3],
        cell_arcs=ranges[4],
        class_of_group=classes.of_group,
        cell_site=(cell_key // hour_count).astype(np.int32),
        cell_hour=(cell_key % hour_count).astype(np.int32),
    )


def count_arcs_at_most(problem: Problem) -> int:
    """About how large the network is, without building it: hours of the groups, and sites of the hubs they lead to."""
    site_count, hour_count = problem.capacity_tokens.shape
    hours = int(np.maximum(problem.group_last_hour - problem.group_first_hour + 1, 0).sum(dtype=np.int64))
    arcs: int = hours + site_count * min(hours, len(problem.is_eligible) * hour_count)
    return arcs


def _classes(problem: Problem) -> _Classes:
    """Distinct (profile, window) of the groups."""
    hour_count = problem.capacity_tokens.shape[1]
    first = np.clip(problem.group_first_hour, 0, hour_count).astype(np.int64)
    last = np.clip(problem.group_last_hour, -1, hour_count - 1).astype(np.int64)
    key = (problem.group_profile * np.int64(hour_count + 1) + first) * (hour_count + 1) + last + 1
    distinct, of_group = np.unique(key, return_inverse=True)
    tokens = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(tokens, of_group, problem.group_tokens)
    rest, last = np.divmod(distinct, hour_count + 1)
    profile, first = np.divmod(rest, hour_count + 1)
    return _Classes(_small(profile), _small(first), _small(last - 1), tokens, _small(of_group))


def _hours(problem: Problem, classes: _Classes) -> tuple[Indices, Indices, Ints]:
    """Arcs class > hub for each hour of the window in which anything is eligible; the key of each hub."""
    hour_count = problem.capacity_tokens.shape[1]
    length = np.maximum(classes.last_hour.astype(np.int64) - classes.first_hour + 1, 0)
    tail = np.repeat(_range(len(length)), length)
    hour = np.arange(len(tail)) - np.repeat(np.cumsum(length) - length, length) + classes.first_hour[tail]
    eligible = problem.set_of_hour[classes.profile[tail], hour]
    used = eligible >= 0
    hub_key, head = _dense(
        eligible[used].astype(np.int64) * hour_count + hour[used], len(problem.is_eligible) * hour_count
    )
    return tail[used], head, hub_key


def _sites(problem: Problem, hub_key: Ints) -> tuple[Indices, Indices, Ints]:
    """Arcs hub > cell for each site of its set; the key (site x hours + hour) of each cell."""
    site_count, hour_count = problem.capacity_tokens.shape
    tail, site = np.nonzero(problem.is_eligible[hub_key // hour_count])
    cell_key, head = _dense(site * hour_count + hub_key[tail] % hour_count, site_count * hour_count)
    return _small(tail), head, cell_key


def _dense(keys: Ints, key_count: int) -> tuple[Ints, Indices]:
    """The keys that occur, ascending, and the position of each."""
    occurs = np.zeros(key_count, dtype=np.bool_)
    occurs[keys] = True
    position = np.cumsum(occurs, dtype=np.int32) - 1
    return np.flatnonzero(occurs), _small(position[keys])


def _ranges(kinds: tuple[_Arcs, ...]) -> list[slice]:
    ends = np.cumsum([len(kind.tail) for kind in kinds]).tolist()
    return [slice(end - len(kind.tail), end) for kind, end in zip(kinds, ends, strict=True)]


def _range(count: int) -> Indices:
    return np.arange(count, dtype=np.int32)


def _zeros(count: int) -> Indices:
    return np.zeros(count, dtype=np.int32)


def _small(values: Ints | Indices) -> Indices:
    return values.astype(np.int32)
