"""The continuity document: what whoever goes on with a session must know, in a bounded number of tokens.

Facts stand in it whole or not at all; what did not fit is counted under `left_out`. Lines are admitted
section by section in turns, so that a long list never crowds out a short one; pinned facts go first.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sessions_app.domain.words import FactKind

VERSION = 1
LONGEST_EXCERPT_CHARACTERS = 240
MOST_MISSES = 3
"""So many lines of a section may be too long before the section is closed."""
NEWEST_FIRST = ("decisions", "problems", "where", "done")
SECTIONS = ("pinned", "resume", "in_progress", "next", "constraints", "agents", *NEWEST_FIRST)
"""In the order in which they take turns. Sections of NEWEST_FIRST drop their oldest lines."""
NOTED = ("done", "in_progress", "next", "where", "resume")
"""Sections to which an agent may add lines of its own."""
SECTION_OF_FACT = {
    FactKind.DECISION: "decisions",
    FactKind.CONSTRAINT: "constraints",
    FactKind.PREFERENCE: "constraints",
    FactKind.OPEN: "next",
    FactKind.ARTIFACT: "where",
    FactKind.FAILED: "problems",
    FactKind.CORRECTION: "problems",
    FactKind.DISSENT: "problems",
}
SECTION_OF_KEY = {"focus": "in_progress", "coordination": "next", "decisions": "decisions", "artefacts": "where"}

Line = str | dict[str, Any]
Lines = dict[str, list[Line]]
Count = Callable[[str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A fact as the document quotes it."""

    number: int
    kind: FactKind
    text: str
    is_pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A thing that an agent holds in its window: a task, or something that lies elsewhere."""

    agent: str
    key: str
    is_task: bool
    is_finished: bool
    locator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An active agent and how full its window is, in tokens."""

    agent: str
    role: str
    epoch: int
    context_tokens: int
    window_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """Lines that an agent adds itself, by section."""

    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A session at a point of its log, with all that a document is made of; oldest first."""

    session_id: str
    name: str
    purpose: str
    mode: str
    seq: int
    at: datetime
    digest: str
    state: Mapping[str, Any]
    facts: Sequence[Known] = ()
    held: Sequence[Held] = ()
    seats: Sequence[Seat] = ()
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A continuity document (strings, whole numbers, lists and objects only) and its size."""

    body: dict[str, Any]
    tokens: int


def compose(point: Point, *, most_tokens: int, count: Count) -> Document:
    """The document of a session at a point, of at most `most_tokens` tokens.

    Who asks for less than the frame takes (about 150 tokens) gets the bare frame.
    """
    wanted = _lines(point)
    chosen = _admitted(wanted, most_tokens - count(_text(_body(point, {}, wanted))), count)
    body = _body(point, _kept(wanted, chosen), wanted)
    while (tokens := count(_text(body))) > most_tokens and chosen:
        chosen.pop()
        body = _body(point, _kept(wanted, chosen), wanted)
    return Document(body=body, tokens=tokens)


