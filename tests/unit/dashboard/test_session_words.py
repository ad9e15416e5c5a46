"""Words of the pages of sessions."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dashboard.presentation.sessions.memory import _turn
from sessions_app.domain.agreement import MarkKind
from sessions_app.selectors.rounds import TurnFacts


def turn(**given: Any) -> TurnFacts:
    known: dict[str, Any] = {each.name: None for each in fields(TurnFacts)}
    plain = {"agent": "ann", "cycle": 1, "stance": "agree", "confidence": 0.5, "text": "Go.", "reason": ""}
    return TurnFacts(**(known | plain | {"prompt_tokens": 1, "output_tokens": 1, "marks": []} | given))


def test_a_mark_is_told_in_words_with_the_sentences_that_do_not_fit() -> None:
    mark = {"kind": "numbers", "agent": "ben", "own": "It takes 3 boats.", "other": "It takes 5 boats."}
    assert _turn(turn(marks=[mark]))["marks"] == [
        "its figures differ from those of ben, who stands for the same: “It takes 3 boats.” / “It takes 5 boats.”"
    ]


def test_each_kind_of_mark_has_words_of_its_own() -> None:
    marks = [{"kind": kind.value, "agent": "ben", "own": "", "other": ""} for kind in MarkKind]
    words = _turn(turn(marks=marks))["marks"]
    assert len(set(words)) == len(MarkKind)
    assert all("ben" in each and ":" not in each for each in words)
