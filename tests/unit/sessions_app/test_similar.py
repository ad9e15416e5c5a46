"""Texts that are alike are found; what they took corrects an estimate by as much as they are alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.similar import MOST_TERMS, Precedent, corrected, most_alike, term_counts

TEXTS = {
    "flood": "flood relief sandbags river gauge rises evacuation school",
    "pump": "pump valve repair leak maintenance workshop",
    "river": "river gauge reading sensor broken reading",
}


def _counts():
    return {name: term_counts(text) for name, text in TEXTS.items()}


def test_the_text_that_shares_most_telling_words_comes_first():
    found = most_alike(term_counts("the gauges of the river are reading nonsense"), _counts(), most=5)
    assert [each.name for each in found] == ["river", "flood"]
    assert found[0].score > found[1].score > 0
    assert "gaug" in " ".join(found[0].terms)


def test_a_text_is_entirely_like_itself_and_not_like_one_without_a_shared_word():
    found = most_alike(_counts()["pump"], _counts(), most=5)
    assert [(each.name, round(each.score, 6)) for each in found] == [("pump", 1.0)]


def test_nothing_is_like_a_text_without_words():
    assert most_alike(term_counts("of the and"), _counts(), most=5) == []


def test_words_of_a_text_are_bounded():
    assert len(term_counts(" ".join(f"word{each}x" for each in range(1000)))) == MOST_TERMS


def test_without_precedents_the_prior_stands():
    estimate = corrected(800, [], quantile=0.95)
    assert (estimate.tokens, estimate.low, estimate.high, estimate.weight) == (800, 800, 800, 0.0)


def test_the_more_precedents_and_the_more_alike_the_less_the_prior_counts():
    few = corrected(1000, [Precedent(score=0.5, tokens=9000)], quantile=0.5)
    many = corrected(1000, [Precedent(score=0.9, tokens=9000)] * 9, quantile=0.5)
    assert 1000 < few.tokens < many.tokens < 9000


@given(
    prior=st.integers(min_value=1, max_value=10**6),
    rows=st.lists(
        st.tuples(st.floats(min_value=0.01, max_value=1), st.integers(min_value=0, max_value=10**6)), min_size=1
    ),
    quantile=st.sampled_from([0.5, 0.95]),
)
def test_an_estimate_lies_between_the_prior_and_what_sessions_like_it_took(prior, rows, quantile):
    estimate = corrected(prior, [Precedent(score=score, tokens=tokens) for score, tokens in rows], quantile=quantile)
    known = [tokens for _, tokens in rows]
    assert min(prior, *known) <= estimate.tokens <= max(prior, *known)
    assert estimate.low <= estimate.tokens <= estimate.high
    assert 0 < estimate.weight < 1
