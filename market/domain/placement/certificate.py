"""Prices of a least-cost flow, and the proof by them that no other flow of this service costs less.

Only arcs into the sink cost anything. So a flow costs least for its service if and only if no tokens can be moved from
a used cell to a cheaper one with room: wherever there is room, the dearest used cell from which tokens can be moved
there is not dearer (no negative cycle in the residual network; Ahuja, Magnanti and Orlin, Network Flows, theorem 9.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.placement.network import Network
from market.domain.placement.problem import Indices, Ints, SolverFailed

NOTHING_FITS = -1
"""In `group_price`: not one token more would fit."""

_Arcs = tuple[Indices, Indices]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Per cell of the network [C]: what one token more of room would save. Per group [G]: what one token more costs."""

    cell: Ints
    group: Ints


def prices_of(network: Network, flow: Ints, *, serves_most: bool) -> Prices:
    """Prices of a flow [A] of least cost for its service. Raises SolverFailed where it is not.

    `serves_most`: the flow claims to be the largest too, and parties may share what is served among them.
    """
    arcs = _residual_arcs(network, flow, between_parties=serves_most)
    cells = network.tail[network.cell_arcs]
    cost = network.cost[network.cell_arcs]
    is_used = flow[network.cell_arcs] > 0
    has_room = flow[network.cell_arcs] < network.capacity[network.cell_arcs]
    lowest, highest = int(cost.min(initial=0)) - 1, int(cost.max(initial=0)) + 1

    dearest = np.full(network.node_count, lowest)
    dearest[cells[is_used]] = cost[is_used]
    _spread(dearest, arcs)
    if (dearest[cells] > cost)[has_room].any():
        raise SolverFailed("The solver's answer is not the least cost.")

    cheapest = np.full(network.node_count, -highest)
    cheapest[cells[has_room]] = -cost[has_room]
    _spread(cheapest, [(head, tail) for tail, head in reversed(arcs)])
    if serves_most and cheapest[network.source] > -highest and _asks_more(network, flow):
        raise SolverFailed("The solver's answer does not serve the most.")
    group = -cheapest[network.head[network.group_arcs]]
    return Prices(
        cell=np.where(has_room, 0, np.maximum(dearest[cells] - cost, 0)),
        group=np.where(group == highest, NOTHING_FITS, group),
    )


def _asks_more(network: Network, flow: Ints) -> bool:
    return bool((flow[network.party_arcs] < network.capacity[network.party_arcs]).any())


def _residual_arcs(network: Network, flow: Ints, *, between_parties: bool) -> list[_Arcs]:
    """Arcs (from, to) along which tokens can be moved, sink aside, in the order in which they reach furthest.

    The rooms of arcs within the network only bound what cells and groups bound anyway: those count as endless.
    """
    site, hour, group = network.site_arcs, network.hour_arcs, network.group_arcs
    arcs = [_back(network, flow, site), _back(network, flow, hour), _back(network, flow, group)]
    if between_parties:
        arcs += [_back(network, flow, network.party_arcs), _forth(network, flow, network.party_arcs)]
    return [
        *arcs,
        _forth(network, flow, group),
        (network.tail[hour], network.head[hour]),
        (network.tail[site], network.head[site]),
    ]


def _back(network: Network, flow: Ints, arcs: slice) -> _Arcs:
    used = flow[arcs] > 0
    return network.head[arcs][used], network.tail[arcs][used]


def _forth(network: Network, flow: Ints, arcs: slice) -> _Arcs:
    open_ = flow[arcs] < network.capacity[arcs]
    return network.tail[arcs][open_], network.head[arcs][open_]


def _spread(value: Ints, arcs: list[_Arcs]) -> None:
    """Give every node the highest value among the nodes that reach it, in place."""
    before = np.empty_like(value)
    while not np.array_equal(before, value):
        before[:] = value
        for tail, head in arcs:
            np.maximum.at(value, head, value[tail])
