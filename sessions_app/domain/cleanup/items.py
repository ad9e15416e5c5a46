"""What cleanup works on, and what it says it will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sessions_app.domain.words import Component, ItemKind


class Action(StrEnum):
    """What becomes of the items of a step."""

    UNLOAD = "unload"
    SHORTEN = "shorten"
    GATHER = "gather"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A thing in a context window. `text` is empty where only the size is known."""

    id: int
    key: str
    component: Component
    kind: ItemKind
    text: str = ""
    tokens: int
    original_tokens: int
    is_pinned: bool = False
    is_finished: bool = False
    is_shortened: bool = False
    created_at: datetime
    last_access_at: datetime

    def idle(self, now: datetime) -> timedelta:
        """How long nobody used it."""
        return now - self.last_access_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a strategy does: to one item, or to several that are gathered into one text.

    `tokens_after` is what stays in the window; `text` is that, where it is not what was there before. `kept` says in
    words what is still in the window, and where the rest can be had.
    """

    strategy: str
    action: Action
    items: tuple[Item, ...]
    tokens_after: int = 0
    text: str = ""
    kept: str

    @property
    def tokens_before(self) -> int:
        """What its items took."""
        return sum(item.tokens for item in self.items)

    @property
    def freed(self) -> int:
        """Tokens that it takes out of the window; never less than one."""
        return self.tokens_before - self.tokens_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What strategies need from outside: to count the tokens of a text, to shorten one to so many tokens (`shorten`
    keeps what is said, `cut` whole lines).

    `pinned` are texts that stay in the window wherever they stand in it: pinned facts.
    """

    count: Callable[[str], int]
    shorten: Callable[[str, int], str]
    cut: Callable[[str, int], str]
    pinned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is to be freed: from `held_tokens` to `target_tokens`, of the window or of one component; without a target
    only what is due by its age.

    What was used the longest ago is evicted down to `evict_to_tokens`, or not at all.
    """

    held_tokens: int
    target_tokens: int | None
    evict_to_tokens: int | None = None

    @property
    def is_reached(self) -> bool:
        """Whether as much is free as was asked for."""
        return self.target_tokens is not None and self.held_tokens <= self.target_tokens

    @property
    def is_needed(self) -> bool:
        """Whether somebody asks for room, or more is held than may be before things are evicted."""
        is_tight = self.evict_to_tokens is not None and self.held_tokens > self.evict_to_tokens
        return is_tight or self.target_tokens is not None

    def less(self, freed: int) -> Room:
        """What is left to be freed."""
        return replace(self, held_tokens=self.held_tokens - freed)


def without(items: Sequence[Item], step: Step) -> list[Item]:
    """The items of the window after a step; what several are gathered into is not touched again."""
    gone = {item.id for item in step.items}
    left = [item for item in items if item.id not in gone]
    if step.action == Action.SHORTEN:
        left += [replace(item, text=step.text, tokens=step.tokens_after, is_shortened=True) for item in step.items]
    return left
