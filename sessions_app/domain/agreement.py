"""Rounds of several agents: who speaks when, what they agree on, and where a dissent may hide.

Agents state where they stand and how sure they are. How alike their words are does not tell: texts that
contradict each other are more alike than texts of which one follows from the other. So likeness only drops
repeats, and what hides in words is raised as a question: two sentences of about the same words of which one
is negated, or whose figures differ, while their speakers say that they agree.

In the first cycle all speak blind. Later the least sure speaks first, by calibrated confidence: a stated one
drawn towards a half by the factor with which the agent's past ones would have had the least Brier score
(the mean of (confidence - right)^2), with a prior of a few that bear its words out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sessions_app.domain.claims import figures_of, units_of
from sessions_app.domain.cleanup.likeness import NEGATIONS, gist_of, repeats
from sessions_app.domain.summary.sentences import sentences_of
from sessions_app.domain.summary.words import words_of
from sessions_app.domain.words import Stance

ALIKE_SHARE = 0.6
LEAST_SHARED_WORDS = 2
PRIOR_WEIGHT = 0.25
"""As much as four past answers that were stated at 0.75: sum of (confidence - 0.5)^2."""
MOST_TRUST = 2.0
_OPPOSING_WORDS = """
against oppose opposes opposed disagree disagrees avoid avoids wrong unsafe gegen contre
"""
OPPOSING = frozenset(_OPPOSING_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


class MarkKind(StrEnum):
    """What is raised of a turn. The names are part of the API."""

    NEGATION = "negation"
    """Unmarked dissent? It negates what somebody of its own stance says."""
    NUMBERS = "numbers"
    """Unmarked dissent? Its figures differ from those of somebody of its own stance."""
    REPEAT = "repeat"
    """It says what has been said: left out of what others read."""
    JUDGED = "judged"
    """Unmarked dissent? A model that was asked finds that it contradicts somebody of its own stance."""


UNMARKED = (MarkKind.NEGATION, MarkKind.NUMBERS, MarkKind.JUDGED)


class Decision(StrEnum):
    """What a round came to."""

    AGREE = "agree"
    DISSENT = "dissent"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an agent said in a cycle. `confidence` is calibrated where it weighs."""

    agent: str
    cycle: int
    stance: Stance
    confidence: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something to look at: `own` and `other` are the sentences that do not fit, `agent` is whose the other is."""

    kind: MarkKind
    agent: str
    own: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A past answer: how sure the agent was, and whether what it stood for was right."""

    confidence: float
    was_right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Where all stand: shares of confidence (0 to 100 %) among those who took a side."""

    agree: int
    dissent: int
    abstain: int
    agreement_percent: float
    decision: Decision


def trust_in(past: Iterable[Answered]) -> float:
    """The factor on (confidence - 0.5) that would have given past answers the least Brier score; 1 without any."""
    across, squares = PRIOR_WEIGHT, PRIOR_WEIGHT
    for each in past:
        distance = each.confidence - 0.5
        across += distance * (float(each.was_right) - 0.5)
        squares += distance**2
    return min(MOST_TRUST, max(0.0, across / squares))


def calibrated(confidence: float, trust: float) -> float:
    """A stated confidence as the agent's past answers bear it out, 0 to 1."""
    return min(1.0, max(0.0, 0.5 + (confidence - 0.5) * trust))


def brier(past: Sequence[Answered]) -> float | None:
    """The mean of (confidence - right)^2: 0 is perfect, 0.25 what always saying 0.5 gets; None without answers."""
    return sum((each.confidence - each.was_right) ** 2 for each in past) / len(past) if past else None


def speaking_order(
    agents: Iterable[str], confidences: Mapping[str, float], priorities: Mapping[str, float] | None = None
) -> list[str]:
    """The least sure first, by calibrated confidence; who has said nothing yet before all.

    Of equally sure ones first who has the higher priority, then by name.
    """
    weights = priorities or {}
    return sorted(agents, key=lambda agent: (confidences.get(agent, -1.0), -weights.get(agent, 0.0), agent))


