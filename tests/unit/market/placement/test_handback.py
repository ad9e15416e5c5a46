from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.placement.green import place_green
from market.domain.placement.handback import hand_back, hold_headroom
from market.domain.placement.problem import Requests
from tests.unit.market.placement.checks import assert_eligible, granted_of, load_of, service_of
from tests.unit.market.placement.instances import make_problem, problems, random_problem, random_requests

SEEDS = st.integers(0, 10**6)


def place(problem):
    return place_green(problem, service_tokens=None, seconds=60)


def requests_of(group, tokens, *, may_split=False):
    count = len(tokens)
    return Requests(
        group=np.array(group, dtype=np.int32),
        tokens=np.array(tokens, dtype=np.int64),
        rank=np.arange(count),
        may_split=np.full(count, may_split),
    )


def rows_of(placed):
    return sorted(zip(placed.request, placed.site, placed.hour, placed.tokens, strict=True))


@settings(max_examples=100, deadline=None)
@given(problems(), SEEDS)
def test_no_room_is_exceeded_and_nobody_runs_where_or_when_it_may_not(problem, seed):
    requests = random_requests(problem, seed)
    flow = place(problem)
    placed = hand_back(problem, flow, requests)
    assert (placed.tokens > 0).all()
    assert (load_of(problem, placed) <= problem.capacity_tokens).all()
    granted = granted_of(requests, placed)
    assert (granted <= requests.tokens).all()
    assert_eligible(problem, requests.group[placed.request], placed.site, placed.hour)
    service = np.zeros(3, dtype=np.int64)
    np.add.at(service, problem.group_party[requests.group], granted)
    assert (service <= service_of(problem, flow, 3)).all()


@settings(max_examples=100, deadline=None)
@given(problems(), SEEDS)
def test_requests_stay_whole_but_one_in_a_group(problem, seed):
    requests = random_requests(problem, seed)
    placed = hand_back(problem, place(problem), requests)
    rows = np.bincount(placed.request, minlength=len(requests.tokens))
    assert (rows[~requests.may_split] <= 1).all()
    granted = granted_of(requests, placed)
    is_partial = (granted > 0) & (granted < requests.tokens) & ~requests.may_split
    assert (np.bincount(requests.group[is_partial], minlength=1) <= 1).all()


@settings(max_examples=60, deadline=None)
@given(problems(), SEEDS)
def test_requests_that_may_be_split_get_exactly_the_flow(problem, seed):
    requests = random_requests(problem, seed)
    requests = replace(requests, may_split=np.ones_like(requests.may_split))
    flow = place(problem)
    placed = hand_back(problem, flow, requests)
    assert placed.rounded_cost == 0
    assert np.array_equal(load_of(problem, placed), load_of(problem, flow))


@settings(max_examples=60, deadline=None)
@given(problems(), SEEDS)
def test_the_order_of_the_requests_does_not_matter(problem, seed):
    requests = random_requests(problem, seed)
    flow = place(problem)
    order = np.random.default_rng(seed).permutation(len(requests.tokens))
    mixed = Requests(
        group=requests.group[order],
        tokens=requests.tokens[order],
        rank=requests.rank[order],
        may_split=requests.may_split[order],
    )
    placed, again = hand_back(problem, flow, requests), hand_back(problem, flow, mixed)
    again = replace(again, request=order[again.request].astype(np.int32))
    assert rows_of(placed) == rows_of(again)
    assert placed.rounded_cost == again.rounded_cost


def test_who_is_first_in_line_is_served_and_the_last_that_fits_gets_what_is_left():
    problem = make_problem(capacity=[[10]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 16)])
    requests = replace(requests_of([0] * 4, [4, 4, 4, 4]), rank=np.array([3, 1, 0, 2]))
    placed = hand_back(problem, place(problem), requests)
    assert granted_of(requests, placed).tolist() == [0, 4, 4, 2]


