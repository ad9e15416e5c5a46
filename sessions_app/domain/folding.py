"""A state, or a part of one, kept as its items while the lines of a log are folded into it, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sessions_app.domain.deltas import DIGEST_BYTES, Items, Touched, changed_items, moved_digest, top_of, touched_by


@dataclass(slots=True)
class Fold:
    """The items of a state and its digest. A line costs what it touches, not what the state holds."""

    items: Items = field(default_factory=dict)
    digest: bytes = bytes(DIGEST_BYTES)

    def take(self, kind: str, delta: Any) -> None:
        """Fold a delta in. Raises DeltaError, with nothing changed."""
        before = self._of(touched_by(kind, delta))
        written, gone = changed_items(before, kind, delta)
        replaced = {key: text for key, text in before.items() if key in gone or key in written}
        self.digest = moved_digest(self.digest, gone=replaced.items(), come=written.items())
        for key in gone:
            del self.items[key]
        self.items.update(written)

    @property
    def bytes(self) -> int:
        """Of all items."""
        return sum(map(len, self.items.values()))

    def _of(self, touched: Touched) -> Items:
        return dict(self.items) if touched.everything else _touched(self.items, touched)


@dataclass(slots=True)
class Part:
    """Items of a state, and where it was looked for them: what was looked for and is not among them does not exist."""

    items: Items = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    below: set[str] = field(default_factory=set)

    def find(self, touched: Touched) -> Items | None:
        """The items that a delta touches; None where not all of that was looked for."""
        if touched.everything or not touched.below <= self.below:
            return None
        if not all(key in self.exact or top_of(key) in self.below for key in touched.exact):
            return None
        return _touched(self.items, touched)

    def learn(self, touched: Touched, found: Items) -> None:
        """Take in the items that a delta touches (or more of them), of the same moment."""
        self.exact |= touched.exact
        self.below |= touched.below
        self.items |= found

    def change(self, written: Items, gone: set[str]) -> None:
        """Take in what a delta wrote and removed, all of which it touched."""
        for key in gone:
            del self.items[key]
        self.items |= written


def _touched(items: Items, touched: Touched) -> Items:
    found = {key: items[key] for key in touched.exact | touched.below if key in items}
    if touched.below:
        starts = tuple(f"{key}/" for key in touched.below)
        found.update((key, text) for key, text in items.items() if key.startswith(starts))
    return found
