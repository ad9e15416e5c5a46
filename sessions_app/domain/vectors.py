"""Vectors of what sessions are about: when one is of use, how alike two sessions are by them, and how what words
find and what vectors find become one list."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from enum import StrEnum
from typing import TypeVar

MOST_DIMENSIONS = 16_000
"""A column of pgvector takes no more."""
RANK_OFFSET = 60
"""k of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): it keeps a first place in one list from
outweighing good places in both."""
Name = TypeVar("Name", bound=Hashable)


class Why(StrEnum):
    """Why vectors had no part in an answer. Beside these: the code of the refusal of the call that was to make one."""

    USED = ""
    NO_MODEL = "no_model"
    NO_PGVECTOR = "no_pgvector"
    NO_BUDGET = "no_budget"
    WAITING = "waiting"
    NOT_ASKED = "not_asked"
    UNUSABLE = "unusable_vector"
    LOST = "lost"
    TEXT_ONLY = "text_only"


WORDS = {
    Why.USED: "Words and vectors.",
    Why.NO_MODEL: "Words only: the policy of the session names no embedding model.",
    Why.NO_PGVECTOR: "Words only: vectors need PostgreSQL with the extension pgvector.",
    Why.NO_BUDGET: "Words only: the session has no budget that would pay for a vector.",
    Why.WAITING: "Words only: the vector of this session has not been made yet.",
    Why.NOT_ASKED: "Words only: no vector was asked for when this session began or ended here.",
    Why.UNUSABLE: "Words only: the model's answer for this session was no vector that can be compared.",
    Why.LOST: "Words only: whoever was to make the vector of this session did not come to an end.",
    Why.TEXT_ONLY: "Words only: a text that is no session has no vector.",
}


def told(why: str) -> str:
    """Why in a sentence, for a person."""
    return WORDS[Why(why)] if why in set(Why) else f"Words only: no vector of this session could be made ({why})."


def unit(numbers: Sequence[float]) -> list[float] | None:
    """A vector of length 1 in the same direction; None where there is none, or more dimensions than can be kept."""
    if not 0 < len(numbers) <= MOST_DIMENSIONS or not all(math.isfinite(each) for each in numbers):
        return None
    largest = max(abs(each) for each in numbers)
    if not largest:
        return None
    scaled = [each / largest for each in numbers]  # so that squares neither vanish nor overflow
    length = math.hypot(*scaled)
    return [each / length for each in scaled]


def likeness_of(cosine: float, *, least: float) -> float:
    """How alike two sessions are, 0 to 1, by the cosine of their vectors: 0 up to `least`, then in a line to 1."""
    return min(1.0, max(0.0, (cosine - least) / (1 - least)))


def fused(*rankings: Sequence[Name]) -> list[Name]:
    """One ranking of several, each best first: by the sum of 1 / (RANK_OFFSET + place). Of equals, the first
    ranking's come first."""
    sums: dict[Name, float] = {}
    for ranking in rankings:
        for place, name in enumerate(ranking, start=1):
            sums[name] = sums.get(name, 0.0) + 1 / (RANK_OFFSET + place)
    return sorted(sums, key=lambda name: -sums[name])
