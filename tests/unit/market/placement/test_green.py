from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from market.domain.placement.certificate import NOTHING_FITS, prices_of
from market.domain.placement.green import most_service, place_green
from market.domain.placement.network import build_network
from market.domain.placement.problem import NO_SET, SolverFailed
from tests.unit.market.placement.checks import assert_feasible, load_of, served_of, service_of
from tests.unit.market.placement.instances import make_problem, problems, random_problem
from tests.unit.market.placement.oracle import least_cost

SECONDS = 60.0


def place(problem, service_tokens=None):
    return place_green(problem, service_tokens=service_tokens, seconds=SECONDS)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_the_most_tokens_are_served_at_the_least_cost_that_highs_finds(problem):
    flow = place(problem)
    assert_feasible(problem, flow)
    served = int(flow.tokens.sum())
    assert (served, flow.objective) == least_cost(problem)
    assert served == most_service(problem)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_a_given_service_is_met_exactly_and_at_least_cost(problem):
    service = service_of(problem, place(problem), 3) // 2
    flow = place(problem, service)
    assert_feasible(problem, flow)
    assert service_of(problem, flow, 3).tolist() == service.tolist()
    assert (int(service.sum()), flow.objective) == least_cost(problem, service)


def test_a_service_that_does_not_fit_is_refused():
    problem = make_problem(capacity=[[5]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 9)])
    with pytest.raises(SolverFailed, match="INFEASIBLE"):
        place(problem, np.array([6]))


def dearest_hours(problem, flow):
    """Cost and price together: what a token is worth in each cell."""
    return problem.cost + flow.hour_price


def least_worth(problem, flow, group):
    """The least of that over the cells a group may use."""
    hours = np.arange(problem.group_first_hour[group], problem.group_last_hour[group] + 1)
    sets = problem.set_of_hour[problem.group_profile[group], hours]
    worth = dearest_hours(problem, flow)
    return min((worth[problem.is_eligible[s], h].min() for s, h in zip(sets, hours, strict=True) if s != NO_SET))


@settings(max_examples=60, deadline=None)
@given(problems())
def test_prices_certify_the_optimum(problem):
    """Complementary slackness, which holds of no flow that is not the cheapest for its service."""
    service = service_of(problem, place(problem), 3) * 2 // 3
    flow = place(problem, service)
    assert (flow.hour_price >= 0).all()
    assert (flow.hour_price[load_of(problem, flow) < problem.capacity_tokens] == 0).all()
    worth = dearest_hours(problem, flow)
    for group, site, hour in zip(flow.group, flow.site, flow.hour, strict=True):
        assert worth[site, hour] == least_worth(problem, flow, group)
    served = served_of(problem, flow)
    for party in range(3):
        groups = [g for g in np.flatnonzero(problem.group_party == party).tolist() if can_run(problem, g)]
        paid = [least_worth(problem, flow, g) for g in groups if served[g] > 0]
        spared = [least_worth(problem, flow, g) for g in groups if served[g] < problem.group_tokens[g]]
        assert max(paid, default=0) <= min(spared, default=10**9)


def can_run(problem, group):
    window = slice(problem.group_first_hour[group], problem.group_last_hour[group] + 1)
    return (problem.set_of_hour[problem.group_profile[group], window] != NO_SET).any()


@settings(max_examples=25, deadline=None)
@given(problems(party_count=1))
def test_the_price_of_an_hour_is_what_one_more_token_of_room_saves(problem):
    service = service_of(problem, place(problem), 1)
    flow = place(problem, service)
    for site, hour in np.ndindex(problem.cost.shape):
        roomier = problem.capacity_tokens.copy()
        roomier[site, hour] += 1
        saved = flow.objective - place(replace(problem, capacity_tokens=roomier), service).objective
        assert flow.hour_price[site, hour] == saved


def test_the_price_of_a_group_is_what_one_token_more_would_cost():
    groups = [(0, 0, 1, 0, 4), (1, 0, 0, 0, 3), (2, 1, 1, 0, 0)]
    problem = make_problem(capacity=[[5, 9], [9, 0]], cost=[[10, 50], [30, 5]], sets=[[0], [0, 1], [1]], groups=groups)
    flow = place(problem)
    assert flow.objective == 5 * 10 + 2 * 30
    # One more of the first two drives a token of the second to site 1; for the third its only cell has no room.
    assert flow.group_price.tolist() == [30, 30, NOTHING_FITS]
    assert flow.hour_price.tolist() == [[20, 0], [0, 0]]


