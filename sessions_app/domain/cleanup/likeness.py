"""Whether one message repeats another. Words alone do not tell: contradictions share nearly all of them."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

WORD = re.compile(r"\w+(?:['’]\w+)?")
NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
NEGATIONS = frozenset(
    [
        "no",
        "not",
        "none",
        "never",
        "nobody",
        "nothing",
        "neither",
        "nor",
        "without",
        "cannot",
        "can't",
        "don't",
        "won't",
        "isn't",
        "aren't",
        "wasn't",
        "weren't",
        "doesn't",
        "didn't",
        "shouldn't",
        "wouldn't",
        "couldn't",
        "hasn't",
        "haven't",
        "hadn't",
        "mustn't",
        "reject",
        "rejected",
        "refuse",
        "refused",
        "stop",
        "cancel",
        "nein",
        "nicht",
        "kein",
        "keine",
        "niemals",
        "nie",
        "ohne",
        "pas",
        "non",
        "jamais",
        "sans",
        "ningún",
        "nunca",
        "sin",
        "não",
        "nunca",
        "sem",
    ]
)


@dataclass(frozen=True, slots=True)
class Gist:
    """What two messages are compared by: all words, and those that must agree one by one."""

    counts: Counter[str]
    telling: Counter[str]
    length: float


def gist_of(text: str) -> Gist:
    """Words of a text by count; numbers, negations and names (whatever has a capital) apart."""
    words = WORD.findall(text)
    counts = Counter(word.lower() for word in words)
    telling = Counter(NUMBER.findall(text))
    telling.update(word.lower() for word in words if word.lower().replace("’", "'") in NEGATIONS)
    telling.update(word for word in words if word[0].isupper())
    return Gist(counts, telling, math.sqrt(sum(count * count for count in counts.values())))


def repeats(one: Gist, other: Gist, percent: int) -> bool:
    """Whether two texts are alike to so many percent (cosine of word counts) and say the same of numbers, names, no."""
    if one.telling != other.telling or not one.length or not other.length:
        return False
    shared = sum(count * other.counts[word] for word, count in one.counts.items())
    return 100 * shared >= percent * one.length * other.length
