"""Other ways of shortening a text to the same number of tokens, and how many labelled facts a short version keeps."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sessions_app.domain.summary import sentences_of

FOLDER = Path(__file__).resolve().parent / "sessions_facts"
DAMPING = 0.85  # Mihalcea and Tarau (2004)
ROUNDS = 60

Count = Callable[[str], int]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A labelled fact. It is kept if all signs of one alternative stand in one line or in two that follow."""

    kind: str
    text: str
    signs: tuple[tuple[str, ...], ...]

    def is_in(self, summary: str) -> bool:
        """Whether a short version tells it."""
        lines = [folded(line) for line in summary.splitlines()]
        places = [*lines, *(f"{first} {second}" for first, second in pairwise(lines))]
        return any(all(sign in place for sign in signs) for signs in self.signs for place in places)


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A session with the facts that somebody who takes over has to know. `split` is `tuning` or `held_out`."""

    id: str
    language: str
    style: str
    split: str
    text: str
    facts: tuple[Fact, ...]

    def recall(self, summary: str) -> float:
        """The share of its facts that a short version keeps."""
        return sum(fact.is_in(summary) for fact in self.facts) / len(self.facts)


def load(folder: Path = FOLDER) -> list[Labelled]:
    """Every labelled session, by name."""
    return [_labelled(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]


def _labelled(row: dict[str, Any]) -> Labelled:
    facts = tuple(
        Fact(kind=each["kind"], text=each["text"], signs=tuple(tuple(signs) for signs in each["signs"]))
        for each in row["facts"]
    )
    return Labelled(
        id=row["id"],
        language=row["language"],
        style=row["style"],
        split=row["split"],
        text="\n".join(row["lines"]),
        facts=facts,
    )


def folded(text: str) -> str:
    """Small letters and single spaces."""
    return " ".join(text.casefold().split())


def last_tokens(text: str, most_tokens: int, count: Count) -> str:
    """The end of the text, cut between words: what a window that overflows keeps."""
    pieces = re.findall(r"\s*\S+", text)
    low, high = 0, len(pieces)
    while low < high:
        middle = (low + high) // 2
        if count("".join(pieces[middle:]).strip()) <= most_tokens:
            high = middle
        else:
            low = middle + 1
    return "".join(pieces[low:]).strip()


def first_tokens(text: str, most_tokens: int, count: Count) -> str:
    """The beginning of the text, cut between words."""
    pieces = re.findall(r"\s*\S+", text)
    low, high = 0, len(pieces)
    while low < high:
        middle = (low + high + 1) // 2
        if count("".join(pieces[:middle]).strip()) <= most_tokens:
            low = middle
        else:
            high = middle - 1
    return "".join(pieces[:low]).strip()


def text_rank(text: str, most_tokens: int, count: Count) -> str:
    """Sentences by PageRank on their overlap of words, the best that fit, in their order (Mihalcea and Tarau 2004)."""
    sentences = [each.text for each in sentences_of(text)]
    words = [Counter(re.findall(r"\w+", each.casefold())) for each in sentences]
    size = len(sentences)
    alike = np.zeros((size, size))
    for one in range(size):
        for other in range(one):
            scale = math.log(max(len(words[one]), 1)) + math.log(max(len(words[other]), 1))
            shared = len(words[one].keys() & words[other].keys())
            alike[one, other] = alike[other, one] = shared / scale if scale > 0 else 0.0
    out = alike.sum(axis=1, keepdims=True)
    steps = np.divide(alike, out, out=np.zeros_like(alike), where=out > 0)
    rank = np.full(size, 1 / size)
    for _ in range(ROUNDS):
        rank = (1 - DAMPING) / size + DAMPING * steps.T @ rank
    return fitted(sentences, np.argsort(-rank, kind="stable").tolist(), most_tokens, count)


def by_labels(session: Labelled, most_tokens: int, count: Count) -> str:
    """Sentences by how many facts that are still missing each tells for a token: about the most that any can keep."""
    sentences = [each.text for each in sentences_of(session.text)]
    missing, order = set(range(len(session.facts))), []
    while missing:
        told = {at: {n for n in missing if session.facts[n].is_in(text)} for at, text in enumerate(sentences)}
        best = max(told, key=lambda at: len(told[at]) / (count(sentences[at]) + 1))
        if not told[best]:
            break
        order.append(best)
        missing -= told[best]
    return fitted(sentences, order, most_tokens, count)


def fitted(sentences: Sequence[str], order: Sequence[int], most_tokens: int, count: Count) -> str:
    """The sentences that fit, taken in `order`, told in theirs."""
    chosen: list[int] = []
    for at in order:
        if count("\n".join(sentences[each] for each in sorted([*chosen, at]))) <= most_tokens:
            chosen.append(at)
    return "\n".join(sentences[each] for each in sorted(chosen))
