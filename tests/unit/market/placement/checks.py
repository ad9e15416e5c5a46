"""What every placement must hold, whoever made it."""

from __future__ import annotations

import numpy as np

from market.domain.placement.problem import Assignment, Flow, Ints, Problem, Requests


def assert_feasible(problem: Problem, flow: Flow) -> None:
    assert (flow.tokens > 0).all()
    assert (load_of(problem, flow) <= problem.capacity_tokens).all()
    assert (served_of(problem, flow) <= problem.group_tokens).all()
    assert_eligible(problem, flow.group, flow.site, flow.hour)
    assert flow.objective == int((flow.tokens * problem.cost[flow.site, flow.hour]).sum())
    assert flow.unserved_tokens == int(problem.group_tokens.sum() - flow.tokens.sum())


def assert_eligible(problem, group, site, hour) -> None:
    assert (hour >= problem.group_first_hour[group]).all()
    assert (hour <= problem.group_last_hour[group]).all()
    sets = problem.set_of_hour[problem.group_profile[group], hour]
    assert (sets >= 0).all()
    assert problem.is_eligible[sets, site].all()


def load_of(problem: Problem, placed: Flow | Assignment) -> Ints:
    load = np.zeros_like(problem.capacity_tokens)
    np.add.at(load, (placed.site, placed.hour), placed.tokens)
    return load


def served_of(problem: Problem, flow: Flow) -> Ints:
    served = np.zeros_like(problem.group_tokens)
    np.add.at(served, flow.group, flow.tokens)
    return served


def service_of(problem: Problem, flow: Flow, party_count: int) -> Ints:
    service = np.zeros(party_count, dtype=np.int64)
    np.add.at(service, problem.group_party[flow.group], flow.tokens)
    return service


def granted_of(requests: Requests, placed: Assignment) -> Ints:
    granted = np.zeros_like(requests.tokens)
    np.add.at(granted, placed.request, placed.tokens)
    return granted
