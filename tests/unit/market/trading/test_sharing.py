"""Sharing in a team: how far a budget may owe, and from which donations it draws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.units import Unit
from market.domain.trading.sharing import drawn_from, may_draw, most_owed_steps


def test_the_bound_is_the_same_number_of_units_in_every_unit():
    assert most_owed_steps(Unit.TOKENS, 50_000) == 50_000
    assert most_owed_steps(Unit.CARBON_G, 50_000) == 50_000_000_000


def test_who_has_donated_may_draw_that_much_more():
    assert may_draw(credit_steps=0, most_owed=50) == 50
    assert may_draw(credit_steps=30, most_owed=50) == 80
    assert may_draw(credit_steps=-50, most_owed=50) == 0
    assert may_draw(credit_steps=-90, most_owed=50) == 0  # the policy was made stricter since


def test_the_oldest_donation_is_drawn_first():
    assert drawn_from([10, 20, 30], 25) == [10, 15, 0]
    assert drawn_from([10], 11) is None
    assert drawn_from([], 1) is None


@given(left=st.lists(st.integers(0, 1000), max_size=10), steps=st.integers(0, 12_000))
def test_what_is_drawn_is_what_was_asked_for_or_nothing(left, steps):
    drawn = drawn_from(left, steps)
    assert (drawn is None) == (steps > sum(left))
    if drawn is not None:
        assert sum(drawn) == steps
        assert all(0 <= part <= each for part, each in zip(drawn, left, strict=True))
