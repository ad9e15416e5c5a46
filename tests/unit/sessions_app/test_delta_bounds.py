"""Deltas that would blow up a state, or cost more than their size, are refused."""

from __future__ import annotations

import pytest

from sessions_app.domain.deltas import MERGE, MOST_COPIED, PATCH, DeltaError, changed_items
from sessions_app.domain.sizes import size_of


def test_a_patch_that_copies_a_value_into_itself_does_not_fill_the_memory() -> None:
    doubling = [{"op": "copy", "from": "/a", "path": f"/a/c{step}"} for step in range(60)]
    with pytest.raises(DeltaError, match="copies of a patch"):
        changed_items({"/a/x": "1"}, PATCH, doubling)


def test_a_patch_that_copies_one_large_value_again_and_again_is_refused() -> None:
    again = [{"op": "copy", "from": "/text", "path": "/other"}] * 4
    with pytest.raises(DeltaError, match="copies of a patch"):
        changed_items({"/text": f'"{"x" * (MOST_COPIED // 3)}"'}, PATCH, again)


def test_what_is_copied_is_what_stands_there_when_its_turn_has_come() -> None:
    steps = [{"op": "add", "path": "/a", "value": [1, 2]}, {"op": "copy", "from": "/a", "path": "/b"}]
    changed = [*steps, {"op": "add", "path": "/b/-", "value": 3}]
    assert changed_items({}, PATCH, changed) == ({"/a": "[1,2]", "/b": "[1,2,3]"}, set())


@pytest.mark.parametrize("origin", ["/nowhere", "/a/-", "a", 5, None])
def test_a_copy_from_nowhere_is_refused(origin: object) -> None:
    with pytest.raises(DeltaError):
        changed_items({"/a": "[1]"}, PATCH, [{"op": "copy", "from": origin, "path": "/b"}])


def test_moves_do_not_nest_a_state_without_end() -> None:
    steps = []
    for step in range(200):
        steps.append({"op": "add", "path": f"/n{step + 1}", "value": {}})
        steps.append({"op": "move", "from": f"/n{step}", "path": f"/n{step + 1}/x"})
    with pytest.raises(DeltaError, match="levels"):
        changed_items({"/n0": "1"}, PATCH, steps)


def test_merges_do_not_nest_a_state_deeper_than_it_is_read() -> None:
    deep: object = 1
    for _ in range(101):
        deep = {"a": deep}
    with pytest.raises(DeltaError, match="levels"):
        changed_items({}, MERGE, {"x": deep})


def test_a_refusal_does_not_repeat_a_whole_state() -> None:
    test = [{"op": "test", "path": "/text", "value": 1}]
    with pytest.raises(DeltaError) as refused:
        changed_items({"/text": f'"{"x" * 100_000}"'}, PATCH, test)
    assert refused.value.is_conflict
    assert len(str(refused.value)) < 400


def test_the_size_of_a_value_is_counted_no_further_than_asked() -> None:
    assert size_of({"name": ["four", 1, None]}, most=100) == 1 + 4 + 1 + 5 + 1 + 1
    assert size_of([0] * 1000, most=10) > 10