def readable(text: str) -> str:
    """Text that every database stores: without NUL and without halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def excerpt(value: Any) -> str:
    """A value of the state in one short line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    line = " ".join(readable(text).split())
    if len(line) <= LONGEST_EXCERPT_CHARACTERS:
        return line
    return line[: LONGEST_EXCERPT_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _lines(point: Point) -> Lines:
    """All that could stand in the document, oldest first."""
    lines: Lines = {name: [] for name in SECTIONS}
    for fact in point.facts:
        section = "pinned" if fact.is_pinned else SECTION_OF_FACT[fact.kind]
        lines[section].append(f"#{fact.number} {fact.kind}: {readable(fact.text)}")
    for name, section in SECTION_OF_KEY.items():
        lines[section].extend(_excerpts(point.state.get(name)))
    for held in point.held:
        if held.is_task:
            lines["done" if held.is_finished else "in_progress"].append(excerpt(f"{held.key} ({held.agent})"))
        if held.locator:
            lines["where"].append(excerpt(f"{held.key}: {held.locator}"))
    roles = point.state.get("roles")
    for seat in point.seats:
        lines["agents"].append(_seat(seat, roles if isinstance(roles, dict) else {}))
    for name in NOTED:
        lines[name].extend(readable(line) for line in point.notes.lines.get(name, ()))
    lines["resume"].extend(_steps(point))
    return lines


def leading_lines(value: Any) -> list[str]:
    """The first lines by which a document quotes a value of the state, as much as one excerpt holds: whatever the
    size of the value, a document that tells of it has these."""
    chosen: list[str] = []
    left = LONGEST_EXCERPT_CHARACTERS
    for line in _excerpts(value):
        left -= len(line)
        if chosen and left < 0:
            break
        chosen.append(line)
    return chosen


def _excerpts(value: Any) -> Iterable[str]:
    """By name, so that a state read from elsewhere gives the same lines in the same order."""
    if isinstance(value, dict):
        return [excerpt(f"{name}: {excerpt(below)}") for name, below in sorted(value.items())]
    if isinstance(value, list):
        return map(excerpt, value)
    return [excerpt(value)] if value else []


def _seat(seat: Seat, roles: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "agent": readable(seat.agent),
        "role": excerpt(roles.get(seat.agent) or seat.role),
        "epoch": seat.epoch,
        "context_tokens": seat.context_tokens,
        "window_tokens": seat.window_tokens,
    }


def _steps(point: Point) -> list[str]:
    here = f"/api/v1/sessions/{point.session_id}"
    return [
        f"Read the shared state: GET {here}/state/?at={point.seq}",
        f"Read what has changed since: GET {here}/events/",
        f"Read facts that did not fit: GET {here}/facts/",
        "Write with your agent's name and newest epoch; begin with what is in progress.",
    ]


def _admitted(wanted: Lines, room_tokens: int, count: Count) -> list[tuple[str, int]]:
    """Places of the lines that fit, in the order in which they were admitted."""
    chosen: list[tuple[str, int]] = []
    misses = dict.fromkeys(SECTIONS, 0)
    for name, place in _in_turns(wanted):
        if misses[name] >= MOST_MISSES and name != "pinned":
            continue
        tokens = count(_text(wanted[name][place])) + 1  # and the comma
        if tokens <= room_tokens:
            room_tokens -= tokens
            chosen.append((name, place))
        else:
            misses[name] += 1
    return chosen


def _in_turns(wanted: Lines) -> Iterator[tuple[str, int]]:
    """Every place: all that is pinned, then one line of each section after the other."""
    waiting = {name: deque(_order(name, len(lines))) for name, lines in wanted.items()}
    yield from (("pinned", place) for place in waiting.pop("pinned"))
    while any(waiting.values()):
        yield from ((name, places.popleft()) for name, places in waiting.items() if places)


def _order(name: str, length: int) -> list[int]:
    places = list(range(length))
    return places[::-1] if name in NEWEST_FIRST else places


def _kept(wanted: Lines, chosen: Iterable[tuple[str, int]]) -> Lines:
    kept: Lines = {name: [] for name in SECTIONS}
    for name, place in sorted(chosen):
        kept[name].append(wanted[name][place])
    return kept


def _body(point: Point, kept: Mapping[str, list[Line]], wanted: Lines) -> dict[str, Any]:
    left_out = {name: len(wanted[name]) - len(kept.get(name, ())) for name in SECTIONS}
    return {
        "version": VERSION,
        "session": {
            "id": point.session_id,
            "name": readable(point.name),
            "purpose": readable(point.purpose),
            "mode": point.mode,
        },
        "point": {"seq": point.seq, "at": point.at.isoformat(), "digest": point.digest},
        **{name: kept.get(name, []) for name in SECTIONS},
        "left_out": {name: number for name, number in left_out.items() if number},
    }


def _text(value: Any) -> str:
    """As it is counted: the JSON that a successor is shown."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
