"""A second opinion on small problems: scipy's HiGHS, in one process of its own that is asked case after case.

HiGHS and OR-tools must not share a process (google/or-tools #5246), so this file is also the program of that process.
"""

from __future__ import annotations

import atexit
import functools
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[4]


def least_cost(problem: Any, service_tokens: Any = None) -> tuple[int, int] | None:
    """Tokens served and their least cost: for the service of each party, or of all flows that serve most.

    None where the service does not fit.
    """
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    pickle.dump((problem, service_tokens), process.stdin)
    process.stdin.flush()
    answer: tuple[int, int] | None = pickle.load(process.stdout)
    return answer


@functools.cache
def _process() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.market.placement.oracle"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    atexit.register(process.kill)
    return process


def _solve(problem: Any, service_tokens: Any) -> tuple[int, int] | None:
    """By variables x[group, cell], straight from the definition of the problem."""
    group, site, hour = _pairs(problem)
    if len(group) == 0:
        return (0, 0) if service_tokens is None or not np.any(service_tokens) else None
    cost = problem.cost[site, hour].astype(float)
    cell = site * problem.cost.shape[1] + hour
    limits = [
        (_rows(cell, problem.cost.size), problem.capacity_tokens.reshape(-1)),
        (_rows(group, len(problem.group_tokens)), problem.group_tokens),
    ]
    if service_tokens is None:
        most = _optimum(-np.ones(len(cost)), limits, [])
        assert most is not None
        served = -most
        fixed = [(np.ones((1, len(cost))), np.array([served]))]
    else:
        served = int(np.sum(service_tokens))
        fixed = [(_rows(problem.group_party[group], len(service_tokens)), np.asarray(service_tokens))]
    least = _optimum(cost, limits, fixed)
    return None if least is None else (served, least)


def _pairs(problem: Any) -> tuple[Any, Any, Any]:
    pairs = [
        (group, site, hour)
        for group, profile in enumerate(problem.group_profile)
        for hour in range(problem.group_first_hour[group], problem.group_last_hour[group] + 1)
        for site in range(len(problem.cost))
        if problem.set_of_hour[profile, hour] >= 0 and problem.is_eligible[problem.set_of_hour[profile, hour], site]
    ]
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    return columns[:, 0], columns[:, 1], columns[:, 2]


def _rows(index: Any, count: int) -> Any:
    rows = np.zeros((count, len(index)))
    rows[index, np.arange(len(index))] = 1
    return rows


def _optimum(cost: Any, limits: Any, fixed: Any) -> int | None:
    from scipy.optimize import linprog

    found = linprog(
        cost,
        A_ub=np.concatenate([rows for rows, _ in limits]),
        b_ub=np.concatenate([bound for _, bound in limits]),
        A_eq=np.concatenate([rows for rows, _ in fixed]) if fixed else None,
        b_eq=np.concatenate([bound for _, bound in fixed]) if fixed else None,
        method="highs",
    )
    if found.status == 2:
        return None
    assert found.status == 0, found.message
    return round(found.fun)


def _serve() -> None:
    while True:
        try:
            problem, service_tokens = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_solve(problem, service_tokens), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
