"""Parts of a state: what is known of it is what it holds, or nothing is said."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.deltas import MERGE, PATCH, DeltaError, Touched, changed_items, touched_by
from sessions_app.domain.folding import Fold, Part

NAMES = st.sampled_from(("a", "b", "a/b", "~"))
VALUES = st.sampled_from((1, None, "text", {}, {"x": 1}, {"a": None}))
MERGES = st.dictionaries(NAMES, st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=3)), max_size=3)
PATCHES = st.lists(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(("add", "remove")),
            "path": st.sampled_from(("/a", "/b", "/a/b", "/a/a", "/b/x")),
            "value": VALUES,
        }
    ),
    min_size=1,
    max_size=3,
)


@given(st.lists(st.one_of(MERGES, PATCHES), max_size=12), st.sets(st.integers(0, 11)))
def test_a_part_finds_the_items_of_the_whole_state_whatever_was_looked_for_before(deltas: Any, read: set[int]) -> None:
    whole, part = Fold(), Part()
    for number, delta in enumerate(deltas):
        kind = MERGE if isinstance(delta, dict) else PATCH
        touched = touched_by(kind, delta)
        before = Part(dict(whole.items), set(touched.exact), set(touched.below)).find(touched)
        found = part.find(touched)
        assert found in (None, before)
        assert before is not None
        if found is None and number in read:
            part = Part()
        part.learn(touched, before)
        assert part.find(touched) == before
        try:
            whole.take(kind, delta)
        except DeltaError:
            continue
        part.change(*changed_items(before, kind, delta))
        assert part.items.items() <= whole.items.items()


def test_what_was_looked_for_and_is_not_there_is_known_not_to_be_there() -> None:
    part = Part()
    part.learn(Touched(frozenset({"/tasks", "/tasks/t1"}), frozenset()), {})
    assert part.find(Touched(frozenset({"/tasks/t1"}), frozenset())) == {}
    assert part.find(Touched(frozenset({"/tasks/t2"}), frozenset())) is None
    assert part.find(Touched(frozenset(), frozenset({"/tasks"}))) is None
    assert part.find(Touched(frozenset(), frozenset(), everything=True)) is None


def test_whoever_looked_for_all_below_a_key_knows_each_of_its_members() -> None:
    part = Part()
    part.learn(Touched(frozenset(), frozenset({"/tasks"})), {"/tasks/t1": "1"})
    assert part.find(Touched(frozenset({"/tasks/t1", "/tasks/t2"}), frozenset())) == {"/tasks/t1": "1"}
    assert part.find(Touched(frozenset({"/task"}), frozenset())) is None