def test_a_flow_that_costs_too_much_is_not_certified():
    problem = make_problem(capacity=[[5, 5]], cost=[[9, 2]], sets=[[0]], groups=[(0, 0, 1, 0, 5)])
    network = build_network(problem)
    dear = np.zeros(len(network.tail), dtype=np.int64)
    for arcs in (network.party_arcs, network.group_arcs):
        dear[arcs] = 5
    for arcs in (network.hour_arcs, network.site_arcs, network.cell_arcs):
        dear[arcs.start] = 5
    with pytest.raises(SolverFailed, match="not the least cost"):
        prices_of(network, dear, serves_most=True)
    with pytest.raises(SolverFailed, match="does not serve the most"):
        prices_of(network, np.zeros_like(dear), serves_most=True)


def test_full_windows_outages_and_hours_without_a_set_leave_work_waiting():
    problem = make_problem(
        capacity=[[0, 3]],
        cost=[[1, 2]],
        sets=[[0]],
        set_of_hour=[[0, 0], [NO_SET, NO_SET]],
        groups=[(0, 0, 0, 0, 7), (1, 0, 1, 0, 5), (0, 0, 1, 0, 4), (0, 1, 0, 0, 2)],
    )
    flow = place(problem)
    assert served_of(problem, flow).tolist() == [0, 0, 3, 0]
    assert flow.unserved_tokens == 15


def test_large_figures_are_exact():
    """Tokens of 10^12 at costs of 10^7: the objective leaves 64 bits."""
    trillion = 10**12
    problem = make_problem(
        capacity=[[3 * trillion, 1]], cost=[[10**7, 10**7 - 1]], sets=[[0]], groups=[(0, 0, 1, 0, 3 * trillion)]
    )
    flow = place(problem)
    assert flow.objective == (3 * trillion - 1) * 10**7 + 10**7 - 1
    assert flow.objective > 2**63
    assert flow.hour_price.tolist() == [[0, 1]]


def test_large_figures_cost_as_much_more_as_they_are_larger():
    for seed in range(20):
        problem = random_problem(seed)
        large = replace(
            problem,
            capacity_tokens=problem.capacity_tokens * 10**12,
            group_tokens=problem.group_tokens * 10**12,
            cost=problem.cost * 10**6,
        )
        assert place(large).objective == place(problem).objective * 10**18


def test_figures_too_large_for_the_solver_are_refused_not_got_wrong():
    tokens = 1 << 62
    problem = make_problem(capacity=[[tokens, 1]], cost=[[0, 1]], sets=[[0]], groups=[(0, 0, 1, 0, tokens)])
    with pytest.raises(SolverFailed):
        place(problem)


def test_costs_however_large_are_placed_by_their_order():
    tokens = 1 << 40
    problem = make_problem(
        capacity=[[7, tokens, tokens]], cost=[[0, 1 << 62, (1 << 62) - 1]], sets=[[0]], groups=[(0, 0, 2, 0, tokens)]
    )
    flow = place(problem)
    assert flow.objective == (tokens - 7) * ((1 << 62) - 1)
    assert flow.hour_price.tolist() == [[(1 << 62) - 1, 0, 0]]


def test_rooms_beyond_all_that_is_asked_do_not_matter():
    problem = make_problem(
        capacity=[[(1 << 63) - 1] * 3] * 2, cost=[[3, 2, 1]] * 2, sets=[[0, 1]], groups=[(0, 0, 2, 0, 7)]
    )
    assert place(problem).objective == 7


def test_the_same_problem_has_the_same_answer():
    problem = random_problem(11, group_count=40, hour_count=8)
    one, two = place(problem), place(problem)
    for name in ("group", "site", "hour", "tokens", "hour_price", "group_price"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


@settings(max_examples=30, deadline=None)
@given(problems())
def test_the_order_of_groups_changes_neither_service_nor_cost_nor_prices(problem):
    order = np.random.default_rng(0).permutation(len(problem.group_tokens))
    names = ("group_profile", "group_first_hour", "group_last_hour", "group_party", "group_tokens")
    mixed = replace(problem, **{name: getattr(problem, name)[order] for name in names})
    one, two = place(problem), place(mixed)
    assert (one.objective, one.unserved_tokens) == (two.objective, two.unserved_tokens)
    service = service_of(problem, one, 3) // 2
    assert place(problem, service).objective == place(mixed, service).objective


def test_without_time_left_nothing_is_solved():
    with pytest.raises(SolverFailed, match="time"):
        place_green(random_problem(1), service_tokens=None, seconds=0)


def test_nothing_asked_is_nothing_placed():
    problem = make_problem(capacity=[[5]], cost=[[1]], sets=[[0]], groups=[])
    flow = place(problem)
    assert (len(flow.tokens), flow.objective, flow.unserved_tokens) == (0, 0, 0)
    assert most_service(problem) == 0
