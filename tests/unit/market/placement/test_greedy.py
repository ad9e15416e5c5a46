import numpy as np
from hypothesis import given, settings

from market.domain.placement.greedy import place_greedily
from market.domain.placement.green import place_green
from tests.unit.market.placement.checks import assert_feasible, service_of
from tests.unit.market.placement.instances import make_problem, problems


@settings(max_examples=60, deadline=None)
@given(problems())
def test_it_is_feasible_and_never_serves_more_than_can_be_served(problem):
    flow = place_greedily(problem, service_tokens=None)
    assert_feasible(problem, flow)
    best = place_green(problem, service_tokens=None, seconds=60)
    assert flow.unserved_tokens >= best.unserved_tokens
    assert (flow.hour_price == 0).all()


@settings(max_examples=60, deadline=None)
@given(problems())
def test_no_party_gets_more_than_its_service(problem):
    service = np.array([0, 3, 10**6])
    flow = place_greedily(problem, service_tokens=service)
    assert_feasible(problem, flow)
    assert (service_of(problem, flow, 3) <= service).all()


def test_who_can_wait_least_goes_first_and_each_takes_its_cheapest_hour():
    problem = make_problem(
        capacity=[[10, 10, 10]], cost=[[1, 2, 3]], sets=[[0]], groups=[(0, 0, 2, 0, 10), (0, 0, 0, 0, 10)]
    )
    flow = place_greedily(problem, service_tokens=None)
    assert list(zip(flow.group, flow.hour, flow.tokens, strict=True)) == [(0, 1, 10), (1, 0, 10)]
    assert flow.solver == "greedy"
    assert flow.objective == 30


def test_the_last_room_is_laid_beside_the_groups_in_turn():
    problem = make_problem(capacity=[[3, 4]], cost=[[1, 2]], sets=[[0]], groups=[(0, 0, 1, 0, 5), (0, 0, 1, 1, 5)])
    flow = place_greedily(problem, service_tokens=None)
    assert list(zip(flow.group, flow.hour, flow.tokens, strict=True)) == [(0, 0, 3), (0, 1, 2), (1, 1, 2)]


def test_nothing_asked_is_nothing_placed():
    problem = make_problem(capacity=[[5]], cost=[[1]], sets=[[0]], groups=[])
    assert len(place_greedily(problem, service_tokens=None).tokens) == 0
