from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.domain.placement.paying import UNITS, Purses, payable, totals

TOKENS, CARBON, MONEY, ENERGY = range(4)


def paid(budget, tokens, order, purses, **others):
    amounts = [np.zeros(len(budget), dtype=np.int64) for _ in UNITS]
    for unit, steps in {"tokens": tokens, **others}.items():
        amounts[UNITS.index(unit)] = np.array(steps, dtype=np.int64)
    flags = payable(
        budget=np.array(budget, dtype=np.int32), amounts=amounts, order=np.array(order, dtype=np.int64), purses=purses
    )
    return flags.tolist()


def test_who_goes_first_is_paid_first_and_what_does_not_fit_lets_smaller_work_pass():
    purses = Purses(paths=((0,),), unit=(TOKENS,), remaining=(10,))
    assert paid([0, 0, 0], [8, 8, 2], [1, 0, 2], purses) == [False, True, True]


def test_budgets_share_the_level_above_them():
    purses = Purses(paths=((0, 2), (1, 2)), unit=(TOKENS, TOKENS, TOKENS), remaining=(10, 10, 12))
    assert paid([0, 1], [9, 9], [0, 1], purses) == [True, False]


def test_every_unit_of_a_path_counts():
    purses = Purses(paths=((0, 1),), unit=(TOKENS, CARBON), remaining=(100, 5))
    assert paid([0, 0], [1, 1], [0, 1], purses, carbon_g=[6, 5]) == [False, True]
    energy = Purses(paths=((0, 1),), unit=(MONEY, ENERGY), remaining=(100, 5))
    assert paid([0, 0], [1, 1], [0, 1], energy, energy_wh=[6, 5]) == [False, True]


def test_a_budget_that_is_gone_pays_nothing():
    purses = Purses(paths=((0,),), unit=(TOKENS,), remaining=(0,))
    assert paid([0], [1], [0], purses) == [False]


@given(st.data())
def test_levels_that_can_pay_everybody_change_nothing_and_no_level_is_overspent(data):
    levels = data.draw(st.integers(1, 4))
    paths = data.draw(st.lists(st.lists(st.integers(0, levels - 1), min_size=1, unique=True), min_size=1, max_size=4))
    remaining = data.draw(st.lists(st.integers(0, 30), min_size=levels, max_size=levels))
    budget = data.draw(st.lists(st.integers(0, len(paths) - 1), max_size=12))
    tokens = data.draw(st.lists(st.integers(1, 12), min_size=len(budget), max_size=len(budget)))
    order = data.draw(st.permutations(range(len(budget))))
    purses = Purses(paths=tuple(map(tuple, paths)), unit=(TOKENS,) * levels, remaining=tuple(remaining))
    left, expected = list(remaining), [False] * len(budget)
    for request in order:
        if all(left[level] >= tokens[request] for level in paths[budget[request]]):
            expected[request] = True
            for level in paths[budget[request]]:
                left[level] -= tokens[request]
    assert paid(budget, tokens, order, purses) == expected


def test_sums_are_exact_where_floats_are_not():
    amounts = [np.array([2**53, 1, 1], dtype=np.int64)]
    assert totals(budget=np.zeros(3, dtype=np.int32), amounts=amounts, budget_count=1) == [[2**53 + 2]]
