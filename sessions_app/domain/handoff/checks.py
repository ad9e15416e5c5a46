"""What is checked before the switch: that the successors begin with what the session is, and in whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sessions_app.domain.continuity import leading_lines
from sessions_app.domain.deltas import digest_of
from sessions_app.domain.handoff.packages import Decision, Identity, Package

WAIVED_IN_EMERGENCY = frozenset({"focus"})
"""Likeness is a judgement: an emergency notes it and goes on."""
_WORD = re.compile(r"\w+", re.UNICODE)
SHORTEST_WORD = 3
LONGEST_ROLE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the session says itself of one agent: to hold its package against.

    `items` are the tokens in the window by key, `room_tokens` what the successor may hold at the beginning.
    """

    identity: Identity
    is_source_active: bool
    decisions: Sequence[Decision]
    digest: str
    items: Mapping[str, int]
    context_tokens: int
    room_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of one package."""

    name: str
    passed: bool
    detail: str = ""


def check(package: Package, truth: Truth, *, focus_percent: int) -> list[Finding]:
    """All checks of one package, in a fixed order."""
    return [
        _identity(package, truth),
        _state(package, truth),
        _roles(package, truth),
        _decisions(package, truth),
        _focus(package, focus_percent),
        _tokens(package, truth),
        _room(package, truth),
    ]


def is_passed(findings: Sequence[Finding], *, is_emergency: bool) -> bool:
    """Whether all that must pass has passed."""
    waived = WAIVED_IN_EMERGENCY if is_emergency else frozenset()
    return all(each.passed or each.name in waived for each in findings)


def _identity(package: Package, truth: Truth) -> Finding:
    told = package.get("identity", {})
    known = truth.identity
    names = [name for name in Identity.__dataclass_fields__ if name != "role"]  # that is a check of its own
    wrong = [name for name in names if told.get(name) != getattr(known, name)]
    if not truth.is_source_active:
        wrong.append("the source is not active")
    if known.epoch_to <= known.epoch_from:
        wrong.append("the epoch does not rise")
    return Finding(name="identity", passed=not wrong, detail=", ".join(wrong))


def _state(package: Package, truth: Truth) -> Finding:
    """The digest of the state that is packed, computed anew, is the one that the log has."""
    found = digest_of(package["state"]["value"]).hex()
    passed = found == truth.digest == package["state"]["digest"]
    return Finding(name="state", passed=passed, detail="" if passed else f"digest {found[:12]}")


def _roles(package: Package, truth: Truth) -> Finding:
    """The successor gets the role that the shared state gives its agent, else the one that it has."""
    told, known = package["identity"]["role"], role_of(package["state"]["value"], truth.identity)
    return Finding(name="roles", passed=told == known, detail="" if told == known else f"{told}, not {known}")


def role_of(state: Mapping[str, Any], identity: Identity) -> str:
    """The role of an agent: `roles/<agent>` of the state, itself or its member `role`, else that of its instance."""
    roles = state.get("roles")
    told = roles.get(identity.agent) if isinstance(roles, Mapping) else None
    if isinstance(told, Mapping):
        told = told.get("role")
    return told[:LONGEST_ROLE] if isinstance(told, str) and told else identity.role


def _decisions(package: Package, truth: Truth) -> Finding:
    told = {each["number"]: (each["kind"], each["text"]) for each in package["decisions"]}
    missing = [each.number for each in truth.decisions if told.get(each.number) != (each.kind, each.text)]
    extra = sorted(set(told) - {each.number for each in truth.decisions})
    detail = "; ".join(
        f"{word} {', '.join(map(str, numbers[:10]))}"
        for word, numbers in (("missing", missing), ("superseded", extra))
        if numbers
    )
    return Finding(name="decisions", passed=not missing and not extra, detail=detail)


def _focus(package: Package, focus_percent: int) -> Finding:
    """How many of the words by which a document quotes the focus are told. The whole of it is in the state, as
    checked there; a document holds an excerpt at most, however long the focus is."""
    quoted = leading_lines(package["state"]["value"].get("focus"))
    covered = covered_percent(quoted, [package["continuity"], package["summary"]])
    return Finding(name="focus", passed=covered >= focus_percent, detail=f"{covered} %")


def covered_percent(focus: Any, told: Any) -> int:
    """The share of the words of one value that another has; 100 where there are none."""
    wanted = set(_words(focus))
    return 100 * len(wanted & set(_words(told))) // len(wanted) if wanted else 100


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (word for word in _WORD.findall(value.casefold()) if len(word) >= SHORTEST_WORD)
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from _words(name)
            yield from _words(below)
    elif isinstance(value, Sequence):
        for below in value:
            yield from _words(below)


def _tokens(package: Package, truth: Truth) -> Finding:
    """Every item of the window is in the package once, and the sums agree."""
    items, sums = package["items"], package["tokens"]
    told = [(each["key"], each["tokens"]) for each in items["loaded"]]
    told += [(each["key"], each["tokens_before"]) for each in items["kept"]]
    parts = sums["loaded"] + sums["kept"] + sums["not_itemised"]
    wrong = sorted(key for key, tokens in set(told) ^ set(truth.items.items()))
    if len(told) != len(truth.items) and not wrong:
        wrong = ["an item twice"]
    if not sums["context_before"] == parts == max(truth.context_tokens, sum(truth.items.values())):
        wrong.append(f"{parts} of {truth.context_tokens} tokens")
    return Finding(name="tokens", passed=not wrong, detail=", ".join(wrong[:10]))


def _room(package: Package, truth: Truth) -> Finding:
    """The successor begins with enough room to be worth the switch."""
    begins_with = package["tokens"]["context_after"]
    passed = begins_with <= truth.room_tokens
    return Finding(name="room", passed=passed, detail=f"{begins_with} of {truth.room_tokens} tokens")
