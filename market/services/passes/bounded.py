"""Large problems are solved in a child process, with a limit of time that holds; small ones here, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from market.connectors.solver import call_in_child
from market.domain.placement.network import count_arcs_at_most
from market.domain.placement.problem import Problem

LARGEST_IN_PROCESS = 50_000
"""Arcs of a network that is solved without a child, which takes a fifth of a second to start.

So many take about a tenth of a second, in which no other thread of the process runs.
"""
Answer = TypeVar("Answer")


def solve_bounded(
    call: Callable[[], Answer], problem: Problem, *, seconds: float, meanwhile: Callable[[], object]
) -> Answer:
    """What `call`, a `partial` of a solver, makes of `problem`. Raises SolverFailed.

    A child that has not solved it after `seconds` is stopped; `meanwhile` is called now and then while it works.
    """
    if count_arcs_at_most(problem) <= LARGEST_IN_PROCESS:
        return call()
    return call_in_child(call, seconds=seconds, meanwhile=meanwhile)
