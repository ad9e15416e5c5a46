"""Water-filling over teams: by weight, whole lots, nobody above what was asked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.trading.groups import group_rows
from market.domain.trading.marginal import share, water_fill
from tests.unit.market.trading.calls import whole
from tests.unit.market.trading.plain_call import Ask, share_lots

weights = st.sampled_from([1, 2, 3, 1000, 1_000_003])
teams = st.lists(st.tuples(st.integers(0, 30), weights), min_size=1, max_size=7)


@settings(max_examples=300, deadline=None)
@given(teams, st.data())
def test_it_agrees_with_fractions(rows, data) -> None:
    total = data.draw(st.integers(0, sum(most for most, _ in rows)))
    asks = [
        Ask(number=at, limit=1, lots=most, adder=0, team=at, weight=weight) for at, (most, weight) in enumerate(rows)
    ]
    plain, _ = share_lots(asks, total)
    assert water_fill(*map(whole, zip(*rows, strict=True)), total).tolist() == [plain[at] for at in range(len(rows))]


@settings(max_examples=300, deadline=None)
@given(teams, st.data(), st.integers(1, 10**6))
def test_a_team_whose_weight_rises_never_gets_less(rows, data, more) -> None:
    total = data.draw(st.integers(0, sum(most for most, _ in rows)))
    at = data.draw(st.integers(0, len(rows) - 1))
    heavier = [(most, weight + (more if row == at else 0)) for row, (most, weight) in enumerate(rows)]
    before, after = (water_fill(*map(whole, zip(*each, strict=True)), total) for each in (rows, heavier))
    assert after[at] >= before[at]


def test_what_one_cannot_take_rises_for_the_others() -> None:
    assert water_fill(whole([1, 50, 50]), whole([1, 1, 1]), 21).tolist() == [1, 10, 10]
    assert water_fill(whole([50, 50]), whole([3, 1]), 40).tolist() == [30, 10]


def test_within_a_team_the_first_order_is_served_first() -> None:
    lots, team = whole([4, 9, 4]), whole([7, 8, 7])
    assert share(lots, whole([1, 1, 1]), group_rows(team), 10).tolist() == [4, 5, 1]


def test_the_team_that_came_first_gets_the_odd_lot() -> None:
    assert share(whole([9, 9]), whole([1, 1]), group_rows(whole([8, 7])), 5).tolist() == [3, 2]
