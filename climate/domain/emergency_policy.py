"""The terms on which alerts become emergencies, read from the JSON of a version and checked key by key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from climate.domain.alerts import AlertLevel, DisasterKind

HIGHEST_MULTIPLIER = 100.0
LONGEST_HOURS = 8760
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Answer(StrEnum):
    """What the policy does about an alert: declare an emergency, ask a person, or nothing."""

    ACTIVATE = "activate"
    PROPOSE = "propose"
    IGNORE = "ignore"


class EmergencyPolicyError(ValueError):
    """A key of a policy's terms that is missing or cannot be meant. `key` is its dotted path."""

    def __init__(self, key: str, detail: str):
        super().__init__(f"{key}: {detail}")
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTerms:
    """Of one kind of disaster: the answer to each level, and what a weight is multiplied by."""

    answers: Mapping[AlertLevel, Answer]
    multiplier: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyTerms:
    """One version of the policy.

    `sources` are the feeds that count. An emergency lasts `lasts_hours` beyond the feed's last word
    of the event; after `longest_hours` without a person's decision it waits for one again (None: never).
    """

    version: int
    sources: frozenset[str]
    purposes: tuple[str, ...]
    lasts_hours: float
    longest_hours: float | None
    kinds: Mapping[DisasterKind, KindTerms]

    def answer(self, *, source: str, kind: DisasterKind, level: AlertLevel) -> Answer:
        """What is done about an alert of this feed, kind and level."""
        return self.kinds[kind].answers[level] if source in self.sources else Answer.IGNORE


def read_emergency_terms(terms: Any, *, version: int) -> EmergencyTerms:
    """Terms from their JSON. Raises EmergencyPolicyError naming the key at fault, unknown keys included."""
    _check_keys(terms, "", ("sources", "purposes", "lasts_hours", "longest_hours", "kinds"))
    _check_keys(terms["kinds"], "kinds.", tuple(DisasterKind))
    read = EmergencyTerms(
        version=version,
        sources=frozenset(_names(terms["sources"], "sources")),
        purposes=tuple(_names(terms["purposes"], "purposes")),
        lasts_hours=_number(terms["lasts_hours"], "lasts_hours", 1, LONGEST_HOURS),
        longest_hours=_hours_or_none(terms["longest_hours"], "longest_hours"),
        kinds={kind: _kind(terms["kinds"][kind], f"kinds.{kind}") for kind in DisasterKind},
    )
    if not read.purposes:
        raise EmergencyPolicyError("purposes", "names none")
    return read


def _kind(terms: Any, key: str) -> KindTerms:
    _check_keys(terms, f"{key}.", (*AlertLevel, "multiplier"))
    answers = {level: _answer(terms[level], f"{key}.{level}") for level in AlertLevel}
    return KindTerms(
        answers=answers, multiplier=_number(terms["multiplier"], f"{key}.multiplier", 1, HIGHEST_MULTIPLIER)
    )


def _check_keys(terms: Any, path: str, wanted: tuple[str, ...]) -> None:
    if not isinstance(terms, dict):
        raise EmergencyPolicyError(path.rstrip(".") or "terms", "is not a JSON object")
    for key in wanted:
        if key not in terms:
            raise EmergencyPolicyError(f"{path}{key}", "is missing")
    for key in terms:
        if key not in wanted:
            raise EmergencyPolicyError(f"{path}{key}", "is not a known term")


def _names(value: Any, key: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and NAME.fullmatch(each) for each in value):
        raise EmergencyPolicyError(key, "is not a list of names in small letters")
    if len(set(value)) != len(value):
        raise EmergencyPolicyError(key, "names one twice")
    return value


def _number(value: Any, key: str, lowest: float, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise EmergencyPolicyError(key, f"is not a number between {lowest:g} and {highest:g}")
    return float(value)


def _hours_or_none(value: Any, key: str) -> float | None:
    return None if value is None else _number(value, key, 1, LONGEST_HOURS)


def _answer(value: Any, key: str) -> Answer:
    if value not in tuple(Answer):
        raise EmergencyPolicyError(key, f"is not one of {', '.join(Answer)}")
    return Answer(value)