def tally_of(said: Sequence[Said], *, asked: int, agree_percent: int) -> Tally:
    """Where agents stand by their last words, weighed by confidence.

    A side wins with `agree_percent` of the weight of both, if more than half of the `asked` agents took a side.
    """
    last = {each.agent: each for each in sorted(said, key=lambda each: each.cycle)}.values()
    sides = {stance: [each for each in last if each.stance is stance] for stance in Stance}
    agree, dissent = (_weight(sides[stance], last) for stance in (Stance.AGREE, Stance.DISSENT))
    percent = 100 * agree / (agree + dissent) if agree + dissent else 0.0
    counts = {stance: len(each) for stance, each in sides.items()}
    decision = Decision.NONE
    if 2 * (counts[Stance.AGREE] + counts[Stance.DISSENT]) > asked:
        if agree and percent >= agree_percent:
            decision = Decision.AGREE
        elif dissent and 100 - percent >= agree_percent:
            decision = Decision.DISSENT
    return Tally(
        agree=counts[Stance.AGREE],
        dissent=counts[Stance.DISSENT],
        abstain=counts[Stance.ABSTAIN],
        agreement_percent=round(percent, 1),
        decision=decision,
    )


def marks_of(turn: Said, others: Sequence[Said], *, topic: str, repeat_percent: int) -> list[Mark]:
    """What is to be raised of a turn against what was said before it: the first find of each kind.

    A turn is held against the last words of those who say they stand with it: what they said in earlier
    cycles they may have taken back. Who agrees is held against the topic too. A repeat is one of anything
    said before by anybody.
    """
    last = {each.agent: each for each in sorted(others, key=lambda each: each.cycle) if each.agent != turn.agent}
    allies = [(each.agent, each.text) for each in last.values() if each.stance is turn.stance]
    if turn.stance is Stance.AGREE:
        allies.insert(0, ("", topic))
    found = {mark.kind: mark for agent, text in reversed(allies) for mark in _conflicts(turn.text, agent, text)}
    gist = gist_of(turn.text)
    for each in others:
        if repeats(gist, gist_of(each.text), repeat_percent):
            found[MarkKind.REPEAT] = Mark(kind=MarkKind.REPEAT, agent=each.agent)
            break
    return [found[kind] for kind in MarkKind if kind in found]


def is_stalled(said: Sequence[Said], repeated: Sequence[bool], cycle: int) -> bool:
    """Whether a cycle after the first brought nothing: all only repeated, and nobody moved."""
    stood = {each.agent: each.stance for each in said if each.cycle == cycle - 1}
    now = [each for each in said if each.cycle == cycle]
    return cycle > 1 and all(repeated) and all(stood.get(each.agent) is each.stance for each in now)


def _weight(side: Sequence[Said], everybody: Iterable[Said]) -> float:
    """The confidence of a side; heads where nobody is sure of anything."""
    is_known = any(each.confidence > 0 for each in everybody)
    return sum(each.confidence for each in side) if is_known else float(len(side))


def _conflicts(text: str, agent: str, other: str) -> Iterable[Mark]:
    theirs = [_read(each.text) for each in sentences_of(other)]
    for own in (_read(each.text) for each in sentences_of(text)):
        for their in theirs:
            if not _is_same_matter(own, their):
                continue
            if own.is_negated != their.is_negated:
                yield Mark(kind=MarkKind.NEGATION, agent=agent, own=own.text, other=their.text)
            elif _figures_differ(own.text, their.text):
                yield Mark(kind=MarkKind.NUMBERS, agent=agent, own=own.text, other=their.text)


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    words: frozenset[str]
    is_negated: bool


def _read(text: str) -> _Sentence:
    plain = [word.replace("’", "'") for word in _WORD.findall(text.casefold())]
    negations = [word for word in plain if word in NEGATIONS or word in OPPOSING or word.endswith("n't")]
    silent = {stem for word in negations for stem in words_of(word)}
    words = frozenset(word for word in words_of(text) if word not in silent and not any(map(str.isdigit, word)))
    return _Sentence(text=text, words=words, is_negated=len(negations) % 2 == 1)


def _is_same_matter(one: _Sentence, other: _Sentence) -> bool:
    shared = len(one.words & other.words)
    return shared >= LEAST_SHARED_WORDS and shared >= ALIKE_SHARE * min(len(one.words), len(other.words))


def _figures_differ(one: str, other: str) -> bool:
    """Whether two texts give figures of the same unit, or both without any, and none in common."""
    mine, theirs = _by_unit(one), _by_unit(other)
    return any(not mine[unit] & theirs[unit] for unit in mine.keys() & theirs.keys())


def _by_unit(text: str) -> dict[str, set[str]]:
    units, found = units_of(text), dict[str, set[str]]()
    for figure in figures_of(text):
        for unit in units.get(figure, {""}):
            found.setdefault(unit, set()).add(figure)
    return found
