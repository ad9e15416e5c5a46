"""What a source has answered before, as far as HTTP lets us use it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An answer with its validators. Until `fresh_until` it is served without asking; None: ask, conditionally."""

    content: bytes
    etag: str = ""
    last_modified: str = ""
    fresh_until: datetime | None = None

    @property
    def has_validators(self) -> bool:
        """Whether the source can be asked if it has changed."""
        return bool(self.etag or self.last_modified)


class Memory(Protocol):
    """Where answers are kept. A question may hold keys: whoever implements this keeps a keyed digest of it only."""

    def recall(self, question: str) -> Remembered | None:
        """The last good answer to this question."""

    def remember(self, question: str, answer: Remembered) -> None:
        """Keep an answer, once the whole collection has succeeded."""

    def forget(self, question: str) -> None:
        """Drop an answer that turned out to be of no use."""


class NoMemory:
    """Nothing is kept: every question is asked."""

    def recall(self, question: str) -> Remembered | None:
        """Nothing."""
        return None

    def remember(self, question: str, answer: Remembered) -> None:
        """Not kept."""

    def forget(self, question: str) -> None:
        """Nothing was kept."""
