from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.placement.fairness import share_fairly
from market.domain.placement.green import most_service, place_green
from market.domain.placement.problem import FairService, Ints, Parties, Problem, SolverFailed
from tests.unit.market.placement.exact_shares import exact_shares
from tests.unit.market.placement.instances import make_problem, problems, random_problem

PARTIES = 3
WEIGHTS = st.lists(st.sampled_from([0.1, 0.2, 1.0, 2.5, 3.0, 9.08625]), min_size=PARTIES, max_size=PARTIES)
FLOORS = st.lists(st.sampled_from([0.0, 0.0, 3.0, 5.5, 20.0]), min_size=PARTIES, max_size=PARTIES)
PARTY_VALUES = st.builds(lambda weight, floor: make_parties(weight, floor), WEIGHTS, FLOORS)


def make_parties(weight: list[float], floor: list[float] | None = None) -> Parties:
    return Parties(weight=np.array(weight), floor_tokens=np.array(floor or [0.0] * len(weight)))


def pool(room: int, demands: list[int]) -> Problem:
    groups = [(0, 0, 0, party, tokens) for party, tokens in enumerate(demands)]
    return make_problem(capacity=[[room]], cost=[[1]], sets=[[0]], groups=groups)


def share(problem: Problem, parties: Parties, **given: Any) -> FairService:
    return share_fairly(problem, parties, seconds=60, **given)


def served(problem: Problem, parties: Parties) -> list[int]:
    tokens: list[int] = share(problem, parties).service_tokens.tolist()
    return tokens


def asked_of(problem: Problem) -> Ints:
    asked = np.zeros(PARTIES, dtype=np.int64)
    np.add.at(asked, problem.group_party, problem.group_tokens)
    return asked


def test_one_pool_fills_by_weight_up_to_what_each_asks() -> None:
    found = share(pool(13, [12, 3, 12]), make_parties([1, 1, 2]))
    # 10 are left for weights 1 and 2: the level is 10/3, and the larger remainder is rounded up
    assert found.service_tokens.tolist() == [3, 3, 7]
    assert [(level.parties, level.cells) for level in found.levels] == [((1,), ()), ((0, 2), ((0, 0),))]
    assert [level.level for level in found.levels] == pytest.approx([3, 10 / 3])
    assert not found.stopped_by_carbon


def test_a_floor_comes_before_the_water() -> None:
    found = share(pool(12, [10, 2, 10]), make_parties([1, 1, 2], [6, 0, 0]))
    assert found.service_tokens.tolist() == [6, 2, 4]
    assert found.floor_scale == 1


def test_a_floor_is_not_more_than_what_is_asked() -> None:
    assert served(pool(12, [3, 20]), make_parties([1, 1], [100, 0])) == [3, 9]


def test_floors_that_do_not_fit_shrink_by_one_factor() -> None:
    found = share(pool(9, [100, 100]), make_parties([1, 50], [12, 6]))
    assert found.service_tokens.tolist() == [6, 3]
    assert found.floor_scale == 0.5


def test_water_still_rises_where_shrunken_floors_leave_room() -> None:
    problem = make_problem(
        capacity=[[4], [10]], cost=[[1], [1]], sets=[[0], [1]], groups=[(0, 0, 0, 0, 99), (1, 0, 0, 1, 99)]
    )
    found = share(problem, make_parties([1, 1], [8, 8]))
    assert found.service_tokens.tolist() == [4, 10]
    assert found.floor_scale == 0.5


def test_a_bottleneck_holds_only_those_who_depend_on_it() -> None:
    problem = make_problem(
        capacity=[[4, 0], [5, 15]],
        cost=[[1, 1], [1, 1]],
        sets=[[0], [0, 1]],
        groups=[(0, 0, 1, 0, 50), (0, 0, 0, 1, 50), (1, 0, 1, 2, 50)],
    )
    found = share(problem, make_parties([1, 1, 1]))
    assert found.service_tokens.tolist() == [2, 2, 20]
    by_parties = {level.parties: level for level in found.levels}
    assert by_parties[0, 1].cells == ((0, 0),)
    assert by_parties[2,].cells == ((1, 0), (1, 1))


def test_all_is_served_where_there_is_room_for_all() -> None:
    found = share(pool(100, [10, 2, 10]), make_parties([1, 1, 2]))
    assert found.service_tokens.tolist() == [10, 2, 10]
    assert all(level.cells == () for level in found.levels)


def test_nothing_is_served_where_nothing_is_eligible() -> None:
    problem = make_problem(
        capacity=[[9]], cost=[[1]], sets=[[0]], groups=[(0, 0, 0, 0, 5), (1, 0, 0, 1, 5)], set_of_hour=[[-1], [0]]
    )
    assert served(problem, make_parties([1, 1], [5, 0])) == [0, 5]


def test_without_requests_nobody_gets_anything() -> None:
    assert served(pool(9, []), make_parties([1, 2])) == [0, 0]


def test_equal_parties_get_what_cannot_be_divided_in_their_order() -> None:
    assert served(pool(5, [9, 9, 9]), make_parties([0.1, 0.1, 0.1])) == [2, 2, 1]