def test_a_request_larger_than_its_cell_goes_whole_to_one_with_room():
    """The flow splits 8 tokens over two hours; the request fits whole only into the third."""
    problem = make_problem(capacity=[[5, 5, 9]], cost=[[1, 2, 3]], sets=[[0]], groups=[(0, 0, 2, 0, 8)])
    placed = hand_back(problem, place(problem), requests_of([0], [8]))
    assert rows_of(placed) == [(0, 0, 2, 8)]
    assert placed.rounded_cost == 8 * 3 - (5 * 1 + 3 * 2)


def test_a_request_that_fits_nowhere_gets_the_largest_part_and_the_next_in_line_the_rest():
    problem = make_problem(capacity=[[5, 6]], cost=[[1, 2]], sets=[[0]], groups=[(0, 0, 1, 0, 17)])
    placed = hand_back(problem, place(problem), requests_of([0, 0, 0], [11, 3, 3]))
    granted = granted_of(requests_of([0, 0, 0], [11, 3, 3]), placed)
    assert granted.tolist() == [6, 3, 0]
    assert (load_of(problem, placed) <= problem.capacity_tokens).all()


def test_what_one_group_cannot_use_goes_to_its_party_not_to_another():
    """Party 0's large request fits nowhere whole; a small one of its other group may have some of what is left."""
    problem = make_problem(
        capacity=[[4, 4], [9, 0]],
        cost=[[1, 1], [5, 5]],
        sets=[[0], [1]],
        groups=[(0, 0, 1, 0, 8), (1, 0, 0, 0, 2), (1, 0, 0, 1, 2)],
    )
    flow = place_green(problem, service_tokens=np.array([8, 0]), seconds=60)
    requests = requests_of([0, 1, 2], [8, 2, 2])
    assert granted_of(requests, hand_back(problem, flow, requests)).tolist() == [4, 2, 0]


def test_a_crowded_cell_keeps_the_first_in_line():
    problem = make_problem(capacity=[[10, 10]], cost=[[1, 1]], sets=[[0]], groups=[(0, 0, 1, 0, 20)])
    requests = requests_of([0] * 3, [7, 7, 6])
    placed = hand_back(problem, place(problem), requests)
    granted = granted_of(requests, placed)
    assert granted[:2].tolist() == [7, 7]
    assert granted[2] == 3


def test_headroom_keeps_nearly_everybody_whole():
    """About a thousand requests: with a hundredth of the room held back, whole requests lose nothing."""
    problem = random_problem(
        4, site_count=4, hour_count=12, group_count=60, largest_room=4000, largest_group=400, party_count=3
    )
    requests = random_requests(problem, 4, largest=20)
    requests = replace(requests, may_split=np.zeros_like(requests.may_split))
    flow = place(hold_headroom(problem, requests))
    placed = hand_back(problem, flow, requests)
    assert len(requests.tokens) > 500
    assert placed.tokens.sum() == flow.tokens.sum()
    assert abs(placed.rounded_cost) < 0.01 * flow.objective


@pytest.mark.parametrize(
    ("room", "tokens", "left"),
    [
        (1000, [10, 1, 500], 990),
        (1000, [11, 1, 500], 1000),
        (199, [1], 198),
        (99, [1], 99),
        (0, [1], 0),
        (200, [], 198),
    ],
)
def test_headroom_is_a_hundredth_rounded_down_where_that_is_room_for_the_median_request(room, tokens, left):
    problem = make_problem(capacity=[[room]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, sum(tokens))])
    held = hold_headroom(problem, requests_of([0] * len(tokens), tokens))
    assert held.capacity_tokens.tolist() == [[left]]


def test_a_small_deployment_is_used_to_the_last_token():
    problem = make_problem(capacity=[[1000]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 1000)])
    requests = requests_of([0, 0], [500, 500])
    placed = hand_back(problem, place(hold_headroom(problem, requests)), requests)
    assert granted_of(requests, placed).tolist() == [500, 500]


def test_nothing_to_place_is_nothing_placed():
    problem = make_problem(capacity=[[5]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 0)])
    placed = hand_back(problem, place(problem), requests_of([], []))
    assert len(placed.tokens) == 0
    assert placed.rounded_cost == 0
