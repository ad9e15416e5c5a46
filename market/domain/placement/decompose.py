"""Taking a flow apart: who of those on one side gets what from those on the other."""

from __future__ import annotations

import numpy as np

from market.domain.placement.network import Network
from market.domain.placement.problem import Indices, Ints


def pair_off(left: Ints, right: Ints) -> tuple[Indices, Indices, Ints]:
    """Pieces (left index, right index, amount > 0) when amounts of one total are laid side by side in their order.

    Where both sides come in the order of something they share (a hub, a class), no piece crosses it.
    """
    left_end, right_end = np.cumsum(left), np.cumsum(right)
    # Two sorted runs: a stable sort merges them in one go.
    ends = np.sort(np.concatenate([left_end, right_end]), kind="stable")
    ends = ends[np.diff(ends, prepend=0) > 0]
    starts = np.concatenate([[0], ends])[: len(ends)]
    left_index = np.searchsorted(left_end, starts, side="right").astype(np.int32)
    right_index = np.searchsorted(right_end, starts, side="right").astype(np.int32)
    return left_index, right_index, ends - starts


def cells_of_groups(network: Network, flow: Ints) -> tuple[Indices, Indices, Ints]:
    """Pieces (group, cell, tokens) of the flow [A], ordered by group, hour and site."""
    klass, cell, tokens = _cells_of_classes(network, flow)
    served = flow[network.group_arcs]
    by_class = np.argsort(network.class_of_group, kind="stable")
    cells_by_class = np.argsort(klass, kind="stable")
    left, right, pieces = pair_off(served[by_class], tokens[cells_by_class])
    group, cell = by_class[left], cell[cells_by_class[right]]
    site_count = int(network.cell_site.max(initial=0)) + 1
    by_hour = network.cell_hour.astype(np.int64) * site_count + network.cell_site
    order = np.argsort(group * (int(by_hour.max(initial=0)) + 1) + by_hour[cell])
    return group[order].astype(np.int32), cell[order], pieces[order]


def _cells_of_classes(network: Network, flow: Ints) -> tuple[Indices, Indices, Ints]:
    """What each class sends to each cell: at a hub, its classes and its sites are paired off."""
    hour, hour_flow = _used(network.hour_arcs, flow)
    site, site_flow = _used(network.site_arcs, flow)
    by_hub = np.argsort(network.head[hour], kind="stable")
    left, right, tokens = pair_off(hour_flow[by_hub], site_flow)
    return (
        network.tail[hour[by_hub][left]] - network.first_class,
        network.head[site[right]] - network.first_cell,
        tokens,
    )


def _used(arcs: slice, flow: Ints) -> tuple[Ints, Ints]:
    index = np.flatnonzero(flow[arcs]) + arcs.start
    return index, flow[index]
