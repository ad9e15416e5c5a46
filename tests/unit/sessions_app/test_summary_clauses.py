"""Clauses are cut where the rest still says the same: word for word, with their conditions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.domain.summary import sentences_of, summarise
from sessions_app.domain.summary.clauses import clauses_of


def runs(text: str) -> set[str]:
    return {each.text for each in clauses_of(sentences_of(text))}


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    ("sentence", "clause"),
    [
        ("The contract ends in May, and we have no successor so far.", "The contract ends in May"),
        ("The contract ends in May, and we have no successor so far.", "we have no successor so far."),
        ("The limit is 150 pieces, since the price goes up above that.", "The limit is 150 pieces"),
        ("It is in plan.md, with all changes marked.", "It is in plan.md"),
        ("I have looked it up: the fee is 40 euros.", "the fee is 40 euros."),
        ("The pump is broken; nobody may start it.", "nobody may start it."),
        ("OK, so the launch is on 3 February.", "the launch is on 3 February."),
        ("Die Pumpe ist defekt, und wir haben keinen Ersatz.", "Die Pumpe ist defekt"),
    ],
)
def test_what_can_stand_alone_is_a_clause(sentence: str, clause: str) -> None:
    assert clause in runs(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "If the test fails, we go back and it stays closed.",
        "Unless Ana signs, the order is void and we pay nothing.",
        "We deploy on Friday if the tests are green.",
        "It failed on Sunday because the float switch was stuck.",
        "We start before the holidays, not after them.",
        'He wrote "the door is open, and we are gone" on it.',
        "Yes, do it.",
    ],
)
def test_nothing_is_cut_off_from_its_condition_its_cause_or_its_quotation(sentence: str) -> None:
    assert len(runs(sentence)) == 1


def test_what_is_before_a_but_is_never_told_without_it() -> None:
    found = runs("Writing keys are valid for ever, but they open one station only.")
    assert not any(each.endswith("for ever") for each in found)


def test_no_clause_begins_with_a_word_for_something_before_it() -> None:
    assert not any(each.startswith("it ") for each in runs("The pump is new, and it runs at 40 Hz at most."))


def test_where_only_one_clause_fits_the_one_with_the_fact_is_told() -> None:
    text = "It was a long meeting with cake; the deadline is 14 March."
    summary = summarise(text, most_tokens=5, count=words)
    assert summary.text == "the deadline is 14 March."


def test_no_words_are_told_twice() -> None:
    text = "The contract ends on 3 May, and we have no successor so far; the deadline is 14 March."
    lines = summarise(text, most_tokens=100, count=words).text.splitlines()
    assert lines
    assert sum(map(words, lines)) <= words(text)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["it is", "the door", "and", "but", ",", ";", ": ", "(so)", "if", "we must go", "OK,", "not", "."]
        ),
        max_size=30,
    ).map(" ".join)
)
def test_every_clause_stands_in_its_sentence_word_for_word(text: str) -> None:
    sentences = sentences_of(text)
    clauses = clauses_of(sentences)
    for each in clauses:
        assert sentences[each.of].text[each.start :].startswith(each.text)
    assert {each.of for each in clauses} == set(range(len(sentences)))
