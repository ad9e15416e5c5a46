"""How large values are."""

from __future__ import annotations

from typing import Any


def size_of(value: Any, *, most: int) -> int:
    """Roughly the characters of a value, or something above `most` as soon as it is more."""
    size, rest = 0, [value]
    while rest and size <= most:
        each = rest.pop()
        size += 1
        if isinstance(each, dict):
            size += sum(map(len, each))
            rest.extend(each.values())
        elif isinstance(each, list):
            rest.extend(each)
        elif isinstance(each, str):
            size += len(each)
    return size
