"""The delta that leads from one state to another, in parts that each fit into one event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from sessions_app.domain.deltas import canonical, pointer

Operation = dict[str, Any]


class TooLarge(ValueError):
    """One text of the state is larger than an event."""


def operations(current: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[Operation]:
    """RFC 6902 operations, item by item, that make `target` of `current`."""
    for name in sorted(current.keys() | target.keys()):
        before, after = current.get(name), target.get(name)
        if _is_open(before) and _is_open(after):
            yield from _between((name,), before, after)
        else:
            yield from _between((), _only(name, current), _only(name, target))


def parts(steps: Iterator[Operation], *, most_bytes: int) -> Iterator[list[Operation]]:
    """The operations in groups whose canonical JSON has at most `most_bytes`. Raises TooLarge."""
    group: list[Operation] = []
    size = 2  # the brackets
    for step in steps:
        for each in _fitting(step, most_bytes - 2):
            length = len(canonical(each)) + 1  # and the comma
            if group and size + length > most_bytes:
                yield group
                group, size = [], 2
            group.append(each)
            size += length
    if group:
        yield group


def _is_open(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a member of a state counts by its own members."""
    return isinstance(value, dict) and bool(value)


def _only(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: state[name]} if name in state else {}


def _between(path: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Operation]:
    for name in sorted(before.keys() | after.keys()):
        place = pointer(*path, name)
        if name not in after:
            yield {"op": "remove", "path": place}
        elif name not in before or canonical(before[name]) != canonical(after[name]):
            yield {"op": "add", "path": place, "value": after[name]}  # over what is there, as `replace`


def _fitting(step: Operation, most_bytes: int) -> Iterator[Operation]:
    """A step, or steps that build the same value piece by piece."""
    if len(canonical(step)) < most_bytes:
        yield step
        return
    value, path = step.get("value"), step["path"]
    if isinstance(value, dict):
        below = [(path + pointer(name), member) for name, member in value.items()]
    elif isinstance(value, list):
        below = [(f"{path}/{place}", member) for place, member in enumerate(value)]
    else:
        raise TooLarge(path)
    yield {"op": "add", "path": path, "value": type(value)()}
    for place, member in below:
        yield from _fitting({"op": "add", "path": place, "value": member}, most_bytes)
