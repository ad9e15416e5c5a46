"""How deep values are nested: what is deeper than a parser or a stack takes must not be stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MOST_LEVELS = 100


def is_too_deep(value: Any, *, most_levels: int = MOST_LEVELS) -> bool:
    """Whether objects and lists are nested deeper than `most_levels`; a lone number has no level."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(most_levels):
        level = [below for each in level for below in _members(each) if isinstance(below, (dict, list))]
        if not level:
            return False
    return bool(level)


def _members(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container
