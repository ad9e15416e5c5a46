"""The small form in which agents of a round answer, written and read strictly.

Labels stand at the beginning of a line, in their order, each once; the last one takes all that follows, but for a
second form: where there are two, nobody can tell which one is meant. What comes before the first label, marks of
emphasis around a label and a fence around the whole are overlooked: models add them whatever they are told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sessions_app.domain.words import Stance

LONGEST_REASON_CHARACTERS = 500
FORM = """\
STANCE: agree, dissent or abstain
CONFIDENCE: how sure you are, from 0 to 1
REASON: in one line, why; needed where you dissent or abstain
ANSWER:
your answer, terse"""
CHOICE_FORM = """\
CHOICE: the name of the agent whose answer is best
REASON: in one line, why it and not the others
ANSWER:
the answer to give, terse: the chosen one, made better where others were right"""
NO_ANSWER = "(no answer)"
"""The words of an agent that gave none."""
_YES_OR_NO = re.compile(
    r"(?:should|shall|is|are|was|were|do|does|did|can|could|will|would|must|may|has|have"
    r"|soll(?:en|te|ten)?|ist|sind|kann|können|darf|dürfen|muss|müssen|wird|werden|hat|haben"
    r"|est-ce que|faut-il|doit|doit-on|peut-on|debe|debemos|deberíamos|podemos|hay que)\b",
    re.IGNORECASE,
)
_SPOKEN = ("STANCE", "CONFIDENCE", "REASON", "ANSWER")
_CHOSEN = ("CHOICE", "REASON", "ANSWER")
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?|[.,]\d+)\s*(%?)")


class FormError(ValueError):
    """An answer that is not in its form. The words say what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What an agent answered: where it stands, how sure it is (0 to 1), why, and its words."""

    stance: Stance
    confidence: float
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whose answer the reflective agent chose, why, and the answer to give."""

    agent: str
    reason: str
    text: str


def is_proposal(question: str) -> bool:
    """Whether a question proposes something, to be for or against: by how its last sentence begins.

    Others are open: their answers come first, and where agents stand is asked of the leading one.
    """
    text = question.strip()
    last = re.split(r"(?<=[.!?\n])\s+", text)[-1]
    return text.endswith("?") and _YES_OR_NO.match(last) is not None


def read_spoken(answer: str) -> Spoken:
    """The answer of an agent. Raises FormError."""
    found = _fields(answer, _SPOKEN)
    stance = _plain(found["STANCE"])
    if stance not in tuple(Stance):
        raise FormError("STANCE is one of the words agree, dissent and abstain.")
    reason = _reason(found["REASON"])
    if stance != Stance.AGREE and not reason:
        raise FormError("REASON says why you dissent or abstain.")
    return Spoken(
        stance=Stance(stance), confidence=_confidence(found["CONFIDENCE"]), reason=reason, text=_words(found["ANSWER"])
    )


def read_choice(answer: str, agents: Collection[str]) -> Choice:
    """The answer of the reflective agent, who chooses one of `agents`. Raises FormError."""
    found = _fields(answer, _CHOSEN)
    by_name = {each.casefold(): each for each in agents}
    agent = by_name.get(found["CHOICE"].strip(" *_`\"'.").casefold())
    if agent is None:
        raise FormError(f"CHOICE is one of {', '.join(agents)}.")
    reason = _reason(found["REASON"])
    if not reason:
        raise FormError("REASON says why it and not the others.")
    return Choice(agent=agent, reason=reason, text=_words(found["ANSWER"]))


def repair_words(error: FormError, form: str) -> str:
    """What an agent is told whose answer was not in its form."""
    return f"Your answer was not in the form. {error} Give it again, in this form and without anything else:\n{form}"


def _fields(answer: str, labels: Sequence[str]) -> dict[str, str]:
    """The text after each label. Raises FormError for one that is missing, comes out of order or begins anew."""
    pattern = re.compile(rf"^[ \t*_#`]*({'|'.join(labels)})[ \t*_`]*:[ \t*_`]*", re.MULTILINE)
    found = list(pattern.finditer(answer))
    marks = found[: len(labels)]
    if tuple(mark[1] for mark in marks) != tuple(labels):
        raise FormError(f"It has the lines {', '.join(labels)}, in this order.")
    if any(mark[1] == labels[0] for mark in found[len(labels) :]):
        raise FormError(f"It has the line {labels[0]} once.")
    ends = [*(mark.start() for mark in marks[1:]), len(answer)]
    return {mark[1]: answer[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)}


def _plain(text: str) -> str:
    return text.strip(" *_`\"'.").casefold()


def _reason(text: str) -> str:
    words = " ".join(text.split())
    return "" if _plain(words) in ("", "-", "none", "n/a") else words[:LONGEST_REASON_CHARACTERS]


def _confidence(text: str) -> float:
    found = _NUMBER.fullmatch(_plain(text) or "-")
    value = float(found[1].replace(",", ".")) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= 1:
        raise FormError("CONFIDENCE is a number from 0 to 1.")
    return value


def _words(text: str) -> str:
    words = text.strip().removesuffix("```").strip()
    if not words:
        raise FormError("ANSWER has your answer below it.")
    return words
