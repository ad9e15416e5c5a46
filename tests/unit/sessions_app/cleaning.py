"""Windows to clean up, with words for tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sessions_app.domain.cleanup import Item, Kit, Room, steps_of
from sessions_app.domain.cleanup.excerpts import excerpt
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.words import Component, ItemKind

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
BODY = json.loads((Path(__file__).parents[3] / "sessions_app" / "data" / "policies.json").read_text())["default"][
    "body"
]


def terms_with(*order: str, **cleanup: Any) -> SessionTerms:
    """The shipped terms with these strategies, all of them without any, and some bounds of cleanup changed."""
    changes = {"order": list(order), **cleanup} if order else cleanup
    return SessionTerms.read({**BODY, "cleanup": {**BODY["cleanup"], **changes}})


def count(text: str) -> int:
    """A token for every word."""
    return len(text.split())


def first_words(text: str, most_tokens: int) -> str:
    """The first words of a text."""
    return " ".join(text.split()[:most_tokens])


def item(number: int = 1, text: str = "", *, idle: float = 0, age: float | None = None, **changes: Any) -> Item:
    """An item of the knowledge that is used by nobody for so many minutes, and as old unless told otherwise."""
    used = NOW - timedelta(minutes=idle)
    tokens = changes.pop("tokens", count(text))
    values = {
        "id": number,
        "key": f"i{number}",
        "component": Component.WORKING_MEMORY,
        "kind": ItemKind.OTHER,
        "text": text,
        "tokens": tokens,
        "original_tokens": tokens,
        "created_at": NOW - timedelta(minutes=idle if age is None else age),
        "last_access_at": used,
    }
    return Item(**{**values, **changes})


def message(number: int, text: str, *, idle: float = 60, **changes: Any) -> Item:
    """A part of a conversation."""
    return item(number, text, idle=idle, component=Component.INTERACTION, kind=ItemKind.MESSAGE, **changes)


def steps(
    items: list[Item],
    *order: str,
    target: int | None = 0,
    evict_to: int | None = None,
    pinned: tuple[str, ...] = (),
    terms: SessionTerms | None = None,
) -> list[Any]:
    """The steps of a plan, told as (strategy, keys, tokens that stay)."""
    held = sum(each.tokens for each in items)
    room = Room(held_tokens=held, target_tokens=target, evict_to_tokens=evict_to)
    kit = Kit(count=count, shorten=first_words, cut=lambda text, most: excerpt(text, most, count), pinned=pinned)
    return list(steps_of(items, room=room, terms=terms or terms_with(*order), kit=kit, now=NOW))


def told(*args: Any, **changes: Any) -> list[tuple[str, str, int]]:
    """Which items a plan works on and how much of them stays."""
    return [
        (each.strategy, "+".join(item.key for item in each.items), each.tokens_after)
        for each in steps(*args, **changes)
    ]
