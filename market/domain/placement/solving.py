"""A network solved by OR-tools, after what needs no solver is taken out of it.

Cost scaling (Goldberg 1997), exact in integers. Most arcs of a network are those of groups, and few are in question: if
anybody may be served, the groups of a class are alike; with services given, a party served in full has no choice.
"""

from __future__ import annotations

import numpy as np
from ortools.graph.python import min_cost_flow

from market.domain.placement.network import Network
from market.domain.placement.problem import Ints, SolverFailed


def solve_most(network: Network) -> Ints:
    """Tokens on each arc [A]: the cheapest flow of all that serve most. Raises SolverFailed."""
    supply = np.zeros(network.node_count, dtype=np.int64)
    np.add.at(supply, network.head[network.group_arcs], network.capacity[network.group_arcs])
    arcs = np.arange(network.hour_arcs.start, len(network.tail))
    flow = np.zeros(len(network.tail), dtype=np.int64)
    flow[arcs] = _solve(network, arcs, supply, serves_all=False)
    flow[network.group_arcs] = _in_turn(network, flow)
    return _with_parties(network, flow)


def solve_service(network: Network, service_tokens: Ints) -> Ints:
    """Tokens on each arc [A]: the cheapest flow that gives each party its service [Q]. Raises SolverFailed."""
    asked = network.capacity[network.party_arcs]
    if ((service_tokens < 0) | (service_tokens > asked)).any():
        raise SolverFailed("A party's service is below 0 or above what it asks.")
    is_full = service_tokens == asked
    is_open = ~is_full & (service_tokens > 0)
    party = network.tail[network.group_arcs] - network.first_party
    flow = np.zeros(len(network.tail), dtype=np.int64)
    flow[network.group_arcs] = np.where(is_full[party], network.capacity[network.group_arcs], 0)
    supply = np.zeros(network.node_count, dtype=np.int64)
    np.add.at(supply, network.head[network.group_arcs], flow[network.group_arcs])
    supply[network.head[network.party_arcs][is_open]] = service_tokens[is_open]
    open_groups = np.flatnonzero(is_open[party]) + network.group_arcs.start
    arcs = np.concatenate([open_groups, np.arange(network.hour_arcs.start, len(network.tail))])
    flow[arcs] = _solve(network, arcs, supply, serves_all=True)
    return _with_parties(network, flow)


def _solve(network: Network, arcs: Ints, supply: Ints, *, serves_all: bool) -> Ints:
    """Tokens on the given arcs; `supply` by node, all of it bound for the sink."""
    supply[network.sink] = -supply.sum()
    if supply[network.sink] == 0:
        return np.zeros(len(arcs), dtype=np.int64)
    # Only arcs into the sink cost anything, so tokens only ever move from one cell to another: which of two cells costs
    # less decides, and not by how much. Places in that order are smaller numbers, and those are settled sooner.
    cost = np.zeros_like(network.cost)
    cost[network.cell_arcs] = np.unique(network.cost[network.cell_arcs], return_inverse=True)[1]
    nodes = np.flatnonzero(supply).astype(np.int32)
    solver = min_cost_flow.SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(
        network.tail[arcs], network.head[arcs], network.capacity[arcs], cost[arcs]
    )
    solver.set_nodes_supplies(nodes, supply[nodes])
    status = solver.solve() if serves_all else solver.solve_max_flow_with_min_cost()
    if status != solver.OPTIMAL:
        raise SolverFailed(f"The solver found no least cost: {status.name}.")
    flows: Ints = solver.flows(np.arange(len(arcs), dtype=np.int32))
    return flows


def _in_turn(network: Network, flow: Ints) -> Ints:
    """Tokens of each group [G] where its class is not served in full: one group after the other."""
    served = np.zeros(network.node_count, dtype=np.int64)
    np.add.at(served, network.tail[network.hour_arcs], flow[network.hour_arcs])
    order = np.argsort(network.class_of_group, kind="stable")
    klass = network.class_of_group[order]
    asked = network.capacity[network.group_arcs][order]
    end = np.cumsum(asked)
    is_first = np.diff(klass, prepend=-1) != 0
    before = end - asked - np.maximum.accumulate(np.where(is_first, end - asked, 0))
    tokens = np.empty_like(asked)
    tokens[order] = np.clip(served[klass + network.first_class] - before, 0, asked)
    return tokens


def _with_parties(network: Network, flow: Ints) -> Ints:
    """The flow with what its groups' parties send."""
    sent = np.zeros(network.node_count, dtype=np.int64)
    np.add.at(sent, network.tail[network.group_arcs], flow[network.group_arcs])
    flow[network.party_arcs] = sent[network.head[network.party_arcs]]
    return flow
