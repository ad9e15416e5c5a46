"""One question that fails does not lose the answers to the others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from climate.connectors.asking import ask_each, tried
from climate.connectors.http import SourceLimitReached, SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.collected import Collected, CollectedReading
from climate.domain.signal import Scope

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def reading(zone: str) -> Collected:
    at = CollectedReading(zone=zone, starts_at=NOW, period_minutes=60, intensity_g_per_kwh=100, scope=Scope.LIFECYCLE)
    return Collected(readings=(at,))


def answering(errors: dict[str, Exception]):
    asked: list[str] = []

    def ask_one(name: str) -> Collected:
        asked.append(name)
        if name in errors:
            raise errors[name]
        return reading(name)

    return asked, ask_one


def test_a_question_that_fails_is_a_problem_in_words():
    _, ask_one = answering({"B": SourceMisbehaved("the answer is not JSON"), "C": KeyError("data")})
    collected = ask_each(["A", "B", "C", "D"], ask_one)
    assert [each.zone for each in collected.readings] == ["A", "D"]
    assert collected.problems == ("B: the answer is not JSON", "C: the answer is not in the promised format")


def test_two_unavailable_in_a_row_end_the_asking_and_keep_what_there_is():
    asked, ask_one = answering({name: SourceUnavailable("time-out") for name in "BDE"})
    collected = ask_each("ABCDEF", ask_one)
    assert asked == ["A", "B", "C", "D", "E"]
    assert [each.zone for each in collected.readings] == ["A", "C"]


def test_our_own_limit_ends_the_asking_at_once():
    asked, ask_one = answering({"B": SourceLimitReached("enough")})
    assert len(ask_each("ABC", ask_one).readings) == 1
    assert asked == ["A", "B"]


def test_a_refusal_ends_everything_unless_it_may_be_of_one_question_only():
    _, ask_one = answering({"B": SourceRefused("403")})
    with pytest.raises(SourceRefused):
        ask_each("ABC", ask_one)
    assert [each.zone for each in ask_each("ABC", ask_one, refusal_ends=False).readings] == ["A", "C"]


def test_when_all_are_refused_the_source_refuses_us():
    _, ask_one = answering({name: SourceRefused("403") for name in "ABC"})
    with pytest.raises(SourceRefused):
        ask_each("ABC", ask_one, refusal_ends=False)


def test_when_nothing_was_answered_the_first_error_that_is_no_refusal_is_raised():
    _, ask_one = answering({"A": SourceRefused("403"), "B": SourceMisbehaved("odd"), "C": SourceUnavailable("late")})
    with pytest.raises(SourceMisbehaved, match="odd"):
        ask_each("ABC", ask_one, refusal_ends=False)


def test_a_part_that_fails_leaves_the_rest_standing():
    def fail():
        raise SourceMisbehaved("odd")

    assert tried("shares", lambda: 1) == (1, ())
    assert tried("shares", fail) == (None, ("shares: odd",))
    assert tried("shares", lambda: {}["x"]) == (None, ("shares: the answer is not in the promised format",))
