"""A summary that lost a pinned fact, invented something or gained nothing does not stand."""

from __future__ import annotations

import pytest

from sessions_app.domain.claims import figures_of, names_of
from sessions_app.domain.gate import fingerprint, judge, judge_reloaded

SOURCE = (
    """Maria Lopez measured the tank on 4 March: 1,500 litres at 12 °C, and the pump ran for three hours.
The valve v2_main leaked, so the team in Lyon replaced it. Costs were $2,400 and 35 % of the budget is spent.
Nobody may open the valve before Friday. """
    * 3
)
PINNED = ["Nobody may open the valve before Friday."]


def words(text: str) -> int:
    """A token a word is all that these tests need."""
    return len(text.split())


def _codes(summary, pinned=PINNED, gain=20):
    verdict = judge(SOURCE, summary, pinned=pinned, least_gain_percent=gain, count=words)
    return {(each.code, each.detail) for each in verdict.findings}


@pytest.mark.parametrize(
    "summary",
    [
        "nobody may open the valve before friday.",
        "Nobody may open the\nvalve before Friday. Maria measured 1500 litres; the Lyon team replaced v2_main.",
        "Nobody may open the valve before Friday. Completed: 1.5k litres, 3 hours, 35% spent, costs of $2400.",
        "Nobody may open the valve before Friday! Measured on March 4, 12°C.",
    ],
)
def test_a_summary_that_says_what_was_said_passes(summary):
    assert _codes(summary) == set()


@pytest.mark.parametrize(
    ("summary", "code", "detail"),
    [
        ("Maria measured the tank.", "pinned_missing", PINNED[0]),
        ("Somebody may open the valve before Friday.", "pinned_missing", PINNED[0]),
        (f"{PINNED[0]} It held 1,600 litres.", "number_invented", "1600"),
        (f"{PINNED[0]} It took four hours at -12 °C.", "number_invented", "-12"),
        (f"{PINNED[0]} 35 hours are spent.", "unit_changed", "35 h"),
        (f"{PINNED[0]} The team in Paris replaced it.", "name_invented", "Paris"),
        (f"{PINNED[0]} Berlin was asked.", "name_invented", "Berlin"),
        (f"{PINNED[0]} They replaced v3_main.", "name_invented", "v3_main"),
        (SOURCE, "no_gain", None),
        ("", "empty", "The summary says nothing."),
    ],
)
def test_what_is_wrong_with_a_summary_is_named(summary, code, detail):
    found = _codes(summary)
    assert (code, detail) in found if detail else code in {each for each, _ in found}


def test_a_pinned_fact_counts_as_said_even_if_its_text_left_the_source():
    pinned = ["Oslo decides by 9 June."]
    assert _codes("Oslo decides by 9 June.", pinned=pinned) == set()


def test_a_verdict_tells_its_figures_as_plain_values():
    verdict = judge(SOURCE, PINNED[0], pinned=PINNED, least_gain_percent=20, count=words)
    assert verdict.facts == {
        "passed": True,
        "findings": [],
        "source_tokens": words(SOURCE),
        "summary_tokens": words(PINNED[0]),
    }


def test_what_does_not_come_back_as_it_was_stored_is_refused():
    kept = fingerprint("summary")
    assert judge_reloaded(kept, "summary").passed
    assert [each.code for each in judge_reloaded(kept, "summery").findings] == ["damaged"]


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("1,500 1 500 1'500", {"1500"}),
        ("1.5k 2M", {"1500", "2000000"}),
        ("2026-03-04", {"2026", "3", "4"}),
        ("at 10:20 for 2.50", {"10:20", "2.5"}),
        ("version 3.1.7, 07 apples", {"3.1.7", "7"}),
        ("between 3-5 and -5", {"3", "5", "-5"}),
        ("seven of twelve", {"7", "12"}),
    ],
)
def test_figures_are_the_same_however_they_are_written(text, figures):
    assert figures_of(text) == figures


def test_names_at_the_start_of_a_sentence_are_names_too():
    assert names_of("Completed work. Decided it. Zoe left.", known="they decide and do work, complete it") == ["Zoe"]


def test_a_dash_that_opens_a_line_is_a_sign_also_after_a_line_that_ends_with_a_figure():
    verdict = judge("0\n0\n-7", "-7", pinned=[], least_gain_percent=1, count=words)
    assert "number_invented" not in {each.code for each in verdict.findings}
