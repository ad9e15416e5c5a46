"""What a query of the archive means."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.searching import MOST_PHRASES, phrases_of, snippet


def test_words_phrases_and_unwanted_words_are_told_apart():
    found = [(each.words, each.is_unwanted) for each in phrases_of('Dam "pump station" -draft -"old plan" !?')]
    assert found == [(("dam",), False), (("pump", "station"), False), (("draft",), True), (("old", "plan"), True)]


def test_a_path_is_a_phrase_of_its_names():
    (found,) = phrases_of("src/app.py")
    assert found.words == ("src", "app", "py")
    assert re.search(found.pattern, "see src/app.py:12")


def test_a_snippet_begins_near_the_first_word_that_is_there():
    text = "a " * 300 + "the pump failed" + " z" * 300
    shown = snippet(text, phrases_of("pump"))
    assert "the pump failed" in shown
    assert shown.startswith("... ")
    assert shown.endswith(" ...")


@given(st.text(max_size=300))
def test_any_text_is_a_query_of_bounded_size(query):
    found = phrases_of(query)
    assert len(found) <= MOST_PHRASES
    assert all(each.words and re.compile(each.pattern) for each in found)
