"""Summaries are made of what was said, fit their bound and keep every pinned line."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.domain.gate import judge
from sessions_app.domain.summary import sentences_of, summarise

TALK = """ana: Good morning, how was the weekend?
ben: Very nice, thank you. We were at the lake.
ana: Lovely. About the pump: it failed on Sunday because the float switch was stuck.
ben: Oh no. Should we order a new one?
ana: Yes. Decision: we replace pump 3 on 14 March, and it must not run above 40 Hz before that.
ben: All right, I'll tell the others.
ana: The report is in maintenance/pump3.md.
ben: Thanks! See you at lunch."""


def words(text: str) -> int:
    """A token a word is all that these tests need."""
    return len(text.split())


def test_sentences_know_who_said_them():
    found = sentences_of(TALK)
    assert [each.speaker for each in found if "float switch" in each.text] == ["ana"]
    assert found[0].text == "Good morning, how was the weekend?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs approx. five euros. Fine.", ["It costs approx. five euros.", "Fine."]),
        ("Seit dem 3. November steht es still. Gut.", ["Seit dem 3. November steht es still.", "Gut."]),
        ("we stop. then we go on", ["we stop.", "then we go on"]),
        ("- first point\n- second point", ["first point", "second point"]),
        (
            "This long line of prose was broken by an editor somewhere in\nthe middle of it. Yes.",
            ["This long line of prose was broken by an editor somewhere in the middle of it.", "Yes."],
        ),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    assert [each.text for each in sentences_of(text)] == expected


def test_facts_are_kept_and_small_talk_is_not():
    summary = summarise(TALK, most_tokens=40, count=words)
    assert "14 March" in summary.text
    assert "float switch" in summary.text
    assert "weekend" not in summary.text
    assert "lake" not in summary.text
    assert summary.kept < summary.of == len(sentences_of(TALK))


def test_pinned_lines_stand_first_and_whole_even_where_nothing_else_fits():
    summary = summarise(TALK, most_tokens=3, count=words, pinned=["Never above 40 Hz.", "Ana signs.", "Ana signs."])
    assert (summary.text, summary.kept) == ("Never above 40 Hz.\nAna signs.", 0)


def test_a_sentence_that_speaks_of_itself_is_told_with_its_speaker():
    summary = summarise("ben: I object to the plan, it is not safe.", most_tokens=50, count=words)
    assert summary.text == "ben: I object to the plan, it is not safe."


def test_lines_of_a_log_that_differ_in_figures_only_do_not_fill_a_summary():
    log = "\n".join(f"worker {each} finished batch {each * 7} in {each + 3} ms" for each in range(200))
    summary = summarise(f"{log}\nWe decided to keep the old index until 3 May.", most_tokens=40, count=words)
    assert "old index" in summary.text


TEXTS = st.lists(
    st.text(alphabet="abcdeé XYZ 0123456789.,:;!?-'\"/_%\n", min_size=0, max_size=120), min_size=0, max_size=25
).map("\n".join)


@settings(max_examples=60, deadline=None)
@given(
    text=TEXTS,
    most=st.integers(min_value=0, max_value=80),
    pinned=st.lists(st.sampled_from(["A b.", "C 7"]), max_size=3),
)
def test_a_summary_fits_and_is_made_of_pieces_of_sentences_of_its_source(text, most, pinned):
    summary = summarise(text, most_tokens=most, count=words, pinned=pinned)
    assert summary == summarise(text, most_tokens=most, count=words, pinned=pinned)
    lines = summary.text.splitlines()
    assert lines[: len(set(pinned))] == list(dict.fromkeys(pinned))
    assert words(summary.text) <= max(most, words("\n".join(dict.fromkeys(pinned))))
    said = [each.text for each in sentences_of(text)]
    own = lines[len(set(pinned)) :]
    assert all(any(line in each or line.split(": ", 1)[-1] in each for each in said) for line in own)
    assert len(own) == summary.kept


@settings(max_examples=40, deadline=None)
@given(text=TEXTS, pinned=st.lists(st.sampled_from(["Keep 7 apart.", "Ana signs."]), max_size=2, unique=True))
def test_the_gate_never_finds_an_invention_in_a_summary_of_clauses(text, pinned):
    summary = summarise(text, most_tokens=30, count=words, pinned=pinned).text
    codes = {each.code for each in judge(text, summary, pinned=pinned, least_gain_percent=1, count=words).findings}
    assert codes <= {"empty", "no_gain"}


def test_a_long_session_is_summed_up_within_seconds():
    text = "\n".join(f"agent{each % 7}: Step {each} of task {each % 13} took {each % 97} ms on host h{each % 31}."
                     for each in range(4000))  # fmt: skip
    begun = time.perf_counter()
    assert summarise(text, most_tokens=500, count=words).kept > 0
    assert time.perf_counter() - begun < 20
