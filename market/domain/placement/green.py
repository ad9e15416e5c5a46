"""The least carbon for a service: an exact min-cost flow in integers, with prices that prove it."""

from __future__ import annotations

import numpy as np
from ortools.graph.python import max_flow

from market.domain.placement.certificate import prices_of
from market.domain.placement.decompose import cells_of_groups
from market.domain.placement.network import Network, build_network
from market.domain.placement.problem import Flow, Ints, Problem, SolverFailed
from market.domain.placement.solving import solve_most, solve_service

SOLVER = "OR-tools min-cost flow"


def place_green(problem: Problem, *, service_tokens: Ints | None, seconds: float) -> Flow:
    """The cheapest flow that gives each party exactly its service [Q]; with None the cheapest of those that serve most.

    Raises SolverFailed if the service does not fit, no time is left (`seconds`; a solver that runs cannot be
    interrupted, but in a child process), the figures are too large, or the prices do not prove the answer.
    """
    if seconds <= 0:
        raise SolverFailed("No time is left to solve the placement.")
    party_count = 0 if service_tokens is None else len(service_tokens)
    network = build_network(problem, party_count=party_count)
    tokens = solve_most(network) if service_tokens is None else solve_service(network, service_tokens)
    return flow_of(problem, network, tokens, serves_most=service_tokens is None)


def most_service(problem: Problem) -> int:
    """Tokens that can be served in all, whoever gets them. Raises SolverFailed."""
    network = build_network(problem)
    solver = max_flow.SimpleMaxFlow()
    solver.add_arcs_with_capacity(network.tail, network.head, network.capacity)
    if len(problem.group_tokens) == 0:
        return 0
    status = solver.solve(network.source, network.sink)
    if status != solver.OPTIMAL:
        raise SolverFailed(f"The solver found no largest flow: {status.name}.")
    return int(solver.optimal_flow())


def flow_of(problem: Problem, network: Network, tokens: Ints, *, serves_most: bool) -> Flow:
    """A solved network [A] as tokens of groups in cells, proven and priced. Raises SolverFailed without proof."""
    prices = prices_of(network, tokens, serves_most=serves_most)
    group, cell, pieces = cells_of_groups(network, tokens)
    hour_price = np.zeros(problem.capacity_tokens.shape, dtype=np.int64)
    hour_price[network.cell_site, network.cell_hour] = prices.cell
    cell_tokens, cell_cost = tokens[network.cell_arcs].tolist(), network.cost[network.cell_arcs].tolist()
    return Flow(
        group=group,
        site=network.cell_site[cell],
        hour=network.cell_hour[cell],
        tokens=pieces,
        objective=sum(amount * cost for amount, cost in zip(cell_tokens, cell_cost, strict=True)),
        unserved_tokens=int(problem.group_tokens.sum()) - sum(cell_tokens),
        hour_price=hour_price,
        group_price=prices.group,
        solver=SOLVER,
    )
