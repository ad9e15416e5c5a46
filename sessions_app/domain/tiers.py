"""How near a part of the shared state is kept: hot in every prompt, warm on demand, cold in the archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sessions_app.domain.deltas import names_of

STANDING = {"focus": 1.0, "coordination": 0.75, "roles": 0.75, "decisions": 0.5, "tasks": 0.25}
"""What some keys of the state weigh by themselves, beside 1 for what has just changed and 1 for what was just read."""
HALF_LIFE_EVENTS = 50
"""A change weighs half after so many events: a busy session forgets faster than a quiet one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An item of the state as the tiers see it."""

    key: str
    bytes: int
    tokens: int
    changed_seq: int
    read_at: datetime | None = None


def salience(part: Part, *, head_seq: int, now: datetime, half_life_minutes: int) -> float:
    """How much a part is worth in every prompt, 0 to 3: by its key, by how new it is and by who asks for it."""
    changed = 0.5 ** (max(0, head_seq - part.changed_seq) / HALF_LIFE_EVENTS)
    read = 0.0
    if part.read_at is not None:
        minutes = max(0.0, (now - part.read_at).total_seconds() / 60)
        read = 0.5 ** (minutes / half_life_minutes)
    worth: float = STANDING.get(names_of(part.key)[0], 0.0) + changed + read
    return worth


def fits_hot(part: Part, *, most_tokens: int, most_bytes: int) -> bool:
    """Whether it is small enough to be in every prompt."""
    return part.tokens <= most_tokens and part.bytes <= most_bytes


def least_salient_half(parts: Iterable[tuple[Part, float]]) -> Sequence[Part]:
    """The parts of least salience that together make up half of all tokens, rounded down."""
    ordered = sorted(parts, key=lambda each: (each[1], each[0].key))
    left = sum(part.tokens for part, _ in ordered) // 2
    chosen = []
    for part, _ in ordered:
        if part.tokens > left:
            break
        chosen.append(part)
        left -= part.tokens
    return chosen
