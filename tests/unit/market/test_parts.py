"""A grant that is served in parts: filled in the order of its hours, given back from the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from market.domain.parts import Part, filled, unused

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def part(hour: int, tokens: int, region: str = "a") -> Part:
    return Part(region=region, starts_at=NOON + timedelta(hours=hour), tokens=tokens, from_fund_micro_usd=hour)


def test_a_part_is_stored_and_read_back():
    assert Part.from_json(part(3, 7).to_json()) == part(3, 7)


def test_parts_are_filled_in_the_order_of_their_hours():
    parts = [part(2, 100), part(1, 50), part(1, 30, "b")]
    assert [(each.region, each.tokens, used) for each, used in filled(parts, 90)] == [
        ("a", 50, 50),
        ("b", 30, 30),
        ("a", 100, 10),
    ]


def test_what_is_beyond_the_grant_falls_to_the_last_part():
    assert [used for _, used in filled([part(1, 50), part(2, 100)], 200)] == [50, 150]


def test_nothing_used_is_one_part_of_nothing():
    assert [used for _, used in filled([part(2, 100), part(1, 50)], 0)] == [0]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=6), st.data())
def test_what_is_used_and_what_comes_back_are_the_grant(sizes, data):
    parts = [part(index, tokens) for index, tokens in enumerate(sizes)]
    used = data.draw(st.integers(0, sum(sizes)))
    taken = {each.starts_at: tokens for each, tokens in filled(parts, used)}
    back = {each.starts_at: tokens for each, tokens in unused(parts, sum(sizes) - used)}
    assert sum(taken.values()) == used
    for each in parts:
        assert taken.get(each.starts_at, 0) + back.get(each.starts_at, 0) == each.tokens
