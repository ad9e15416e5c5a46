"""Occupancy of a context window, the ladder on it, and how much of it a component may have.

Occupancy = (context tokens + the next output) / window: an answer needs room as well. It is compared in
whole numbers, so that no rung is missed by rounding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.words import Component, Rung

PERPETUAL = "perpetual"
"""Beside the rungs in what has fired: the profile was refused, because what cannot be freed is too much."""


class Verdict(StrEnum):
    """What becomes of an ask for room."""

    GRANTED = "granted"
    AFTER_CLEANUP = "after_cleanup"
    PARTIAL = "partial"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window in tokens: its size, what is kept free for the next output, and what it holds."""

    size: int
    output: int
    context: int

    @property
    def percent(self) -> float:
        """Occupancy in percent, for people; may be above 100."""
        return round((self.context + self.output) * 100 / self.size, 2)

    @property
    def is_over(self) -> bool:
        """Whether it holds more than it can, with the next output."""
        return self.context + self.output > self.size

    def is_at(self, percent: int) -> bool:
        """Whether occupancy is at `percent` or above."""
        return (self.context + self.output) * 100 >= percent * self.size

    def is_down_to(self, percent: int) -> bool:
        """Whether occupancy is at `percent` or below."""
        return (self.context + self.output) * 100 <= percent * self.size

    def room_below(self, percent: int) -> int:
        """Tokens that can be added while occupancy stays below `percent`."""
        return max(0, (percent * self.size - 1) // 100 - self.output - self.context)

    def share(self, percent: int) -> int:
        """So many percent of the window less its reserve for the output, in tokens."""
        return (self.size - self.output) * percent // 100


def percent_of(terms: SessionTerms) -> dict[Rung, int]:
    """Where each rung lies, lowest first."""
    return dict(zip(Rung, terms.rungs, strict=True))


def crossed(window: Window, fired: Collection[str], terms: SessionTerms) -> list[Rung]:
    """Rungs that the window has reached and that are armed, lowest first."""
    return [rung for rung, percent in percent_of(terms).items() if rung not in fired and window.is_at(percent)]


def rearmed(window: Window, fired: Sequence[str], terms: SessionTerms) -> list[str]:
    """What stays fired: a rung is armed again `rearm_points` below where it fires."""
    points = terms.ladder.rearm_points
    armed = {rung for rung, percent in percent_of(terms).items() if window.is_down_to(percent - points)}
    return [rung for rung in fired if rung not in armed]


def gain_tokens(window: Window, terms: SessionTerms) -> int:
    """What a compaction must free to be worth it."""
    return -(-window.size * terms.ladder.least_gain_percent // 100)


def perpetual_target(window: Window, floor: int, terms: SessionTerms) -> int | None:
    """Context tokens down to which a perpetual window is compacted; None if `floor` cannot be kept below its limit.

    `floor` are the context tokens that no cleanup can free: pinned, or not itemised.
    """
    if Window(size=window.size, output=window.output, context=floor).is_at(terms.ladder.perpetual_percent):
        return None
    target = window.size * terms.ladder.perpetual_target_percent // 100 - window.output
    return max(target, floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Tokens that a component can be given: within its share, and before the window admits nothing new."""

    component: int
    window: int

    @property
    def tokens(self) -> int:
        """The smaller of the two."""
        return min(self.component, self.window)


def room_of(window: Window, held: Mapping[str, int], component: Component, terms: SessionTerms) -> Room:
    """Room of a component that holds `held[component]` tokens."""
    most = window.share(terms.shares.percent[component])
    return Room(
        component=max(0, most - held.get(component, 0)),
        window=window.room_below(terms.ladder.refuse_percent),
    )


def allocated(asked: int, least: int, room: Room, *, was_cleaned: bool) -> tuple[Verdict, int]:
    """The verdict on an ask for `asked` tokens of which `least` are of use, and the tokens granted."""
    if asked <= room.tokens:
        return (Verdict.AFTER_CLEANUP if was_cleaned else Verdict.GRANTED), asked
    if room.tokens >= max(1, least):
        return Verdict.PARTIAL, room.tokens
    return Verdict.DENIED, 0
