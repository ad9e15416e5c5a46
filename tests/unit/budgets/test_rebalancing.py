from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.rebalancing import Share, rebalanced


def share(number: int, base: int, least: int = 0, used: int = 0) -> Share:
    return Share(key=UUID(int=number), base=base, least=least, used=used)


@st.composite
def families(draw):
    """Children of one budget, none of which keeps more than it has."""
    bases = draw(st.lists(st.integers(0, 2**40), min_size=1, max_size=8))
    return [share(n, base, draw(st.integers(0, base)), draw(st.integers(0, 2**40))) for n, base in enumerate(bases)]


@given(family=families())
def test_nothing_is_made_or_lost_and_nobody_falls_below_the_least(family):
    after = rebalanced(family)
    assert sum(after.values()) == sum(each.base for each in family)
    assert all(after[each.key] >= each.least for each in family)


@given(family=families(), seed=st.randoms())
def test_the_order_in_which_children_are_listed_changes_nothing(family, seed):
    shuffled = list(family)
    seed.shuffle(shuffled)
    assert rebalanced(shuffled) == rebalanced(family)


@given(family=families())
def test_who_used_more_gets_no_less(family):
    after = rebalanced(family)
    for one in family:
        for other in family:
            if one.used > other.used and after[other.key] > other.least:
                assert after[one.key] >= after[other.key]


@given(family=families())
def test_doing_it_twice_changes_no_more(family):
    after = rebalanced(family)
    again = [Share(key=each.key, base=after[each.key], least=each.least, used=each.used) for each in family]
    assert rebalanced(again) == after


def test_unused_allotment_flows_to_where_it_is_used():
    after = rebalanced([share(1, 100, used=90), share(2, 100, least=20, used=0), share(3, 100, least=50, used=10)])
    assert list(after.values()) == [230, 20, 50]


def test_where_nothing_was_used_nothing_changes():
    assert list(rebalanced([share(1, 100), share(2, 7)]).values()) == [100, 7]


def test_odd_steps_go_to_the_largest_remainder_and_then_to_the_first():
    assert list(rebalanced([share(1, 10, used=1), share(2, 0, used=1), share(3, 0, used=1)]).values()) == [4, 3, 3]
    assert list(rebalanced([share(1, 10, used=2), share(2, 0, used=1)]).values()) == [7, 3]
