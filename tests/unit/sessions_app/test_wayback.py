"""The delta that leads from one state to another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sessions_app.domain.deltas import PATCH, applied, canonical, changed_items, items_of, state_of
from sessions_app.domain.wayback import TooLarge, operations, parts

NAMES = some.sampled_from(["a", "b", "", "a/b", "~", "~1", "0", "-"])
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-3, 3) | some.text(max_size=3) | some.sampled_from([0.0, 1.0, -0.0]),
    lambda below: some.lists(below, max_size=3) | some.dictionaries(NAMES, below, max_size=3),
    max_leaves=8,
)
STATES = some.dictionaries(NAMES, VALUES, max_size=4)


@given(current=STATES, target=STATES)
def test_it_makes_the_target_of_the_current_state(current, target):
    items = items_of(current)
    for delta in parts(operations(current, target), most_bytes=100_000):
        written, gone = changed_items(items, PATCH, delta)
        items = {key: text for key, text in items.items() if key not in gone} | written
    assert items == items_of(target)


@given(state=STATES)
def test_nothing_leads_to_where_one_is(state):
    assert list(operations(state, state)) == []


@given(current=STATES, target=STATES)
def test_parts_are_small_enough_and_lead_there_together(current, target):
    state = current
    for delta in parts(operations(current, target), most_bytes=90):
        assert len(canonical(delta)) <= 90
        state = applied(state, PATCH, delta)
    assert canonical(state) == canonical(target)


def test_a_large_value_is_built_piece_by_piece():
    target = {"log": [{"text": "x" * 50, "n": [n] * 20} for n in range(6)], "map": {"a": {"b": "y" * 60}}}
    deltas = list(parts(operations({"log": "gone"}, target), most_bytes=150))
    assert max(len(canonical(delta)) for delta in deltas) <= 150
    state = {"log": "gone"}
    for delta in deltas:
        state = applied(state_of(items_of(state).items()), PATCH, delta)
    assert state == target


def test_a_text_larger_than_an_event_is_refused():
    with pytest.raises(TooLarge):
        list(parts(operations({}, {"a": "x" * 200}), most_bytes=100))
