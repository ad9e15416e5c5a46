"""State as a fold of deltas: RFC 7396 merge patches and RFC 6902 patches over items of a state.

A state is a JSON object. Its items are its members, or their members where those are objects that hold
something: `{"focus": "x", "tasks": {"t1": {...}}}` has the items `/focus` and `/tasks/t1`. A digest of the
state is the sum of the SHA-256 of its items modulo 2**256, so that a change costs what it touches.
It tells damage from health; it does not resist somebody who can choose items at will and has much time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import jsonpatch

from config.kernel.nesting import MOST_LEVELS, is_too_deep
from sessions_app.domain.sizes import size_of

MERGE = "merge"
PATCH = "patch"
DIGEST_BYTES = 32
MOST_COPIED = 256 * 1024
"""Characters and members that the copies of one patch take in all: forty that double a value would fill any memory."""
LONGEST_REASON = 300
_MODULUS = 2 ** (8 * DIGEST_BYTES)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)

State = dict[str, Any]
Items = dict[str, str]


class DeltaError(ValueError):
    """A delta that cannot be applied. `is_conflict`: it tested for something that is not so."""

    def __init__(self, detail: str, *, is_conflict: bool = False):
        super().__init__(detail)
        self.is_conflict = is_conflict


@dataclass(frozen=True, slots=True)
class Touched:
    """Items that a delta needs: some by their pointer, and all below some top-level keys. `everything` is all."""

    exact: frozenset[str]
    below: frozenset[str]
    everything: bool = False

    def meets(self, other: Touched) -> bool:
        """Whether two deltas touch the same item, or one of them all that is below a key of the other."""
        if self.everything or other.everything or self.below & other.below:
            return True
        if any(_is_member(key) for key in self.exact & other.exact):
            return True  # that both look below the same key is no reason
        return any(
            top_of(key) in second.below for first, second in ((self, other), (other, self)) for key in first.exact
        )


def canonical(value: Any) -> str:
    """JSON with sorted keys, without spaces, in ASCII: the same value is the same text."""
    return _ENCODER.encode(value)


def pointer(*names: str) -> str:
    """The JSON pointer (RFC 6901) of a member."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def _is_member(key: str) -> bool:
    return key.count("/") > 1


def top_of(key: str) -> str:
    """The pointer of the member of the state that a key is, or is below."""
    return "/" + key.split("/")[1]


def names_of(key: str) -> list[str]:
    """The names that a pointer goes through."""
    names = key.split("/")[1:]
    return [name.replace("~1", "/").replace("~0", "~") for name in names] if "~" in key else names


def items_of(state: Mapping[str, Any]) -> Items:
    """Canonical JSON of every item by its pointer."""
    items: Items = {}
    for name, value in state.items():
        if isinstance(value, dict) and value:
            items |= {pointer(name, member): canonical(below) for member, below in value.items()}
        else:
            items[pointer(name)] = canonical(value)
    return items


def state_of(items: Iterable[tuple[str, str]]) -> State:
    """The state that has these items."""
    state: State = {}
    pairs = list(items)
    for (key, _), value in zip(pairs, parsed_all(text for _, text in pairs), strict=True):
        names = names_of(key)
        if len(names) == 1:
            state[names[0]] = value
        else:
            state.setdefault(names[0], {})[names[1]] = value
    return state


def parsed_all(texts: Iterable[str]) -> list[Any]:
    """Values of many texts of JSON, read as one: half the time."""
    values: list[Any] = json.loads(f"[{','.join(texts)}]")
    return values


def text_of_state(items: Items) -> str:
    """Canonical JSON of the state that has these items, without reading any of them."""
    members: dict[str, Any] = {}
    for key, text in items.items():
        names = names_of(key)
        if len(names) == 1:
            members[names[0]] = text
        else:
            members.setdefault(names[0], {})[names[1]] = text
    return _object({name: each if isinstance(each, str) else _object(each) for name, each in members.items()})


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{canonical(name)}:{members[name]}" for name in sorted(members)) + "}"


