from __future__ import annotations

from budgets.domain.swarms import Pool, left_for_swarms


def test_three_full_swarms_fit_and_the_fourth_gets_what_is_left():
    held, allotted = 0, []
    for _ in range(5):
        swarm = min(50_000, left_for_swarms(Pool(limit=200_000, reserve=10_000, held=held)))
        allotted.append(swarm)
        held += swarm
    assert allotted == [50_000, 50_000, 50_000, 40_000, 0]


def test_what_swarms_that_ended_used_is_gone():
    assert left_for_swarms(Pool(limit=200_000, reserve=10_000, held=50_000, used_otherwise=30_000)) == 110_000


def test_a_pool_that_is_all_reserve_has_nothing():
    assert left_for_swarms(Pool(limit=5_000, reserve=10_000, held=0)) == 0
