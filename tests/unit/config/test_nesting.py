"""How deep a value is nested is measured without a stack of its depth."""

from __future__ import annotations

import pytest

from config.kernel.nesting import is_too_deep


@pytest.mark.parametrize(("value", "levels"), [(1, 0), ([], 1), ([1], 1), ({"a": [{}]}, 3), ([[], [[[]]]], 4)])
def test_levels_are_those_of_the_deepest_part(value: object, levels: int) -> None:
    assert not is_too_deep(value, most_levels=levels)
    assert levels == 0 or is_too_deep(value, most_levels=levels - 1)


def test_a_value_deeper_than_the_stack_is_measured() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert is_too_deep(deep)
