"""Whole numbers above 64 bits, and shares that add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.domain.trading.exact import apportion, exact_sum, mul_div, top_ups
from tests.unit.market.trading.calls import whole

large = st.integers(0, 2**62 - 1)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(large, large, st.integers(1, 2**61 - 1)), min_size=1, max_size=5))
def test_quotients_and_remainders_are_those_of_numbers_of_any_size(rows) -> None:
    exact = [divmod(first * second, divisor) for first, second, divisor in rows]
    assume(all(quotient < 2**62 for quotient, _ in exact))
    quotients, rests = mul_div(*(whole(column) for column in zip(*rows, strict=True)))
    assert list(zip(quotients.tolist(), rests.tolist(), strict=True)) == exact


def test_a_divisor_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(OverflowError):
        mul_div(whole([2**61]), 2**61, 2**61)


@given(st.lists(large, max_size=40))
def test_sums_may_be_of_any_size(values) -> None:
    assert exact_sum(whole(values)) == sum(values)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 50), st.lists(st.integers(0, 20), min_size=1, max_size=6), st.data())
def test_shares_add_up_and_a_larger_part_never_gets_less(total, parts, data) -> None:
    assume(sum(parts))
    shares = apportion(total, whole(parts))
    assert shares.sum() == total
    assert all(abs(share * sum(parts) - total * part) < sum(parts) for share, part in zip(shares, parts, strict=True))
    at = data.draw(st.integers(0, len(parts) - 1))
    more = [part + (7 if row == at else 0) for row, part in enumerate(parts)]
    assert apportion(total, whole(more))[at] >= shares[at]


def test_among_equal_remainders_the_first_goes_up() -> None:
    assert apportion(2, whole([1, 1, 1])).tolist() == [1, 1, 0]
    assert top_ups(whole([5, 9, 5, 5]), 3).tolist() == [1, 1, 1, 0]
    assert top_ups(np.zeros(3, dtype=np.int64), 0).tolist() == [0, 0, 0]
