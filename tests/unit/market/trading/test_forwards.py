"""Promises of later periods, and who gets what of a delivery that falls short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from market.domain.trading.forwards import forward_collateral, most_promised, paired, shared_out


def test_the_lesser_percentage_bounds_what_is_promised():
    assert most_promised(base_steps=1001, most_promised_percent=50, tradeable_percent=30) == 300
    assert most_promised(base_steps=1001, most_promised_percent=20, tradeable_percent=30) == 200


def test_a_promise_is_backed_at_the_top_of_the_collar():
    assert forward_collateral(lots=7, top_ticks=150) == 1050


def test_what_came_is_shared_by_what_each_is_owed():
    assert shared_out(10, [10, 20, 30]) == [2, 3, 5]  # 1.67, 3.33, 5
    assert shared_out(1, [1, 1]) == [1, 0]
    assert shared_out(99, [10, 20]) == [10, 20]
    assert shared_out(5, []) == []


@given(total=st.integers(0, 10**6), wants=st.lists(st.integers(0, 10**5), max_size=20))
def test_nothing_is_lost_and_nobody_gets_more_than_is_owed(total, wants):
    shares = shared_out(total, wants)
    assert sum(shares) == min(total, sum(wants))
    assert all(0 <= share <= want for share, want in zip(shares, wants, strict=True))


def test_who_lacks_makes_up_for_who_is_owed_in_order():
    assert paired([3, 0, 4], [2, 5]) == [(0, 0, 2), (0, 1, 1), (2, 1, 4)]
    assert paired([1], [0, 0, 1]) == [(0, 2, 1)]
    assert paired([], [1]) == []
