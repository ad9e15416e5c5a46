"""What one process of allocation.py does: solve a generated instance, or let HiGHS do it. Prints JSON.

python benchmarks/_allocation_work.py solve|highs REQUESTS REGIONS HOURS [SERVICE.npy]
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
from market.domain.placement.problem import Indices, Ints, Problem, Requests  # noqa: E402

SECONDS = 900.0
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
    instance = generate(requests=sizes[0], regions=sizes[1], hours=sizes[2])
    stages = Stages()
    problem, group = stages.run("group", lambda: grouped(instance))
    answer = solve(instance, problem, group, stages) if mode == "solve" else highs(problem, stages)
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
    np.save(sys.argv[5], fair.service_tokens)
    return {
        "groups": len(problem.group_tokens),
        "objective": flow.objective,
        "asked": int(instance.tokens.sum()),
        "served": int(fair.service_tokens.sum()),
        "placed": int(assignment.tokens.sum()),
        "levels": sum(1 for level in fair.levels if level.cells),
    }


def highs(problem: Problem, stages: Stages) -> dict[str, Any]:
    """The green step of the same instance and service as a linear program on the same network, by scipy's HiGHS."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]
    from scipy.sparse import coo_array  # type: ignore[import-untyped]

    from market.domain.placement.handback import hold_headroom
    from market.domain.placement.network import build_network

    service: Ints = np.load(sys.argv[5])
    network = build_network(hold_headroom(problem), party_count=len(service))
    arcs = np.arange(len(network.tail))
    signs = np.repeat([1.0, -1.0], len(arcs))
    balance = coo_array((signs, (np.concatenate([network.tail, network.head]), np.tile(arcs, 2)))).tocsr()
    least, most = np.zeros(len(arcs)), network.capacity.astype(np.float64)
    least[network.party_arcs] = most[network.party_arcs] = service
    inner = np.setdiff1d(np.arange(network.node_count), [network.source, network.sink])
    found = stages.run(
        "HiGHS",
        lambda: linprog(
            network.cost.astype(np.float64),
            A_eq=balance[inner],
            b_eq=np.zeros(len(inner)),
            bounds=np.stack([least, most], axis=1),
            method="highs",
            options={"time_limit": SECONDS},
        ),
    )
    return {"objective": None if found.fun is None else float(found.fun), "is_done": found.status == 0}


if __name__ == "__main__":
    main()