@pytest.mark.parametrize(("weight", "floor"), [([0.0, 1], [0.0, 0]), ([1, 1], [-1.0, 0])])
def test_senseless_terms_are_refused(weight: list[float], floor: list[float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        share(pool(9, [5, 5]), make_parties(weight, floor))


def test_it_ends_when_its_time_is_over() -> None:
    with pytest.raises(SolverFailed, match="longer than 0 s"):
        share_fairly(pool(9, [5, 5]), make_parties([1, 1]), seconds=0)


def test_very_large_figures_are_shared_to_the_token() -> None:
    whole = 10**15
    found = served(pool(whole, [whole] * 3), make_parties([0.1, 0.2, 0.37]))
    assert sum(found) == whole
    assert all(abs(67 * tokens - whole * part) <= 67 for tokens, part in zip(found, (10, 20, 37), strict=True))


@settings(max_examples=60, deadline=None)
@given(problems(party_count=PARTIES), PARTY_VALUES)
def test_service_is_the_exact_share_within_a_token(problem: Problem, parties: Parties) -> None:
    exact, scale = exact_shares(problem, parties)
    found = share(problem, parties)
    assert all(abs(mine - tokens) < 1 for mine, tokens in zip(exact, found.service_tokens.tolist(), strict=True))
    assert found.floor_scale == pytest.approx(float(scale))


@settings(max_examples=150, deadline=None)
@given(problems(party_count=PARTIES), PARTY_VALUES)
def test_service_fits_and_leaves_nothing_that_could_be_served(problem: Problem, parties: Parties) -> None:
    found = share(problem, parties)
    assert found.service_tokens.sum() == most_service(problem)
    assert (found.service_tokens >= 0).all()
    assert (found.service_tokens <= asked_of(problem)).all()
    place_green(problem, service_tokens=found.service_tokens, seconds=60)  # refuses what does not fit
    assert sorted(party for level in found.levels for party in level.parties) == list(range(PARTIES))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.lists(st.integers(0, 40), min_size=3, max_size=3), WEIGHTS, st.integers(0, 2))
def test_more_weight_never_lowers_a_party_in_one_pool(
    room: int, demands: list[int], weights: list[float], raised: int
) -> None:
    before = served(pool(room, demands), make_parties(weights))
    weights[raised] *= 1.5
    assert served(pool(room, demands), make_parties(weights))[raised] >= before[raised]


@settings(max_examples=100, deadline=None)
@given(problems(party_count=PARTIES), PARTY_VALUES, st.integers(0, PARTIES - 1))
def test_more_weight_lowers_a_party_by_no_more_than_rounding(problem: Problem, parties: Parties, raised: int) -> None:
    weight = parties.weight.copy()
    weight[raised] *= 1.5
    before, after = served(problem, parties), served(problem, replace(parties, weight=weight))
    assert after[raised] >= before[raised] - 1


@settings(max_examples=100, deadline=None)
@given(problems(party_count=PARTIES), PARTY_VALUES, st.integers(0, PARTIES - 1), st.integers(1, 100))
def test_an_inflated_claim_gains_nothing(problem: Problem, parties: Parties, party: int, more: int) -> None:
    own = np.flatnonzero(problem.group_party == party)[:1]
    alone = problem.group_tokens.copy()
    alone[(problem.group_party == party) & (np.arange(len(alone)) != (own[0] if len(own) else -1))] = 0
    honest = replace(problem, group_tokens=alone)
    before = served(honest, parties)
    if before[party] == asked_of(honest)[party]:
        return  # it has all it needs
    inflated = alone.copy()
    inflated[own] += more
    assert served(replace(problem, group_tokens=inflated), parties)[party] <= before[party]


@settings(max_examples=60, deadline=None)
@given(problems(party_count=PARTIES), PARTY_VALUES, st.integers(0, 10**6))
def test_rows_may_come_split_and_in_any_order(problem: Problem, parties: Parties, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.permutation(np.repeat(np.arange(len(problem.group_tokens)), 2))
    part = rng.integers(0, problem.group_tokens + 1)
    tokens, seen = np.empty(len(rows), dtype=np.int64), set()
    for at, row in enumerate(rows.tolist()):
        tokens[at] = problem.group_tokens[row] - part[row] if row in seen else part[row]
        seen.add(row)
    shuffled = replace(
        problem,
        group_profile=problem.group_profile[rows],
        group_first_hour=problem.group_first_hour[rows],
        group_last_hour=problem.group_last_hour[rows],
        group_party=problem.group_party[rows],
        group_tokens=tokens,
    )
    first, second = share(problem, parties), share(shuffled, parties)
    assert first.service_tokens.tolist() == second.service_tokens.tolist()
    assert first.levels == second.levels


@settings(max_examples=60, deadline=None)
@given(problems(party_count=PARTIES), FLOORS, st.permutations(range(PARTIES)))
def test_the_order_of_parties_does_not_matter(problem: Problem, floors: list[float], order: list[int]) -> None:
    parties = make_parties([0.7, 1.3, 2.9], floors)  # all different: like parties may swap a token
    to = np.argsort(order).astype(np.int32)
    shuffled = Parties(weight=parties.weight[order], floor_tokens=parties.floor_tokens[order])
    found = share(replace(problem, group_party=to[problem.group_party]), shuffled)
    assert found.service_tokens[to].tolist() == served(problem, parties)


def test_the_same_input_gives_the_same_answer() -> None:
    problem = random_problem(11, site_count=5, hour_count=9, group_count=80, party_count=PARTIES)
    parties = make_parties([0.1, 2.5, 9.08625], [3, 0, 5.5])
    first, again = share(problem, parties), share(problem, parties)
    assert first.levels == again.levels
    assert first.service_tokens.tolist() == again.service_tokens.tolist()
