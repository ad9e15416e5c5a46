"""What one process of allocation.py does: solve a generated instance, or let HiGHS do it. Prints JSON.

python benchmarks/_allocation_work.py solve|highs|plain REQUESTS REGIONS HOURS ROOM SERVICE.npy
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from _allocation_instance import Instance, generate  # noqa: E402

from market.domain.placement.grouping import group_rows  # noqa: E402
from market.domain.placement.network import Network, build_network  # noqa: E402
from market.domain.placement.problem import Flow, Indices, Ints, Problem, Requests  # noqa: E402

SECONDS = 900.0
PLAIN_SECONDS = 60.0
"""After this long the program without hubs is given up."""
Answer = TypeVar("Answer")


class Stages:
    """Processor and wall seconds of each stage."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], Answer]) -> Answer:
        """Do the work and note what it took."""
        cpu, wall = time.process_time(), time.perf_counter()
        answer = work()
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - cpu
        self.wall_s[name] = self.wall_s.get(name, 0.0) + time.perf_counter() - wall
        return answer


def main() -> None:
    """One instance in this process."""
    mode, sizes = sys.argv[1], [int(each) for each in sys.argv[2:5]]
    instance = generate(requests=sizes[0], regions=sizes[1], hours=sizes[2], room=float(sys.argv[5]))
    stages = Stages()
    problem, group = stages.run("group", lambda: grouped(instance))
    if mode == "solve":
        answer = solve(instance, problem, group, stages)
    else:
        answer = highs(problem, stages, with_hubs=mode == "highs")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_s": stages.cpu_s, "wall_s": stages.wall_s, "peak_mib": peak_mib, **answer}))


def grouped(instance: Instance) -> tuple[Problem, Indices]:
    """The placement problem, and the group of each request."""
    groups, group = group_rows(
        profile=instance.profile,
        first_hour=instance.first_hour,
        last_hour=instance.last_hour,
        party=instance.party,
        tokens=instance.tokens,
    )
    problem = Problem(
        capacity_tokens=instance.capacity_tokens,
        cost=instance.cost,
        is_eligible=instance.is_eligible,
        set_of_hour=instance.set_of_hour,
        group_profile=groups.profile,
        group_first_hour=groups.first_hour,
        group_last_hour=groups.last_hour,
        group_party=groups.party,
        group_tokens=groups.tokens,
    )
    return problem, group


def solve(instance: Instance, problem: Problem, group: Indices, stages: Stages) -> dict[str, Any]:
    """All stages of a plan, and the baseline of the fairness figures."""
    from market.domain.placement import certificate, green
    from market.domain.placement.fairness import share_fairly
    from market.domain.placement.fairness_figures import served_without_policy
    from market.domain.placement.handback import hand_back, hold_headroom

    def timed_prices(*given: Any, **named: Any) -> Any:
        return stages.run("duals", lambda: certificate.prices_of(*given, **named))

    count = len(instance.tokens)
    requests = Requests(
        group=group,
        tokens=instance.tokens,
        rank=np.arange(count, dtype=np.int64),
        may_split=np.zeros(count, dtype=np.bool_),
    )
    roomy = stages.run("group", lambda: hold_headroom(problem))
    fair = stages.run("fair", lambda: share_fairly(roomy, instance.parties, seconds=SECONDS))
    with patch.object(green, "prices_of", timed_prices):
        flow = stages.run(
            "green", lambda: green.place_green(roomy, service_tokens=fair.service_tokens, seconds=SECONDS)
        )
    for taken in (stages.cpu_s, stages.wall_s):
        taken["green"] -= taken["duals"]
    assignment = stages.run("hand back", lambda: hand_back(problem, flow, requests))
    stages.run("first come", lambda: served_without_policy(problem, requests, np.arange(count)))
    np.save(sys.argv[6], fair.service_tokens)
    return {
        "groups": len(problem.group_tokens),
        "arcs": len(build_network(roomy).tail),
        **tightness(roomy, flow),
        "objective": flow.objective,
        "asked": int(instance.tokens.sum()),
        "served": int(fair.service_tokens.sum()),
        "placed": int(assignment.tokens.sum()),
        "levels": sum(1 for level in fair.levels if level.cells),
    }


def tightness(problem: Problem, flow: Flow) -> dict[str, float]:
    """Of the cells with any room the share that is full; of the room in the half that costs less what is used."""
    used = np.zeros_like(problem.capacity_tokens)
    np.add.at(used, (flow.site, flow.hour), flow.tokens)
    room = problem.capacity_tokens
    is_clean = problem.cost <= np.median(problem.cost)
    return {
        "full_share": float((used == room)[room > 0].mean()),
        "clean_used_share": float(used[is_clean].sum() / room[is_clean].sum()),
    }


def highs(problem: Problem, stages: Stages, *, with_hubs: bool) -> dict[str, Any]:
    """The green step of the same instance and service as a linear program, by scipy's HiGHS.

    On the whole network, every party and group in it, or as one would write it first: a variable for each class and
    cell. What our solver takes out before it begins is our work, and left to HiGHS to find.
    """
    from scipy.optimize import linprog  # type: ignore[import-untyped]
    from scipy.sparse import coo_array  # type: ignore[import-untyped]

    from market.domain.placement.handback import hold_headroom

    service: Ints = np.load(sys.argv[6])
    network = build_network(hold_headroom(problem), party_count=len(service))
    kept = np.ones(len(network.tail), dtype=np.bool_)
    tail, head = network.tail, network.head
    if not with_hubs:
        kept[network.hour_arcs] = kept[network.site_arcs] = False
        direct = without_hubs(network)
        tail, head = np.append(tail[kept], direct[0]), np.append(head[kept], direct[1])
    free = len(tail) - int(kept.sum())
    cost = np.append(network.cost[kept].astype(np.float64), np.zeros(free))
    most = np.append(network.capacity[kept].astype(np.float64), np.full(free, np.inf))
    least = np.zeros(len(tail))
    least[network.party_arcs] = most[network.party_arcs] = service
    arcs = np.arange(len(tail))
    signs = np.repeat([1.0, -1.0], len(arcs))
    balance = coo_array((signs, (np.concatenate([tail, head]), np.tile(arcs, 2)))).tocsr()
    inner = np.setdiff1d(np.unique(np.concatenate([tail, head])), [network.source, network.sink])
    found = stages.run(
        "HiGHS",
        lambda: linprog(
            cost,
            A_eq=balance[inner],
            b_eq=np.zeros(len(inner)),
            bounds=np.stack([least, most], axis=1),
            method="highs",
            options={"time_limit": SECONDS if with_hubs else PLAIN_SECONDS},
        ),
    )
    return {"objective": None if found.fun is None else float(found.fun), "is_done": found.status == 0}


def without_hubs(network: Network) -> tuple[Indices, Indices]:
    """Tail and head of an arc from each class to each cell that it reaches by way of a hub."""
    hub, site = network.head[network.hour_arcs], network.tail[network.site_arcs]
    first = np.searchsorted(site, hub)
    count = np.searchsorted(site, hub, side="right") - first
    start = np.repeat(np.cumsum(count) - count - first, count)
    arc = np.arange(count.sum()) - start
    return np.repeat(network.tail[network.hour_arcs], count), network.head[network.site_arcs][arc]


if __name__ == "__main__":
    main()
