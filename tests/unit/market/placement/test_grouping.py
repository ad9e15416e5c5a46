import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.placement.grouping import group_rows
from market.domain.placement.problem import SolverFailed

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2), st.integers(0, 50)),
    max_size=30,
)


def columns_of(rows):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return {
        name: column.astype(np.int32)
        for name, column in zip(("profile", "first_hour", "last_hour", "party"), columns, strict=False)
    } | {"tokens": columns[4].copy()}


@given(ROWS)
def test_a_group_is_what_shares_profile_window_and_party_and_has_their_tokens(rows):
    groups, group = group_rows(**columns_of(rows))
    expected = {}
    for *key, tokens in rows:
        expected[tuple(key)] = expected.get(tuple(key), 0) + tokens
    keys = list(zip(groups.profile, groups.first_hour, groups.last_hour, groups.party, strict=True))
    assert dict(zip(keys, groups.tokens, strict=True)) == expected
    assert keys == sorted(expected)
    assert [keys[index] for index in group] == [tuple(row[:4]) for row in rows]


def test_far_apart_values_are_grouped_too():
    columns = columns_of([(2_000_000, 0, 47, 2000, 1), (0, 3, 3, 0, 2), (2_000_000, 0, 47, 2000, 4)])
    groups, group = group_rows(**columns)
    assert groups.tokens.tolist() == [2, 5]
    assert groups.profile.tolist() == [0, 2_000_000]
    assert group.tolist() == [1, 0, 1]


def test_the_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 4, (200, 5)).tolist()
    groups, _ = group_rows(**columns_of(rows))
    again, _ = group_rows(**columns_of(rows[::-1]))
    for name in ("profile", "first_hour", "last_hour", "party", "tokens"):
        assert np.array_equal(getattr(groups, name), getattr(again, name))


def test_tokens_beyond_what_sums_can_hold_are_refused():
    with pytest.raises(SolverFailed, match="2\\^62"):
        group_rows(**columns_of([(0, 0, 0, 0, 1 << 61), (0, 0, 0, 0, 1 << 61)]))
