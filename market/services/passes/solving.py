"""Fair first, then green, then whole requests. Where the solver fails: greedily, and said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from market.domain.placement import fairness, greedy, green, grouping, handback
from market.domain.placement.eligibility import Eligibility, RequestColumns
from market.domain.placement.plan import Party, PlanInputs
from market.domain.placement.problem import (
    Assignment,
    FairService,
    Flow,
    Ints,
    Parties,
    Problem,
    Requests,
    SolverFailed,
)
from market.services.passes.bounded import solve_bounded
from market.services.passes.stages import Stages

FAIR_SECONDS = 60.0
GREEN_SECONDS = 60.0
"""How long each solver may take before the plan is made greedily."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is solved: `problem` has the whole room, `requests` are those of `chosen` [N'], rows of all that wait."""

    problem: Problem
    requests: Requests
    parties: Parties
    chosen: Ints

    @property
    def with_headroom(self) -> Problem:
        """The problem with a little room left in each hour, into which whole requests are rounded."""
        return handback.hold_headroom(self.problem, self.requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """`fair` is None and `trouble` says why where the solver failed. Requests of `assignment` are rows of the case."""

    case: Case
    fair: FairService | None
    flow: Flow
    assignment: Assignment
    trouble: str


def case_of(
    inputs: PlanInputs,
    columns: RequestColumns,
    eligibility: Eligibility,
    parties: Sequence[Party],
    *,
    chosen: Ints,
    rank: Ints,
) -> Case:
    """The problem of the chosen requests, with the room that is neither promised nor kept."""
    groups, group = grouping.group_rows(
        profile=eligibility.profile[chosen],
        first_hour=eligibility.first_hour[chosen],
        last_hour=eligibility.last_hour[chosen],
        party=eligibility.party[chosen],
        tokens=columns.tokens[chosen],
    )
    problem = Problem(
        capacity_tokens=free_room(inputs),
        cost=inputs.arrays["cost_ng_per_token"],
        is_eligible=eligibility.is_eligible,
        set_of_hour=eligibility.set_of_hour,
        group_profile=groups.profile,
        group_first_hour=groups.first_hour,
        group_last_hour=groups.last_hour,
        group_party=groups.party,
        group_tokens=groups.tokens,
    )
    requests = Requests(
        group=group, tokens=columns.tokens[chosen], rank=rank[chosen], may_split=columns.may_split[chosen]
    )
    return Case(
        problem=problem,
        requests=requests,
        parties=Parties(
            weight=np.array([each.weight for each in parties], dtype=np.float64),
            floor_tokens=np.array([each.floor_tokens for each in parties], dtype=np.float64),
        ),
        chosen=chosen,
    )


def free_room(inputs: PlanInputs) -> Ints:
    """Tokens of each site and hour that are neither promised nor kept for expected work [S, T]."""
    arrays = inputs.arrays
    free: Ints = np.maximum(arrays["capacity_tokens"] - arrays["promised_tokens"] - arrays["kept_tokens"], 0)
    return free


def share(case: Case, *, carbon_budget_ng: int | None, stages: Stages) -> FairService:
    """What each party gets. Raises SolverFailed."""
    problem = case.with_headroom
    call = partial(fairness.share_fairly, problem, case.parties, carbon_budget=carbon_budget_ng, seconds=FAIR_SECONDS)
    return solve_bounded(call, problem, seconds=FAIR_SECONDS, meanwhile=stages.keep)


def place(case: Case, fair: FairService, *, stages: Stages) -> Flow:
    """Where, at the least carbon for the service. Raises SolverFailed."""
    problem = case.with_headroom
    call = partial(green.place_green, problem, service_tokens=fair.service_tokens, seconds=GREEN_SECONDS)
    return solve_bounded(call, problem, seconds=GREEN_SECONDS, meanwhile=stages.keep)


def place_anyhow(case: Case, fair: FairService | None) -> Flow:
    """A plan that is feasible, where the best one could not be found."""
    service = None if fair is None else fair.service_tokens
    return greedy.place_greedily(case.with_headroom, service_tokens=service)


def solve(case: Case, *, carbon_budget_ng: int | None, stages: Stages) -> Solved:
    """All three steps; `stages` is told of each before it starts."""
    fair, trouble = None, ""
    try:
        stages.begin("fair")
        fair = share(case, carbon_budget_ng=carbon_budget_ng, stages=stages)
        stages.begin("green")
        flow = place(case, fair, stages=stages)
    except SolverFailed as failed:
        trouble = str(failed) or "the solver failed"
        flow = place_anyhow(case, fair)
    stages.begin("hand back")
    assignment = handback.hand_back(case.problem, flow, case.requests)
    return Solved(case=case, fair=fair, flow=flow, assignment=assignment, trouble=trouble)
