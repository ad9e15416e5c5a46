from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.proposals import ChildHistory, ShareTerms, propose_shares
from budgets.domain.units import LARGEST_AMOUNT

TERMS = ShareTerms()


def child(number: int, base: int, **changes: Any) -> ChildHistory:
    values: dict[str, Any] = {
        "floor": 0,
        "needed": 1,
        "is_fixed": False,
        "period_count": 3,
        "hours_refused": 0,
        "mean_use": 0.7,
    }
    return ChildHistory(budget_id=UUID(int=number), name=f"child {number}", base=base, **{**values, **changes})


def bases(children: list[ChildHistory], terms: ShareTerms = TERMS) -> list[int]:
    return [each.base_after for each in propose_shares(children, terms)]


def test_a_child_that_turned_work_away_gains_what_one_used_little_gives():
    shares = propose_shares(
        [child(1, 30_000, hours_refused=4), child(2, 30_000, mean_use=0.3), child(3, 40_000)], TERMS
    )
    assert [each.base_after for each in shares] == [35_000, 25_000, 40_000]
    assert [each.share_after for each in shares] == [0.35, 0.25, 0.40]
    assert "Turned work away in 4 hours of 3 periods (more than 3): +5 points." in shares[0].explanation
    assert "From 30.0 to 35.0 %" in shares[0].explanation
    assert "30.0 % used in the mean of 3 periods (below 50 %): -5 points." in shares[1].explanation
    assert "70.0 % used in the mean of 3 periods: as it should be. It stays" in shares[2].explanation


def test_three_hours_of_refusals_and_half_used_are_not_yet_enough():
    assert bases([child(1, 30_000, hours_refused=3), child(2, 30_000, mean_use=0.5)]) == []


def test_refusals_count_more_than_a_low_mean():
    after = bases([child(1, 30_000, hours_refused=4, mean_use=0.1), child(2, 30_000), child(3, 40_000)])
    assert after[0] > 30_000


def test_shares_are_renormalised_where_nobody_gives():
    after = bases([child(1, 20_000, hours_refused=9), child(2, 40_000), child(3, 40_000)])
    assert after == [23_810, 38_095, 38_095]


def test_nobody_is_taken_below_5_percent_or_above_50():
    least = propose_shares([child(1, 6_000, mean_use=0.0), child(2, 47_000), child(3, 47_000)], TERMS)
    assert [each.base_after for each in least] == [5_000, 47_500, 47_500]
    most = propose_shares([child(1, 48_000, hours_refused=9), child(2, 26_000), child(3, 26_000)], TERMS)
    assert [each.base_after for each in most] == [50_000, 25_000, 25_000]


def test_no_share_is_proposed_above_the_largest_amount():
    after = bases([child(1, LARGEST_AMOUNT, hours_refused=9), *(child(n, LARGEST_AMOUNT) for n in (2, 3, 4))])
    assert max(after, default=0) <= LARGEST_AMOUNT
    assert bases([child(1, 10, hours_refused=9), *(child(n, LARGEST_AMOUNT) for n in (2, 3, 4))])[0] > 10


def test_whoever_stands_outside_the_bounds_is_not_pushed_further_out_nor_forced_in():
    assert bases([child(1, 90_000, hours_refused=9), child(2, 10_000)]) == []
    assert bases([child(1, 97_000), child(2, 3_000, mean_use=0.0)]) == []
    assert bases([child(1, 90_000, mean_use=0.2), child(2, 10_000)]) == [89_474, 10_526]


@pytest.mark.parametrize("count", [1, 2, 21, 40])
def test_any_number_of_children_has_an_answer(count):
    children = [child(number, 1_000, hours_refused=9 if number == 0 else 0) for number in range(count)]
    after = bases(children)
    assert after == [] or sum(after) == count * 1_000


def test_what_is_in_use_promised_or_a_floor_is_left():
    after = bases(
        [child(1, 30_000, mean_use=0.1, needed=29_000), child(2, 30_000, mean_use=0.1, floor=28_000), child(3, 40_000)]
    )
    assert after[0] >= 29_000
    assert after[1] >= 28_000


def test_a_child_that_two_people_guard_keeps_its_base_whatever_its_past():
    after = propose_shares(
        [child(1, 30_000, hours_refused=9, is_fixed=True), child(2, 30_000, mean_use=0.1), child(3, 40_000)], TERMS
    )
    assert after[0].base_after == 30_000
    assert "two people" in after[0].explanation
    assert after[1].base_after < 30_000


def test_a_child_without_a_past_asks_for_nothing():
    unknown = child(1, 30_000, mean_use=None, period_count=0)
    assert propose_shares([unknown, child(2, 30_000)], TERMS) == []
    shares = propose_shares([unknown, child(2, 30_000, mean_use=0.1), child(3, 40_000)], TERMS)
    assert "Nothing is known of its past periods." in shares[0].explanation


CHILDREN = st.lists(
    st.builds(
        lambda base, floor, needed, fixed, hours, use: {
            "base": base,
            "floor": floor,
            "needed": needed,
            "is_fixed": fixed,
            "hours_refused": hours,
            "mean_use": use,
        },
        base=st.integers(min_value=1, max_value=10**9),
        floor=st.integers(min_value=0, max_value=10**9),
        needed=st.integers(min_value=1, max_value=10**9),
        fixed=st.booleans(),
        hours=st.integers(min_value=0, max_value=9),
        use=st.none() | st.floats(min_value=0, max_value=1),
    ),
    min_size=1,
    max_size=25,
)
SHARES = st.builds(
    ShareTerms,
    least_percent=st.floats(min_value=0, max_value=30),
    most_percent=st.floats(min_value=30, max_value=100),
    step_points=st.floats(min_value=0, max_value=40),
)


@given(rows=CHILDREN, terms=SHARES)
def test_every_proposal_conserves_the_sum_and_keeps_within_its_limits(rows, terms):
    children = [child(number, **row) for number, row in enumerate(rows)]
    total = sum(each.base for each in children)
    shares = propose_shares(children, terms)
    assert not shares or sum(each.base_after for each in shares) == total
    for before, after in zip(children, shares, strict=False):
        least = max(int(terms.least_percent / 100 * total) - 1, before.floor, before.needed)
        assert after.base_after >= min(before.base, least)
        assert after.base_after <= max(before.base, terms.most_percent / 100 * total)
        assert after.base_after == before.base or not before.is_fixed
        assert len(after.explanation) <= 300


@given(rows=CHILDREN)
def test_the_same_past_proposes_the_same_shares(rows):
    children = [child(number, **row) for number, row in enumerate(rows)]
    assert propose_shares(children, TERMS) == propose_shares(children, TERMS)
