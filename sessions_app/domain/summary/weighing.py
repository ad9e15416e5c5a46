"""What a clause is worth: how likely it states a fact, by its signs, its place, and whether others come back to it.

A logistic regression: the weights are rounded from a fit on 23 labelled sessions (see docs/methodology.md, and
benchmarks/fit_summary_weights.py).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sessions_app.domain.summary.clauses import Clause
from sessions_app.domain.summary.cues import signs_of
from sessions_app.domain.summary.sentences import Sentence
from sessions_app.domain.summary.words import words_of

WEIGHTS = {
    "decision": 0.85,
    "bound": 0.75,
    "correction": 0.45,
    "failure": 0.4,
    "open": 1.1,
    "made": 0.45,
    "wish": 0.6,
    "negation": 0.7,
    "contrast": 0.4,
    "recap": 0.7,
    "hedge": -1.15,
    "date": 1.0,
    "figure": 0.65,
    "name": 0.5,
    "identifier": 0.4,
    "place": 1.85,
    "noise": -3.8,
    "question": -0.95,
    "points_back": -0.6,
    "part": 0.5,
    "shortest": -1.85,
    "shorter": -0.85,
    "short": -0.5,
    "echo": 2.95,
    "echo_after": -2.05,
    "closes": 0.3,
    "later": 0.75,
    "early": -1.2,
}
BASE = -2.5
SHORT, SHORTER, SHORTEST = 10, 7, 4
"""Below so many words a clause has a trait of its length."""
ECHO_REACH = 12
LEAST_ECHO_WORDS = 2
OF_THE_SENTENCE = frozenset({"recap", "noise"})
"""Signs that stand at the beginning of a sentence and hold for all of it."""
_DIGITS = re.compile(r"\d+")
_POINTS_BACK = re.compile(
    r"\W*(?:it|that|this|they|he|she|these|those|es|das|sie|er|ça|il|elle|eso|esto|isso|ela|ele)(?:'\w+)?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """How likely a clause states a fact, 0 to 1, and its words with theirs (tf-idf)."""

    weight: float
    terms: dict[str, float]


def weigh(sentences: Sequence[Sentence], clauses: Sequence[Clause]) -> list[Weighed]:
    """Weights of clauses of these sentences, in the order of the clauses."""
    rarity = _rarity([words_of(each.text) for each in sentences])
    shapes = Counter(_shape(each.text) for each in sentences)
    weighed = []
    for clause, found in zip(clauses, traits_of(sentences, clauses), strict=True):
        likely = BASE + sum(WEIGHTS[trait] * value for trait, value in found.items())
        repeats = shapes[_shape(sentences[clause.of].text)]
        weight = 1 / (1 + math.exp(-likely)) / repeats
        weighed.append(Weighed(weight=weight, terms=terms_of(clause.text, rarity)))
    return weighed


def traits_of(sentences: Sequence[Sentence], clauses: Sequence[Clause]) -> list[dict[str, float]]:
    """What speaks for and against each clause, by the names of `WEIGHTS`; 1 where it is so, or 0 to 1."""
    placed = [_placed(at, sentences) for at in range(len(sentences))]
    echoes = _echoes([each.text for each in sentences])
    wholes = [signs_of(each.text) & OF_THE_SENTENCE for each in sentences]
    return [
        {
            **placed[each.of],
            **echoes[each.of],
            **dict.fromkeys(signs_of(each.text) | wholes[each.of] | _looks(each.text), 1.0),
            "part": float(each.text != sentences[each.of].text),
        }
        for each in clauses
    ]


def terms_of(text: str, rarity: Mapping[str, float] | None = None) -> dict[str, float]:
    """The words of a text, each with how often it stands there, and how rare it is elsewhere."""
    return {
        term: (1 + math.log(times)) * (1.0 if rarity is None else rarity.get(term, 0.0))
        for term, times in Counter(words_of(text)).items()
    }


def norm(terms: Mapping[str, float]) -> float:
    """The length of a vector of words."""
    return math.sqrt(sum(value * value for value in terms.values()))


def _looks(text: str) -> set[str]:
    words = len(text.split())
    length = "shortest" if words < SHORTEST else "shorter" if words < SHORTER else "short" if words < SHORT else ""
    return {length, "points_back" if _POINTS_BACK.match(text) else ""} - {""}


def _placed(at: int, sentences: Sequence[Sentence]) -> dict[str, float]:
    """Turns close with what they come to; sessions begin with greetings and end with what was agreed."""
    line = sentences[at].line
    opens = at == 0 or sentences[at - 1].line != line
    closes = at + 1 == len(sentences) or sentences[at + 1].line != line
    is_early = at * 10 < len(sentences)
    return {"closes": float(closes and not opens), "later": at / len(sentences), "early": float(is_early)}


def _echoes(texts: Sequence[str]) -> list[dict[str, float]]:
    """How alike the sentence nearby is that is most alike, and how alike one that follows, 0 to 1.

    What is said twice close by was worth saying, and the second time says it better: it confirms or corrects.
    """
    rarity = _rarity([words_of(each) for each in texts])
    terms = [terms_of(each, rarity) for each in texts]
    norms = [norm(each) for each in terms]
    found = []
    for at in range(len(texts)):
        before = range(max(0, at - ECHO_REACH), at)
        after = range(at + 1, min(len(terms), at + ECHO_REACH + 1))
        first, second = (
            max((_alike(at, each, terms, norms) for each in near), default=0.0) for near in (before, after)
        )
        found.append({"echo": max(first, second), "echo_after": second})
    return found


def _alike(one: int, other: int, terms: Sequence[Mapping[str, float]], norms: Sequence[float]) -> float:
    """The cosine of two sentences; a single word is an echo of nothing."""
    scale = norms[one] * norms[other]
    if not scale or len(terms[one]) < LEAST_ECHO_WORDS or len(terms[other]) < LEAST_ECHO_WORDS:
        return 0.0
    return sum(value * terms[other].get(term, 0.0) for term, value in terms[one].items()) / scale


def _rarity(words: Sequence[Sequence[str]]) -> dict[str, float]:
    """Inverse document frequency of each word, 0 to 1."""
    seen = Counter(term for own in words for term in set(own))
    most = math.log(1 + len(words)) or 1.0
    return {term: math.log((1 + len(words)) / times) / most for term, times in seen.items()}


def _shape(text: str) -> str:
    """The same for lines of a log that differ in their figures only."""
    return _DIGITS.sub("0", text.casefold())
