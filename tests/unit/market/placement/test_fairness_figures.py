from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.placement.fairness import share_fairly
from market.domain.placement.fairness_figures import (
    FairnessFigures,
    fairness_figures,
    price_of_justice,
    served_without_policy,
)
from market.domain.placement.problem import NO_SET, Parties, Problem, Requests
from tests.unit.market.placement.instances import make_problem, problems, random_problem, random_requests


def figures(service: list[int], demand: list[int], weight: list[float]) -> FairnessFigures:
    return fairness_figures(
        service_tokens=np.array(service), demand_tokens=np.array(demand), weight=np.array(weight, dtype=np.float64)
    )


def slowly_served(problem: Problem, requests: Requests, order: list[int]) -> list[int]:
    room, served = problem.capacity_tokens.copy(), [0] * (int(problem.group_party.max(initial=-1)) + 1)
    for request in order:
        group, left = requests.group[request], int(requests.tokens[request])
        for hour in range(problem.group_first_hour[group], problem.group_last_hour[group] + 1):
            chosen = problem.set_of_hour[problem.group_profile[group], hour]
            sites = [] if chosen == NO_SET else np.flatnonzero(problem.is_eligible[chosen]).tolist()
            for site in sorted(sites, key=lambda each: (problem.cost[each, hour], each)):
                taken = min(left, int(room[site, hour]))
                room[site, hour] -= taken
                left -= taken
                served[problem.group_party[group]] += taken
    return served


def test_shares_are_for_a_unit_of_weight() -> None:
    assert figures([3, 6], [9, 9], [1, 2]).service_per_weight.tolist() == [3, 3]


def test_evenness_is_over_those_who_got_less_than_they_asked() -> None:
    found = figures([5, 2, 4], [10, 2, 10], [1, 1, 2])
    assert found.jain == pytest.approx((5 + 2) ** 2 / (2 * (25 + 4)))
    assert found.gini == pytest.approx(3 / (2 * 7))  # |5 - 2| of two pairs over 2 n^2 times the mean
    assert found.minimum_share == 0.4


def test_where_one_has_all_evenness_is_at_its_worst() -> None:
    found = figures([9, 0, 0], [10, 10, 10], [1, 1, 1])
    assert found.jain == pytest.approx(1 / 3)
    assert found.gini == pytest.approx(2 / 3)
    assert found.minimum_share == 0


def test_where_all_is_served_there_is_nothing_to_compare() -> None:
    found = figures([4, 0], [4, 0], [1, 1])
    assert (found.minimum_share, found.jain, found.gini) == (1, None, None)
    assert figures([0], [0], [1]).minimum_share is None


def test_those_who_all_got_nothing_are_alike() -> None:
    found = figures([0, 0], [4, 5], [1, 1])
    assert (found.jain, found.gini) == (1, 0)


def test_first_come_is_served_at_once_and_as_far_as_room_goes() -> None:
    problem = make_problem(
        capacity=[[5, 5]], cost=[[9, 1]], sets=[[0]], groups=[(0, 0, 1, 0, 8), (0, 0, 0, 1, 4), (0, 1, 1, 2, 4)]
    )
    requests = Requests(
        group=np.array([0, 1, 2], dtype=np.int32),
        tokens=np.array([8, 4, 4]),
        rank=np.arange(3),
        may_split=np.zeros(3, dtype=np.bool_),
    )
    assert served_without_policy(problem, requests, np.array([0, 1, 2])).tolist() == [8, 0, 2]
    assert served_without_policy(problem, requests, np.array([2, 1, 0])).tolist() == [2, 4, 4]


def test_nobody_in_line_and_parties_without_requests_get_nothing() -> None:
    problem = make_problem(capacity=[[5]], cost=[[1]], sets=[[0]], groups=[])
    assert served_without_policy(problem, random_requests(problem, 1), np.arange(0), party_count=2).tolist() == [0, 0]


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 10**6))
def test_the_queue_is_served_as_if_one_by_one(problem: Problem, seed: int) -> None:
    requests = random_requests(problem, seed)
    order = np.random.default_rng(seed).permutation(len(requests.tokens))
    found = served_without_policy(problem, requests, order)
    assert found.tolist() == slowly_served(problem, requests, order.tolist())


def test_a_queue_of_many_batches_is_served_as_if_one_by_one() -> None:
    problem = random_problem(3, hour_count=24, site_count=6, group_count=60, largest_room=90, largest_group=100)
    requests = random_requests(problem, 3, largest=3)
    assert len(requests.tokens) > 1_000
    order = np.arange(len(requests.tokens))
    assert served_without_policy(problem, requests, order).tolist() == slowly_served(problem, requests, order.tolist())


def test_justice_costs_carbon_where_those_in_need_can_only_run_on_dirty_power() -> None:
    problem = make_problem(
        capacity=[[6], [6]], cost=[[2], [7]], sets=[[0], [1]], groups=[(0, 0, 0, 0, 6), (1, 0, 0, 1, 6)]
    )
    parties = Parties(weight=np.array([1.0, 2.0]), floor_tokens=np.zeros(2))
    budget = 6 * 2 + 7
    fair = share_fairly(problem, parties, carbon_budget=budget, seconds=60)
    assert fair.service_tokens.tolist() == [1, 2]
    price = price_of_justice(problem, fair.service_tokens, carbon_budget=budget, seconds=60)
    assert (price.tokens, price.cost) == (7 - 3, (2 + 2 * 7) - 3 * 2)


def test_justice_costs_no_tokens_without_a_carbon_budget() -> None:
    problem = make_problem(capacity=[[6]], cost=[[2]], sets=[[0]], groups=[(0, 0, 0, 0, 6), (0, 0, 0, 1, 6)])
    fair = share_fairly(problem, Parties(weight=np.array([1.0, 2.0]), floor_tokens=np.zeros(2)), seconds=60)
    price = price_of_justice(problem, fair.service_tokens, seconds=60)
    assert (price.tokens, price.cost) == (0, 0)
