"""How complex a request is, and so how it is answered: by one model, by a council, or at once.

Each signal is a share from 0 to 1 of the points that the policy gives it; where it is full, the policy says too. What
outcomes have taught is added, within its bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sessions_app.domain.gateway.features import Features
from sessions_app.domain.gateway.terms import SIGNALS, Triage

MOST_KEPT = 2_048
"""Signals that are remembered: most of a request's are nothing, or the same few."""


_Look = tuple[float, int, str]
"""How much of a signal was found, how much is all of it, and words for it."""


class TriageMode(StrEnum):
    """How a request is answered."""

    EXPRESS = "express"
    COUNCIL = "council"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What one look at the request came to: `value` 0 to 1 times `weight` is `points`. `words` say what was found,
    `full` how much of it is all: tokens, parts, questions, tools, terms, messages or images."""

    name: str
    value: float
    weight: int
    points: float
    words: str
    full: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What triage says. `complexity` is 0 to 1, `points` the same of 100, with `correction_points` in it.

    `kind` is the bucket of work that outcomes are learned for; `because` names the emergency if one decided.
    `is_stated`: the caller chose the mode, by its name or that of a model; the points decided nothing.
    """

    mode: TriageMode
    complexity: float
    points: float
    signals: tuple[Signal, ...]
    correction_points: float
    council_above_points: int
    roles: tuple[str, ...]
    confidence: float
    kind: str
    because: str = ""
    is_stated: bool = False

    @property
    def explanation(self) -> str:
        """The assessment in one or two sentences."""
        most = sorted((each for each in self.signals if each.points >= 0.5), key=lambda each: -each.points)[:3]
        why = "; ".join(f"{each.words} ({each.points:.0f} of {each.weight})" for each in most)
        learned = f", {self.correction_points:+.1f} of it learned from outcomes" if self.correction_points else ""
        text = f"Complexity {self.points:.0f} of 100{learned}: {why or 'a plain, short request'}. "
        match self.mode:
            case TriageMode.EMERGENCY:
                return f"{text}Answered at once by one model: {self.because}."
            case TriageMode.COUNCIL if self.is_stated:
                return f"{text}A council was asked for."
            case TriageMode.COUNCIL:
                return f"{text}A council is worth it above {self.council_above_points}."
            case _ if self.is_stated:
                return f"{text}One model answers, as the call was made."
            case _:
                return f"{text}One model answers up to {self.council_above_points}."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as kept with a call."""
        return {
            "mode": self.mode.value,
            "complexity": self.complexity,
            "confidence": self.confidence,
            "roles": list(self.roles),
            "kind": self.kind,
            "because": self.because,
            "points": self.points,
            "correction_points": self.correction_points,
            "council_above_points": self.council_above_points,
            "explanation": self.explanation,
            "signals": [
                {
                    "name": each.name,
                    "value": each.value,
                    "weight": each.weight,
                    "points": each.points,
                    "words": each.words,
                    "full": each.full,
                }
                for each in self.signals
            ],
        }


def assess(
    features: Features, terms: Triage, correction_points: float = 0.0, *, emergency: str = "", mode: str | None = None
) -> Assessment:
    """How a request is to be answered.

    `emergency` names what makes it urgent, empty if nothing does: it is answered by one model at once, since a
    council takes several times as long. `mode` is the caller's own choice of express or council, None for ours.
    """
    signals = tuple(_signal(name, features, terms) for name in SIGNALS)
    bound = float(terms.most_correction_points)
    correction = round(min(max(correction_points, -bound), bound), 2)
    points = min(max(sum(each.points for each in signals) + correction, 0.0), 100.0)
    chosen = _mode(points, terms, emergency, mode)
    return Assessment(
        mode=chosen,
        complexity=round(points / 100, 4),
        points=round(points, 2),
        signals=signals,
        correction_points=correction,
        council_above_points=terms.council_above_points,
        roles=terms.council_roles if chosen is TriageMode.COUNCIL else (),
        confidence=_confidence(points, terms, is_stated=mode is not None or bool(emergency)),
        kind=features.kind,
        because=emergency if chosen is TriageMode.EMERGENCY else "",
        is_stated=mode is not None and chosen == mode,
    )


def _mode(points: float, terms: Triage, emergency: str, stated: str | None) -> TriageMode:
    if stated == TriageMode.COUNCIL:
        return TriageMode.COUNCIL
    if emergency:
        return TriageMode.EMERGENCY
    if stated == TriageMode.EXPRESS:
        return TriageMode.EXPRESS
    return TriageMode.COUNCIL if points > terms.council_above_points else TriageMode.EXPRESS


def _confidence(points: float, terms: Triage, *, is_stated: bool) -> float:
    if is_stated:
        return 1.0
    away = abs(points - terms.council_above_points)
    return round(0.5 + 0.5 * min(1.0, away / terms.sure_from_points), 2)


def _signal(name: str, features: Features, terms: Triage) -> Signal:
    found, full, words = _LOOKS[name](features, terms)
    return _weighed(name, found, full, terms.points[name], words)


@lru_cache(maxsize=MOST_KEPT)
def _weighed(name: str, found: float, full: int, weight: int, words: str) -> Signal:
    value = round(min(max(found / full, 0.0), 1.0), 4)
    return Signal(name=name, value=value, weight=weight, points=round(value * weight, 2), words=words, full=full)


def _length(features: Features, terms: Triage) -> _Look:
    return features.input_tokens, max(1, terms.long_tokens), f"{features.input_tokens} tokens of input"


def _structure(features: Features, terms: Triage) -> _Look:
    parts = (
        (features.paragraphs, "paragraph break"),
        (features.list_items, "list item"),
        (features.headings, "heading"),
        (features.code_blocks, "code block"),
    )
    said = [_counted(count, name) for count, name in parts if count]
    said += ["a schema to answer in"] if features.has_schema else []
    total = sum(count for count, _ in parts) + (terms.full.schema_parts if features.has_schema else 0)
    return total, terms.full.structure_parts, ", ".join(said) or "no structure"


def _questions(features: Features, terms: Triage) -> _Look:
    return features.questions, terms.full.questions, _counted(features.questions, "question")


def _tools(features: Features, terms: Triage) -> _Look:
    total = features.tools + features.tool_results
    return total, terms.full.tools, f"{_counted(features.tools, 'tool')}, {_counted(features.tool_results, 'result')}"


def _domain_terms(features: Features, terms: Triage) -> _Look:
    found = features.terms_found
    return len(found), terms.full.domain_terms, f"names {', '.join(found)}" if found else "no domain terms"


def _history(features: Features, terms: Triage) -> _Look:
    earlier = max(0, features.messages - 1)
    return earlier, max(1, terms.many_messages), _counted(earlier, "earlier message")


def _images(features: Features, terms: Triage) -> _Look:
    return features.images, terms.full.images, _counted(features.images, "image")


def _output(features: Features, terms: Triage) -> _Look:
    asked, full = features.output_tokens or 0, terms.full.output_tokens
    if features.effort > asked / full:
        return features.effort * full, full, f"asks for {100 * features.effort:.0f} % of the effort"
    return asked, full, f"up to {asked} tokens of output" if asked else "no bound of output stated"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_LOOKS = {
    "length": _length,
    "structure": _structure,
    "questions": _questions,
    "tools": _tools,
    "domain_terms": _domain_terms,
    "history": _history,
    "images": _images,
    "output": _output,
}
