from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.rollover import Ended, turn
from budgets.domain.units import LARGEST_AMOUNT


@st.composite
def endings(draw):
    """Budgets that keep their constraints, with whatever policy."""
    base, carried, pooled, bonus = (draw(st.integers(0, 10**6)) for _ in range(4))
    limit = base + carried + pooled + bonus
    spent = draw(st.integers(0, limit))
    reserved = draw(st.integers(0, limit - spent))
    earned = draw(st.integers(0, base))
    return Ended(
        base=base,
        carried=carried,
        pooled=pooled,
        bonus=bonus,
        spent=spent,
        reserved=reserved,
        overdraft=draw(st.integers(0, 10**6)),
        rollover_percent=draw(st.integers(0, 100)),
        rollover_cap_percent=draw(st.integers(0, 1000)),
        earned=earned,
        earned_tradeable=earned // 2,
    )


@given(ended=endings())
def test_a_turn_keeps_every_constraint_whatever_is_still_reserved(ended):
    begun = turn(ended)
    assert min(begun.carried, begun.pooled, begun.bonus, begun.spent, begun.overdraft) >= 0
    assert begun.limit == ended.base + begun.carried + begun.pooled + begun.bonus
    assert begun.spent + ended.reserved <= begun.limit
    assert begun.spent + begun.overdraft == ended.overdraft


@given(ended=endings())
def test_no_more_is_carried_over_than_the_cap_or_what_open_holds_need(ended):
    begun = turn(ended)
    cap = ended.base * ended.rollover_cap_percent // 100
    assert begun.carried <= cap or begun.limit == ended.reserved
    assert begun.pooled == 0 or begun.limit == ended.reserved
    assert begun.limit <= max(ended.base + cap + ended.earned, ended.reserved)


@given(ended=endings())
def test_what_is_carried_over_was_there_before(ended):
    own_left = max(0, ended.base + ended.carried + ended.bonus - ended.spent)
    assert turn(ended).carried <= max(own_left, ended.reserved)


@pytest.mark.parametrize(
    ("spent", "percent", "cap", "carried"),
    [(400, 100, 100, 600), (400, 50, 100, 300), (400, 100, 25, 250), (1000, 100, 100, 0), (401, 50, 100, 299)],
)
def test_a_share_of_what_is_not_spent_goes_on_up_to_the_cap(spent, percent, cap, carried):
    begun = turn(Ended(base=1000, spent=spent, rollover_percent=percent, rollover_cap_percent=cap))
    assert (begun.carried, begun.limit) == (carried, 1000 + carried)


def test_draws_on_a_pool_and_the_old_bonus_are_not_carried_over():
    begun = turn(Ended(base=1000, pooled=200, spent=1000, rollover_percent=100))
    assert (begun.carried, begun.pooled, begun.limit) == (0, 0, 1000)
    begun = turn(Ended(base=1000, bonus=100, spent=1100))
    assert (begun.bonus, begun.limit) == (0, 1000)


def test_holds_that_need_a_draw_keep_that_part_of_it():
    begun = turn(Ended(base=1000, pooled=300, spent=0, reserved=1200, overdraft=50))
    assert (begun.pooled, begun.limit, begun.spent, begun.overdraft) == (200, 1200, 0, 50)


def test_a_bonus_comes_on_top_and_pays_what_was_overdrawn_too():
    begun = turn(Ended(base=1000, reserved=1000, overdraft=300, earned=100, earned_tradeable=50))
    assert (begun.limit, begun.bonus, begun.tradeable, begun.spent, begun.overdraft) == (1100, 100, 50, 100, 200)


@pytest.mark.parametrize("base", [LARGEST_AMOUNT, LARGEST_AMOUNT - 3, LARGEST_AMOUNT // 2])
def test_no_turn_lifts_a_limit_above_the_largest_amount(base):
    carried = 0
    for _ in range(20):
        begun = turn(
            Ended(
                base=base,
                carried=carried,
                rollover_percent=100,
                rollover_cap_percent=1000,
                earned=base // 10,
                earned_tradeable=base // 20,
            )
        )
        assert begun.limit <= LARGEST_AMOUNT
        assert begun.tradeable <= begun.bonus
        carried = begun.carried
