"""Choosing clauses: the weight of each, less what the ones before it say already, within a number of tokens."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from sessions_app.domain.summary.clauses import Clause, clauses_of
from sessions_app.domain.summary.sentences import Sentence, sentences_of
from sessions_app.domain.summary.weighing import Weighed, norm, terms_of, weigh

REPEAT_COST = 1.0
"""How much of its weight a clause loses where another says the same."""
LENGTH_POWER = 0.9
"""A clause of twice the tokens has to be worth 2 ** this to be as good."""
LEAST_WEIGHT = 0.05
"""Below it a clause is left out even where there is room: it is small talk, unless a text is nothing else."""
MOST_CANDIDATES = 1500
_SPEAKS_OF_ITSELF = re.compile(r"\b(?:I|my|me|mine|ich|mein\w*|je|j'|moi|yo|eu|prefiero|prefiro)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A short version: `kept` clauses of `of` sentences, in their order; pinned lines stand first, word for word."""

    text: str
    kept: int
    of: int


def summarise(text: str, *, most_tokens: int, count: Callable[[str], int], pinned: Sequence[str] = ()) -> Summary:
    """The clauses of `text` that tell most, in at most `most_tokens`. `count` counts the tokens of a text.

    Every pinned line stands in it whole, also where these alone take more than `most_tokens`.
    """
    sentences = sentences_of(text)
    clauses = clauses_of(sentences)
    told = [_told(clause, sentences[clause.of]) for clause in clauses]
    lines = [line for line in dict.fromkeys(each.strip() for each in pinned) if line]
    left = most_tokens - sum(count(f"{line}\n") for line in lines)
    chosen = _chosen(clauses, weigh(sentences, clauses), lines, left, lambda at: max(1, count(f"{told[at]}\n")))
    while chosen and count(_joined(lines, told, chosen)) > most_tokens:
        chosen.pop()
    return Summary(text=_joined(lines, told, chosen), kept=len(chosen), of=len(sentences))


def _joined(pinned: Sequence[str], told: Sequence[str], chosen: Sequence[int]) -> str:
    return "\n".join([*pinned, *(told[at] for at in sorted(chosen))])


def _told(clause: Clause, sentence: Sentence) -> str:
    """Who said it is told where the clause speaks of itself: an `I` needs a name."""
    if sentence.speaker and _SPEAKS_OF_ITSELF.search(clause.text):
        return f"{sentence.speaker}: {clause.text}"
    return clause.text


def _chosen(
    clauses: Sequence[Clause],
    weighed: Sequence[Weighed],
    pinned: Sequence[str],
    left: int,
    tokens_of: Callable[[int], int],
) -> list[int]:
    """Positions of the clauses to keep, the best first; no two of them tell the same words."""
    telling = [at for at, each in enumerate(weighed) if each.weight >= LEAST_WEIGHT]
    candidates = sorted(telling or range(len(clauses)), key=lambda at: (-weighed[at].weight, at))[:MOST_CANDIDATES]
    tokens = {at: tokens_of(at) for at in candidates}
    repeats = _Repeats(weighed, tokens)
    for line in pinned:
        repeats.say(terms_of(line))
    chosen: list[int] = []
    told: dict[int, list[Clause]] = defaultdict(list)
    # What a clause is worth only falls: who is still as good as when it was put in, and comes first, is the best.
    queue = [(-repeats.worth(at), at) for at in candidates]
    heapify(queue)
    while queue:
        negated, best = heappop(queue)
        if (worth := repeats.worth(best)) < -negated:
            heappush(queue, (-worth, best))
            continue
        if worth <= 0:
            break
        clause = clauses[best]
        if tokens[best] > left or any(clause.overlaps(each) for each in told[clause.of]):
            continue
        chosen.append(best)
        told[clause.of].append(clause)
        left -= tokens[best]
        repeats.say(weighed[best].terms)
    return chosen


class _Repeats:
    """How alike every candidate is to what is said already: maximal marginal relevance, one posting list a term.

    `candidates` are positions with the tokens that each takes.
    """

    def __init__(self, weighed: Sequence[Weighed], candidates: Mapping[int, int]):
        self._weights = {at: weighed[at].weight / math.pow(tokens, LENGTH_POWER) for at, tokens in candidates.items()}
        self._norms = {at: norm(weighed[at].terms) for at in candidates}
        self._alike: dict[int, float] = dict.fromkeys(candidates, 0.0)
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for at in candidates:
            for term, value in weighed[at].terms.items():
                self._postings[term].append((at, value))

    def worth(self, at: int) -> float:
        """The weight of a clause, less what was said."""
        return self._weights[at] * (1 - REPEAT_COST * self._alike[at])

    def say(self, terms: dict[str, float]) -> None:
        """Note that a clause is said."""
        products: dict[int, float] = defaultdict(float)
        for term, value in terms.items():
            for at, other in self._postings.get(term, ()):
                products[at] += value * other
        length = norm(terms)
        for at, product in products.items():
            if scale := length * self._norms[at]:
                self._alike[at] = max(self._alike[at], product / scale)
