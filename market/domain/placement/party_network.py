"""The flow network of the fair step: parties > groups > runs of hours > hubs > cells, without costs.

Small on purpose. Windows are not spread hour by hour: a run of 2^k hours is a node above its two
halves, and a window is covered by two such runs (they may overlap: nothing is counted inside).
Runs that lead to the same hubs are one node, groups of a party with the same hours one arc.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ortools.graph.python import max_flow

from market.domain.placement.problem import NO_SET, Flags, Ints, Problem, SolverFailed

SOURCE, SINK = 0, 1
NOTHING = -1
UNLIMITED = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyNetwork:
    """Arcs [A] with whole capacities (UNLIMITED: none) and the parties [Q'] of this part.

    What a party gets enters at `party_node`. `cell` [nodes] is site * hours + hour, NOTHING for
    other nodes. Arcs out of the source carry what settled parties send through this part.
    """

    tail: Ints
    head: Ints
    capacity: Ints
    cell: Ints
    party: Ints
    party_node: Ints

    @property
    def passing_tokens(self) -> int:
        """What settled parties send in; it must all arrive."""
        return int(self.capacity[self.tail == SOURCE].sum())

    @property
    def exit_tokens(self) -> int:
        """Capacity of all arcs to the sink."""
        return int(self.capacity[self.head == SINK].sum())


@dataclass(frozen=True, slots=True)
class _Arcs:
    tail: Ints
    head: Ints
    capacity: Ints


def build_party_network(problem: Problem, *, party_count: int) -> PartyNetwork:
    """The network of a whole problem. Groups with no hour they may use, and cells without room, are left out."""
    cells = problem.capacity_tokens.size
    hub_arcs = _hubs(problem, first_hub=2 + cells)
    run_levels, run_arcs = _runs(problem, first_hub=2 + cells)
    next_node = 2 + cells + problem.is_eligible.shape[0] * problem.capacity_tokens.shape[1] + len(run_arcs.tail) // 2
    group_arcs, parties = _groups(problem, run_levels, next_node, party_count)
    room = problem.capacity_tokens.ravel()
    open_cells = np.flatnonzero(room > 0)
    exits = _Arcs(open_cells + 2, np.full(len(open_cells), SINK), room[open_cells])
    arcs = _joined(group_arcs, _below(group_arcs.head, run_arcs, hub_arcs), exits)
    nodes = int(max(arcs.tail.max(initial=1), parties.max(initial=1))) + 1
    cell = np.full(nodes, NOTHING, dtype=np.int64)
    cell[2 : 2 + cells] = np.arange(cells)
    whole = PartyNetwork(
        tail=arcs.tail,
        head=arcs.head,
        capacity=arcs.capacity,
        cell=cell,
        party=np.arange(len(parties)),
        party_node=parties,
    )
    is_used = np.zeros(nodes, dtype=np.bool_)
    is_used[arcs.tail] = is_used[arcs.head] = is_used[parties] = True
    is_used[[SOURCE, SINK]] = True
    return _relabelled(whole, is_used)


def find_cut(network: PartyNetwork, supply: Ints, scale: int) -> Flags | None:
    """None if the parties' supply [Q'] all arrives, else the nodes on the source's side of the least cut.

    Supply is in 1/`scale` tokens; the network's capacities are tokens.
    """
    wanted = int(supply.sum()) + network.passing_tokens * scale
    is_open = network.capacity <= wanted // scale
    solver = max_flow.SimpleMaxFlow()
    solver.add_arcs_with_capacity(
        np.concatenate([network.tail, np.full(len(supply), SOURCE)]).astype(np.int32),
        np.concatenate([network.head, network.party_node]).astype(np.int32),
        np.concatenate([np.where(is_open, network.capacity * is_open * scale, wanted), supply]),
    )
    if wanted and solver.solve(SOURCE, SINK) != solver.OPTIMAL:
        raise SolverFailed("The solver found no greatest flow for the fair step.")
    if not wanted or solver.optimal_flow() == wanted:
        return None
    source_side = np.zeros(len(network.cell), dtype=np.bool_)
    source_side[solver.get_source_side_min_cut()] = True
    return source_side


def held_part(network: PartyNetwork, source_side: Flags) -> PartyNetwork:
    """The part behind a cut on its own: what crosses the cut leaves."""
    is_inside = source_side[network.tail]
    head = network.head[is_inside]
    return _part(
        network,
        source_side,
        _Arcs(network.tail[is_inside], np.where(source_side[head], head, SINK), network.capacity[is_inside]),
    )


def free_part(network: PartyNetwork, source_side: Flags) -> PartyNetwork:
    """The part before a cut, once what crosses it is settled: that much comes in."""
    is_inside = ~source_side[network.head]
    tail, head = network.tail[is_inside], network.head[is_inside]
    tail = np.where(source_side[tail], SOURCE, tail)
    stays = (tail != SOURCE) | (head != SINK)
    return _part(network, ~source_side, _Arcs(tail[stays], head[stays], network.capacity[is_inside][stays]))


def _part(network: PartyNetwork, is_inside: Flags, arcs: _Arcs) -> PartyNetwork:
    is_kept = is_inside.copy()
    is_kept[[SOURCE, SINK]] = True
    own = is_inside[network.party_node]
    part = PartyNetwork(
        tail=arcs.tail,
        head=arcs.head,
        capacity=arcs.capacity,
        cell=network.cell,
        party=network.party[own],
        party_node=network.party_node[own],
    )
    return _relabelled(part, is_kept)


def _relabelled(network: PartyNetwork, is_kept: Flags) -> PartyNetwork:
    """The same with only these nodes, and parallel arcs to the sink or from the source as one."""
    to = np.cumsum(is_kept) - 1
    arcs = _merged(_Arcs(to[network.tail], to[network.head], network.capacity))
    return PartyNetwork(
        tail=arcs.tail,
        head=arcs.head,
        capacity=arcs.capacity,
        cell=network.cell[is_kept],
        party=network.party,
        party_node=to[network.party_node],
    )


def _merged(arcs: _Arcs) -> _Arcs:
    is_end = (arcs.tail == SOURCE) | (arcs.head == SINK)
    inner = _Arcs(arcs.tail[~is_end], arcs.head[~is_end], arcs.capacity[~is_end])
    nodes = int(max(arcs.tail.max(initial=0), arcs.head.max(initial=0))) + 1
    keys, which = np.unique(arcs.tail[is_end] * nodes + arcs.head[is_end], return_inverse=True)
    capacity = np.zeros(len(keys), dtype=np.int64)
    np.add.at(capacity, which, arcs.capacity[is_end])
    return _joined(inner, _Arcs(keys // nodes, keys % nodes, capacity))


def _joined(*parts: _Arcs) -> _Arcs:
    return _Arcs(
        np.concatenate([each.tail for each in parts]),
        np.concatenate([each.head for each in parts]),
        np.concatenate([each.capacity for each in parts]),
    )


def _unlimited(tail: Ints, head: Ints) -> _Arcs:
    return _Arcs(tail, head, np.full(len(tail), UNLIMITED))


def _hubs(problem: Problem, first_hub: int) -> _Arcs:
    """From each hub (eligible set, hour) to its cells that have room."""
    hours = problem.capacity_tokens.shape[1]
    chosen, site = np.nonzero(problem.is_eligible)
    hour = np.tile(np.arange(hours), len(chosen))
    chosen, site = np.repeat(chosen, hours), np.repeat(site, hours)
    has_room = problem.capacity_tokens[site, hour] > 0
    tail, head = first_hub + chosen * hours + hour, 2 + site * hours + hour
    return _unlimited(tail[has_room], head[has_room])


def _runs(problem: Problem, first_hub: int) -> tuple[list[Ints], _Arcs]:
    """For each k the nodes of runs of 2^k hours, by profile and first hour [P, T + 1 - 2^k]; and the arcs to halves."""
    hours = problem.capacity_tokens.shape[1]
    sets = problem.set_of_hour.astype(np.int64)
    level = np.where(sets == NO_SET, NOTHING, first_hub + sets * hours + np.arange(hours))
    levels, arcs, length = [level], [], 1
    next_node = first_hub + problem.is_eligible.shape[0] * hours
    while 2 * length <= hours:
        left, right = level[:, : hours + 1 - 2 * length], level[:, length:]
        level = np.where(left == NOTHING, right, left)
        is_pair = (left != NOTHING) & (right != NOTHING)
        keys, which = np.unique(left[is_pair] << 32 | right[is_pair], return_inverse=True)
        level[is_pair] = next_node + which
        node = np.arange(next_node, next_node + len(keys))
        arcs.append(_unlimited(np.repeat(node, 2), np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1).ravel()))
        levels.append(level)
        next_node, length = next_node + len(keys), 2 * length
    return levels, _joined(_unlimited(*np.empty((2, 0), dtype=np.int64)), *arcs)


def _groups(problem: Problem, run_levels: list[Ints], next_node: int, party_count: int) -> tuple[_Arcs, Ints]:
    """Arcs from parties by way of their hours to runs, and the nodes of the parties, numbered from `next_node`."""
    runs, party, tokens = _covering_runs(problem, run_levels)
    covers, which = np.unique(runs, return_inverse=True)
    first, second = covers >> 32, covers & 0xFFFFFFFF
    is_single = first == second
    cover_node = np.where(is_single, first, next_node + np.cumsum(~is_single) - 1)
    first_party = next_node + int((~is_single).sum())
    keys, merged = np.unique(party << 32 | which, return_inverse=True)
    total = np.zeros(len(keys), dtype=np.int64)
    np.add.at(total, merged, tokens)
    own = _Arcs(first_party + (keys >> 32), cover_node[keys & 0xFFFFFFFF], total)
    double = np.tile(cover_node[~is_single], 2)
    below = _unlimited(double, np.concatenate([first[~is_single], second[~is_single]]))
    return _joined(own, below), first_party + np.arange(party_count)


def _covering_runs(problem: Problem, run_levels: list[Ints]) -> tuple[Ints, Ints, Ints]:
    """Of each group that has an hour: the two runs that cover its window as one key, its party and tokens."""
    first = np.maximum(problem.group_first_hour, 0)
    last = np.minimum(problem.group_last_hour, problem.capacity_tokens.shape[1] - 1)
    group = np.flatnonzero((problem.group_tokens > 0) & (first <= last))
    first, last = first[group], last[group]
    length = (last - first + 1).astype(np.int64)
    left, right = np.full((2, len(group)), NOTHING, dtype=np.int64)
    for power, level in enumerate(run_levels):
        at = np.flatnonzero((length >= 1 << power) & (length < 2 << power))
        profile = problem.group_profile[group[at]]
        left[at], right[at] = level[profile, first[at]], level[profile, last[at] + 1 - (1 << power)]
    left, right = np.where(left == NOTHING, right, left), np.where(right == NOTHING, left, right)
    has_hours = left != NOTHING
    group, left, right = group[has_hours], left[has_hours], right[has_hours]
    key = np.minimum(left, right) << 32 | np.maximum(left, right)
    return key, problem.group_party[group].astype(np.int64), problem.group_tokens[group]


def _below(entered: Ints, run_arcs: _Arcs, hub_arcs: _Arcs) -> _Arcs:
    """Only the arcs that lead on from nodes that are entered. Halves of a run come before it."""
    nodes = int(max(run_arcs.tail.max(initial=0), hub_arcs.tail.max(initial=0), entered.max(initial=0))) + 1
    is_entered = np.zeros(nodes, dtype=np.bool_)
    is_entered[entered] = True
    for at in range(len(run_arcs.tail) - 2, -1, -2):
        if is_entered[run_arcs.tail[at]]:
            is_entered[run_arcs.head[at : at + 2]] = True
    kept = [
        _Arcs(each.tail[is_entered[each.tail]], each.head[is_entered[each.tail]], each.capacity[is_entered[each.tail]])
        for each in (run_arcs, hub_arcs)
    ]
    return _joined(*kept)
