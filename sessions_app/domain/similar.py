"""How alike texts are, by TF-IDF and cosine, and what a new session may need, judged by those like it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sessions_app.domain.summary.words import words_of

MOST_TERMS = 200
MOST_TERM_CHARACTERS = 60
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(Generic[Name]):
    """A text that is like another: `score` is 0 to 1, `terms` are the words that say most of why."""

    name: Name
    score: float
    terms: tuple[str, ...]


def term_counts(text: str) -> dict[str, int]:
    """The most frequent words of a text, folded and without endings; at most MOST_TERMS."""
    counts = Counter(word[:MOST_TERM_CHARACTERS] for word in words_of(text))
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_TERMS])


def most_alike(
    query: Mapping[str, int], texts: Mapping[Name, Mapping[str, int]], *, most: int, least_score: float = 0.0
) -> list[Match[Name]]:
    """The texts that are most like `query`, best first. Words in every text weigh least."""
    rarity = _rarity(texts)
    weights = _weights(query, rarity)
    found = []
    for name, counts in texts.items():
        other = _weights(counts, rarity)
        shared = {term: value * other[term] for term, value in weights.items() if term in other}
        if (scale := _norm(weights) * _norm(other)) and (score := sum(shared.values()) / scale) > least_score:
            terms = tuple(sorted(shared, key=lambda term: (-shared[term], term))[:5])
            found.append(Match(name=name, score=min(score, 1.0), terms=terms))
    return sorted(found, key=lambda each: -each.score)[:most]


def _rarity(texts: Mapping[Name, Mapping[str, int]]) -> dict[str, float]:
    seen = Counter(term for counts in texts.values() for term in counts)
    return {term: 1 + math.log((1 + len(texts)) / (1 + times)) for term, times in seen.items()}


def _weights(counts: Mapping[str, int], rarity: Mapping[str, float]) -> dict[str, float]:
    """A word that no other text has still counts to the length: an unlike text is not alike by one word."""
    unknown = max(rarity.values(), default=1.0)
    return {term: (1 + math.log(times)) * rarity.get(term, unknown) for term, times in counts.items()}


def _norm(weights: Mapping[str, float]) -> float:
    return math.sqrt(sum(value * value for value in weights.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """What a session that is over took, and how much it is like the new one (0 to 1)."""

    score: float
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Tokens of a new session: `prior` without precedents, `tokens` with them; `weight` (0 to 1) is what they count."""

    tokens: int
    low: int
    high: int
    prior: int
    weight: float


PRIOR_WEIGHT = 1.0
"""The prior counts as one session that is entirely alike."""


def corrected(prior: int, precedents: Sequence[Precedent], *, quantile: float) -> Estimate:
    """An estimate that `quantile` of sessions like this stay within: a weighted quantile of what those took,
    drawn towards `prior` the less alike and the fewer they are. `low` and `high` span them and the prior."""
    weight = sum(each.score for each in precedents)
    if weight <= 0:
        return Estimate(tokens=prior, low=prior, high=prior, prior=prior, weight=0.0)
    share = weight / (weight + PRIOR_WEIGHT)
    tokens = round(share * _quantile(precedents, quantile) + (1 - share) * prior)
    known = [each.tokens for each in precedents if each.score > 0]
    return Estimate(
        tokens=tokens, low=min(tokens, *known), high=max(tokens, *known), prior=prior, weight=round(share, 4)
    )


def _quantile(precedents: Sequence[Precedent], quantile: float) -> float:
    """Of tokens, weighted by likeness."""
    rising = sorted(precedents, key=lambda each: each.tokens)
    wanted = quantile * sum(each.score for each in rising)
    reached = 0.0
    for each in rising:
        reached += each.score
        if reached >= wanted - 1e-12:
            return each.tokens
    return rising[-1].tokens
