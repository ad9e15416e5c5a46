"""A model that looks for dissent which nobody marked: agents who say that they stand together, and do not.

Asked only where the policy of the gateway names one (`rounds.judge_model`), and always beside the rules of
`domain.agreement`: what those raise stays raised. It may only quote: a sentence that nobody said is no find.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sessions_app.domain.agreement import Mark, MarkKind
from sessions_app.domain.gateway.stance import FormError
from sessions_app.services.rounds.asking import Asked, Asking, Line, ask_one

LONGEST_WORDS_CHARACTERS = 2000
MOST_FINDS = 20
FORM = """\
NONE
or, for each contradiction, one line:
CONTRADICTION: first agent | its sentence, word for word | second agent | its sentence, word for word"""
RULES = """\
Agents were asked one question and say that they stand together. Find pairs of sentences of two of them that cannot
both be true. Different words, order, detail or emphasis are no contradiction. Answer in this form and with nothing
else:"""
_FIND = re.compile(r"^\W*CONTRADICTION\W*:\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Marks by agent, and which model looked; empty: none could, and the rules stand alone."""

    marks: Mapping[str, Sequence[Mark]] = field(default_factory=dict)
    by: str = ""


Words = Mapping[str, tuple[str, str]]
"""By agent its stance and what it said in a cycle."""
Finds = list[tuple[str, str, str, str]]


def judge_cycle(line: Line, *, key: str, model: str, question: str, said: Words) -> tuple[Judged, Asked[Finds] | None]:
    """What the model finds in the words of one cycle, and what asking it took (None: nobody to compare)."""
    allies = [agent for agent, (stance, _) in said.items() if _count(said, stance) > 1]
    if len(allies) < 2:  # it takes two
        return Judged(by=model), None
    told = "\n\n".join(f"[{each}, {said[each][0]}]\n{said[each][1][:LONGEST_WORDS_CHARACTERS]}" for each in allies)
    messages = [
        {"role": "system", "content": f"{RULES}\n{FORM}"},
        {"role": "user", "content": f"The question: {question}\n\n{told}"},
    ]
    asked = ask_one(line, Asking(key=key, model=model, messages=messages), lambda text: read_finds(text, said), FORM)
    if asked.said is None:
        return Judged(), asked
    return Judged(marks=_marks(asked.said), by=model), asked


def read_finds(answer: str, said: Words) -> Finds:
    """Contradictions between agents of one stance, each quoted from what they said. Raises FormError."""
    lines = _FIND.findall(answer)
    if not lines and not re.search(r"\bNONE\b", answer, re.IGNORECASE):
        raise FormError("It says NONE, or has lines that begin with CONTRADICTION.")
    finds: Finds = []
    for line in lines[:MOST_FINDS]:
        parts = [part.strip(" \"'“”`[]") for part in line.split("|")]
        if len(parts) != 4:  # two agents, two sentences
            raise FormError("A line has two agents and two sentences, with | between them.")
        one, own, other, their = parts
        if (
            one != other
            and _is_said(one, own, said)
            and _is_said(other, their, said)
            and said[one][0] == said[other][0]
        ):
            finds.append((one, own, other, their))
    return finds


def _is_said(agent: str, sentence: str, said: Words) -> bool:
    return agent in said and bool(sentence) and _folded(sentence) in _folded(said[agent][1])


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!?")


def _count(said: Words, stance: str) -> int:
    return sum(1 for other, _ in said.values() if other == stance)


def _marks(finds: Finds) -> dict[str, list[Mark]]:
    """Both of a pair are marked: neither is known to be wrong."""
    marks: dict[str, list[Mark]] = defaultdict(list)
    for one, own, other, their in finds:
        marks[one].append(Mark(kind=MarkKind.JUDGED, agent=other, own=own, other=their))
        marks[other].append(Mark(kind=MarkKind.JUDGED, agent=one, own=their, other=own))
    return dict(marks)
