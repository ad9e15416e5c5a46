"""Rounds: who speaks when, what is agreed, where a dissent may hide."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.agreement import (
    UNMARKED,
    Answered,
    Decision,
    MarkKind,
    Said,
    brier,
    calibrated,
    is_stalled,
    marks_of,
    speaking_order,
    tally_of,
    trust_in,
)
from sessions_app.domain.foresight import auc
from sessions_app.domain.words import Stance

CONTRADICTIONS = [
    ("We can ship the flood model on Friday.", "We cannot ship the flood model on Friday."),
    ("The cache should be cleared before the restart.", "The cache should not be cleared before the restart."),
    ("The budget of the swarm is 40,000 tokens.", "The budget of the swarm is 50,000 tokens."),
    ("The retention period for logs is 30 days.", "The retention period for logs is 90 days."),
    ("Anna approved the migration of the ledger.", "Anna never approved the migration of the ledger."),
    ("The station at Dhaka reported a level of 5.2 m.", "The station at Dhaka reported a level of 6.1 m."),
    ("Requests from Kenya need a second review.", "Requests from Kenya need no second review."),
    ("The pump is safe to run at full load.", "The pump is unsafe to run at full load."),
    ("I support the plan to move the servers to Norway.", "I am against the plan to move the servers to Norway."),
    ("The test suite takes 4 minutes on the small machine.", "The test suite takes 11 minutes on the small machine."),
    ("Wir sollten die Datenbank heute umziehen.", "Wir sollten die Datenbank heute nicht umziehen."),
    ("Retries of failed payments are allowed.", "Retries of failed payments aren't allowed."),
]
AGREEMENTS = [
    ("We can ship the flood model on Friday.", "Friday is fine for the flood model, let us ship it."),
    ("The cache should be cleared before the restart.", "Clear the cache first, then restart."),
    ("The budget of the swarm is 40,000 tokens.", "The swarm has a budget of 40k tokens."),
    ("The retention period for logs is 30 days.", "Logs are kept for 30 days."),
    ("Anna approved the migration of the ledger.", "The migration of the ledger has the approval of Anna."),
    ("The station at Dhaka reported a level of 5.2 m.", "A level of 5.2 m was reported by the station at Dhaka."),
    ("Requests from Kenya need a second review.", "A second review is needed for requests from Kenya."),
    ("The pump is safe to run at full load.", "Running the pump at full load is safe."),
    ("I support the plan to move the servers to Norway.", "Moving the servers to Norway is a good plan."),
    ("The test suite takes 4 minutes on the small machine.", "On the small machine the tests take 4 minutes."),
    ("We must not store names of patients.", "Names of patients must never be stored."),
    ("The API answers within 80 ms.", "The disks of the archive hold 4 TB and the API is quick."),
]


def _said(agent="b", text="x", *, stance=Stance.AGREE, confidence=0.8, cycle=1):
    return Said(agent=agent, cycle=cycle, stance=stance, confidence=confidence, text=text)


def _marks(text, other, **changes):
    return marks_of(_said("a", text), [_said("b", other, **changes)], topic="", repeat_percent=90)


def _is_raised(one, other):
    return any(mark.kind in UNMARKED for mark in _marks(other, one))


@pytest.mark.parametrize(("one", "other"), CONTRADICTIONS)
def test_two_who_agree_and_contradict_each_other_are_asked(one, other):
    assert _is_raised(one, other)
    assert _is_raised(other, one)


@pytest.mark.parametrize(("one", "other"), AGREEMENTS)
def test_two_who_say_the_same_in_other_words_are_not_asked(one, other):
    assert not _is_raised(one, other)


def test_likeness_of_words_takes_contradictions_for_agreement():
    pairs = [(pair, True) for pair in AGREEMENTS] + [(pair, False) for pair in CONTRADICTIONS]
    scores = [_cosine(*pair) for pair, _ in pairs]
    assert auc(scores, [label for _, label in pairs]) < 0.5


def _cosine(one, other):
    mine, theirs = Counter(one.casefold().split()), Counter(other.casefold().split())
    lengths = math.prod(math.sqrt(sum(count**2 for count in each.values())) for each in (mine, theirs))
    return sum(count * theirs[word] for word, count in mine.items()) / lengths


def test_a_stated_dissent_is_not_raised_again():
    assert not _marks("We cannot ship on Friday.", "We can ship on Friday.", stance=Stance.DISSENT)


def test_who_agrees_and_negates_the_topic_is_asked():
    turn = _said("a", "We should not move the servers to Norway.")
    marks = marks_of(turn, [], topic="Should we move the servers to Norway?", repeat_percent=90)
    assert [(mark.kind, mark.agent) for mark in marks] == [(MarkKind.NEGATION, "")]


def test_a_repeat_is_dropped_and_a_negated_repeat_is_none():
    text = "The levee at Sylhet holds until Thursday noon by the forecast"
    assert [mark.kind for mark in _marks(text, text)] == [MarkKind.REPEAT]
    assert [mark.kind for mark in _marks(text.replace("holds", "never holds"), text)] == [MarkKind.NEGATION]


def test_the_least_sure_speaks_first_and_ties_go_by_name():
    assert speaking_order(["c", "a", "b", "d"], {"a": 0.9, "b": 0.2, "c": 0.2}) == ["d", "b", "c", "a"]


def test_an_agent_that_is_as_often_right_as_it_says_is_taken_at_its_word():
    honest = [Answered(confidence=0.8, was_right=index % 5 != 0) for index in range(100)]
    assert calibrated(0.8, trust_in(honest)) == pytest.approx(0.8)
    assert trust_in([]) == 1.0


def test_an_agent_that_is_sure_and_wrong_is_drawn_to_a_half_and_below_nobody():
    boaster = [Answered(confidence=0.95, was_right=index % 2 == 0) for index in range(40)]
    assert 0.5 <= calibrated(0.95, trust_in(boaster)) < 0.55
    wrong = [Answered(confidence=0.95, was_right=False)] * 40
    assert calibrated(0.95, trust_in(wrong)) == 0.5
    assert brier(boaster) == pytest.approx((0.05**2 + 0.95**2) / 2)
    assert brier([]) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30), st.floats(0, 1))
def test_a_calibrated_confidence_stays_on_its_side_of_a_half(past, confidence):
    answers = [Answered(confidence=stated, was_right=right) for stated, right in past]
    result = calibrated(confidence, trust_in(answers))
    assert 0 <= result <= 1
    assert (result - 0.5) * (confidence - 0.5) >= 0


@pytest.mark.parametrize(
    ("stances", "decision", "percent"),
    [
        ("aaa", Decision.AGREE, 100.0),
        ("aad", Decision.NONE, 66.7),
        ("ddd", Decision.DISSENT, 0.0),
        ("add", Decision.NONE, 33.3),
        ("nnn", Decision.NONE, 0.0),
        ("aan", Decision.AGREE, 100.0),
        ("ann", Decision.NONE, 100.0),
    ],
)
def test_a_side_wins_with_its_share_of_confidence(stances, decision, percent):
    names = {"a": Stance.AGREE, "d": Stance.DISSENT, "n": Stance.ABSTAIN}
    said = [_said(str(index), stance=names[letter]) for index, letter in enumerate(stances)]
    tally = tally_of(said, asked=len(said), agree_percent=67)
    assert (tally.decision, tally.agreement_percent) == (decision, percent)


def test_last_words_count_and_heads_where_nobody_is_sure():
    said = [
        _said("a", stance=Stance.DISSENT, cycle=1, confidence=0.0),
        _said("a", stance=Stance.AGREE, cycle=2, confidence=0.0),
        _said("b", confidence=0.0),
    ]
    assert tally_of(said, asked=2, agree_percent=67).decision is Decision.AGREE
    assert tally_of([], asked=2, agree_percent=67).decision is Decision.NONE


def test_few_do_not_decide_for_those_who_have_not_spoken():
    said = [_said("a"), _said("b")]
    assert tally_of(said, asked=4, agree_percent=67).decision is Decision.NONE
    assert tally_of(said, asked=3, agree_percent=67).decision is Decision.AGREE


def test_a_cycle_of_repeats_in_which_nobody_moves_has_stalled():
    first, second = [_said("a"), _said("b")], [_said("a", cycle=2), _said("b", cycle=2)]
    assert is_stalled(first + second, [True, True], 2)
    assert not is_stalled(first + second, [True, False], 2)
    moved = [_said("a", cycle=2), _said("b", cycle=2, stance=Stance.DISSENT)]
    assert not is_stalled(first + moved, [True, True], 2)
    assert not is_stalled(first, [True, True], 1)


def test_a_turn_is_held_against_the_last_words_of_others_only():
    before, after = CONTRADICTIONS[0][1], "I take it back: Friday it is."
    own = _said("a", CONTRADICTIONS[0][0], cycle=2)
    taken_back = [_said("b", before), _said("b", after, cycle=2)]
    assert marks_of(own, taken_back, topic="", repeat_percent=90) == []
    assert [each.kind for each in marks_of(own, taken_back[:1], topic="", repeat_percent=90)] == [MarkKind.NEGATION]