def merged(target: Any, patch: Any) -> Any:
    """`target` after a merge patch (RFC 7396, section 2); neither argument is changed."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def applied(state: State, kind: str, delta: Any) -> State:
    """`state` after a delta; the argument is not changed. Raises DeltaError."""
    if kind == MERGE:
        if not isinstance(delta, dict):
            raise DeltaError("A merge patch of a state is an object.")
        result: State = merged(state, delta)
        return result
    return _patched(state, deepcopy(delta), in_place=False)  # values of a patch become parts of the state


def folded(state: State, kind: str, delta: Any) -> State:
    """The same where nobody needs the arguments any more: both may be changed. Raises DeltaError, half done."""
    return applied(state, kind, delta) if kind == MERGE else _patched(state, delta, in_place=True)


def _patched(state: State, delta: Any, *, in_place: bool) -> State:
    try:
        if _has_copies(delta):
            after = _copied(state if in_place else deepcopy(state), delta)
        else:
            after = jsonpatch.apply_patch(state, delta, in_place=in_place)
    except jsonpatch.JsonPatchTestFailed as error:
        raise DeltaError(f"A test of the patch failed: {_short(error)}", is_conflict=True) from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, ValueError) as error:
        if isinstance(error, DeltaError):
            raise
        raise DeltaError(f"The patch cannot be applied: {_short(error)}") from error
    if not isinstance(after, dict):
        raise DeltaError("A state is an object.")
    return after


def _has_copies(delta: Any) -> bool:
    return isinstance(delta, list) and any(isinstance(each, dict) and each.get("op") == "copy" for each in delta)


def _copied(state: Any, delta: list[Any]) -> Any:
    """`state` after operations, one by one: what a copy takes is known only when its turn has come."""
    left = MOST_COPIED
    for each in delta:
        if isinstance(each, dict) and each.get("op") == "copy" and isinstance(each.get("from"), str):
            left -= size_of(jsonpatch.JsonPointer(each["from"]).resolve(state), most=left)
            if left < 0:
                raise DeltaError(f"The copies of a patch take at most {MOST_COPIED} characters in all.")
        state = jsonpatch.apply_patch(state, [each], in_place=True)
    return state


def _short(error: Exception) -> str:
    """The words of a library, which repeats whole values in them."""
    return str(error)[:LONGEST_REASON]


def touched_by(kind: str, delta: Any) -> Touched:
    """The items without which a delta cannot be applied. Raises DeltaError for what is no delta."""
    if kind == PATCH:
        if not isinstance(delta, list) or not all(isinstance(each, dict) for each in delta):
            raise DeltaError("A patch is a list of operations.")
        paths = [str(each.get(name, "")) for each in delta for name in ("path", "from") if name in each]
        if any(path in ("", "/") for path in paths):
            return Touched(frozenset(), frozenset(), everything=True)
        if not all(path.startswith("/") for path in paths):
            raise DeltaError("The path of an operation begins with a slash.")
        return Touched(frozenset(), frozenset("/" + path.split("/")[1] for path in paths))
    if not isinstance(delta, dict):
        raise DeltaError("A merge patch of a state is an object.")
    exact, below = set(), set()
    for name, value in delta.items():
        if isinstance(value, dict) and value and None not in value.values():
            exact |= {pointer(name)} | {pointer(name, member) for member in value}
        else:
            below.add(pointer(name))
    return Touched(frozenset(exact), frozenset(below))


def changed_items(before: Items, kind: str, delta: Any) -> tuple[Items, set[str]]:
    """What is written and what goes of the items that a delta touches. Raises DeltaError."""
    state = folded(state_of(before.items()), kind, deepcopy(delta) if kind == PATCH else delta)
    if is_too_deep(state):
        raise DeltaError(f"A state is nested at most {MOST_LEVELS} levels deep.")
    after = items_of(state)
    written = {key: text for key, text in after.items() if before.get(key) != text}
    return written, set(before) - set(after)


def moved_digest(digest: bytes, *, gone: Iterable[tuple[str, str]], come: Iterable[tuple[str, str]]) -> bytes:
    """The digest of a state after some items went and others came."""
    total = int.from_bytes(digest, "big")
    total += sum(_weight(key, text) for key, text in come) - sum(_weight(key, text) for key, text in gone)
    moved: int = total % _MODULUS
    return moved.to_bytes(DIGEST_BYTES, "big")


def digest_of(state: Mapping[str, Any]) -> bytes:
    """The digest of a whole state."""
    return moved_digest(bytes(DIGEST_BYTES), gone=(), come=items_of(state).items())


def _weight(key: str, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{key}\0{text}".encode()).digest(), "big")
