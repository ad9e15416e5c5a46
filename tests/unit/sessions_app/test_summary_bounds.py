"""No text makes a summary take long: what grows by the square of a text grows within a sentence only."""

from __future__ import annotations

from time import process_time

import pytest

from sessions_app.domain.summary import sentences_of, summarise

CHARACTERS = 20_000
HOSTILE = ["a. ", ".", "1.", "2020-01-", "a\n", "Not a. ", "x", "漢", "`", '"', "A: ", "e.g. ", "1,", "a_", "No. 1 ",
           "x, it ", "is, the ", " (", ": ", "so "]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_the_time_for_a_hostile_text_is_short(part: str) -> None:
    text = part * (CHARACTERS // len(part))
    begun = process_time()
    summarise(text, most_tokens=500, count=lambda words: len(words) // 4)
    assert process_time() - begun < 1.5  # before there were bounds: up to 77 s


def test_a_line_without_spaces_is_cut_and_nothing_of_it_is_lost() -> None:
    pieces = [each.text for each in sentences_of("x" * 2500)]
    assert [len(each) for each in pieces] == [1000, 1000, 500]


def test_lines_that_never_end_are_joined_up_to_a_bound() -> None:
    assert max(len(each.text) for each in sentences_of("word without an end\n" * 2000)) <= 1000


def test_abbreviations_end_no_sentence_where_they_stand_after_much_text() -> None:
    text = f"{'word ' * 40}approx. 5 cm, as Dr. Li said. Then they left."
    assert [each.text[-9:] for each in sentences_of(text)] == [" Li said.", "hey left."]
