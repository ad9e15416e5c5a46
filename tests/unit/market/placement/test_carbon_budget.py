from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.domain.placement.fairness import share_fairly
from market.domain.placement.green import place_green
from market.domain.placement.problem import FairService, Ints, Parties, Problem
from tests.unit.market.placement.instances import make_problem, problems

CLEAN, DIRTY = 2, 5


def two_sites(demands: list[int]) -> Problem:
    """A clean site with room for 10 and a dirty one with room for 90."""
    groups = [(0, 0, 0, party, tokens) for party, tokens in enumerate(demands)]
    return make_problem(capacity=[[10], [90]], cost=[[CLEAN], [DIRTY]], sets=[[0, 1]], groups=groups)


def share(problem: Problem, weight: list[float], floor: list[float], budget: int | None) -> FairService:
    parties = Parties(weight=np.array(weight), floor_tokens=np.array(floor))
    return share_fairly(problem, parties, carbon_budget=budget, seconds=60)


def cost_of(problem: Problem, service_tokens: Ints) -> int:
    return place_green(problem, service_tokens=service_tokens, seconds=60).objective


def test_a_budget_that_is_enough_changes_nothing() -> None:
    enough = 10 * CLEAN + 50 * DIRTY
    found = share(two_sites([30, 30]), [1, 2], [0, 0], enough)
    assert found.service_tokens.tolist() == [30, 30]
    assert not found.stopped_by_carbon


def test_the_level_stops_where_the_least_carbon_reaches_the_budget() -> None:
    found = share(two_sites([30, 30]), [1, 2], [0, 0], 10 * CLEAN + 20 * DIRTY)
    assert found.service_tokens.tolist() == [10, 20]
    assert found.stopped_by_carbon
    assert [(level.level, level.parties, level.cells) for level in found.levels] == [(10.0, (0, 1), ())]


def test_parties_below_the_level_keep_what_they_ask() -> None:
    found = share(two_sites([2, 30]), [1, 1], [0, 0], 10 * CLEAN + 5 * DIRTY)
    assert found.service_tokens.tolist() == [2, 13]
    assert [(level.level, level.parties) for level in found.levels] == [(2.0, (0,)), (13.0, (1,))]


def test_floors_are_kept_when_the_budget_has_room_for_little_more() -> None:
    found = share(two_sites([30, 30]), [1, 1], [10, 0], 10 * CLEAN + 4 * DIRTY)
    assert found.service_tokens.tolist() == [10, 4]
    assert found.floor_scale == 1


def test_floors_shrink_by_one_factor_when_they_alone_are_too_much() -> None:
    found = share(two_sites([30, 30]), [1, 9], [20, 10], 10 * CLEAN + 5 * DIRTY)
    assert found.service_tokens.tolist() == [10, 5]
    assert found.floor_scale == 0.5
    assert found.stopped_by_carbon


def test_no_budget_at_all_serves_only_what_emits_nothing() -> None:
    assert share(two_sites([30, 30]), [1, 1], [20, 0], 0).service_tokens.tolist() == [0, 0]
    free = make_problem(capacity=[[4], [9]], cost=[[0], [5]], sets=[[0, 1]], groups=[(0, 0, 0, 0, 30)])
    assert share(free, [1], [0], 0).service_tokens.tolist() == [4]


@settings(max_examples=60, deadline=None)
@given(
    problems(party_count=3),
    st.lists(st.sampled_from([0.1, 1.0, 2.5]), min_size=3, max_size=3),
    st.lists(st.sampled_from([0.0, 0.0, 5.5]), min_size=3, max_size=3),
    st.floats(0.01, 0.99),
)
def test_service_stays_within_the_budget_and_no_further_step_does(
    problem: Problem, weight: list[float], floor: list[float], part: float
) -> None:
    whole = share(problem, weight, floor, None)
    emits = cost_of(problem, whole.service_tokens)
    assume(emits > 0)
    found = share(problem, weight, floor, int(emits * part))
    assert cost_of(problem, found.service_tokens) <= emits * part
    assert (found.service_tokens <= whole.service_tokens).all()
    kept = np.minimum(np.floor(np.array(floor) * whole.floor_scale), whole.service_tokens)
    if found.floor_scale == whole.floor_scale:
        assert (found.service_tokens >= kept).all()
        held = int(np.flatnonzero(found.service_tokens < whole.service_tokens)[0])
        level = next(each.level for each in found.levels if held in each.parties)
        next_level = level + 1 / max(weight) + 1e-9
        more = np.floor(np.maximum(kept, next_level * np.array(weight))).astype(np.int64)
        assert cost_of(problem, np.minimum(more, whole.service_tokens)) > emits * part
