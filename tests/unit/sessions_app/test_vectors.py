"""Vectors are brought to length 1 or refused; their cosines become likeness; two rankings become one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.vectors import MOST_DIMENSIONS, RANK_OFFSET, Why, fused, likeness_of, told, unit


@pytest.mark.parametrize("numbers", [[3.0, 4.0], [3e-200, 4e-200], [3e200, 4e200]])
def test_a_vector_keeps_its_direction_and_gets_length_one(numbers):
    assert unit(numbers) == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    "numbers", [[], [0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0], [1.0] * (MOST_DIMENSIONS + 1)], ids=str
)
def test_what_has_no_direction_or_cannot_be_kept_is_no_vector(numbers):
    assert unit(numbers) is None


@pytest.mark.parametrize(("cosine", "likeness"), [(-1, 0), (0.5, 0), (0.75, 0.5), (1, 1), (1.0000001, 1)])
def test_likeness_grows_from_where_unlike_texts_end(cosine, likeness):
    assert likeness_of(cosine, least=0.5) == likeness


def test_good_places_in_both_rankings_come_before_the_first_place_in_one():
    # b: 1/62 + 1/62 > a: 1/61 > c: 1/61 (later), then d: 1/63.
    assert fused(["a", "b", "d"], ["c", "b"]) == ["b", "a", "c", "d"]
    assert 2 / (RANK_OFFSET + 2) > 1 / (RANK_OFFSET + 1)


@given(ranking=st.lists(st.integers(), unique=True, max_size=20))
def test_one_ranking_alone_stays_as_it_is(ranking):
    assert fused(ranking) == fused(ranking, []) == fused(ranking, ranking) == ranking


def test_every_reason_has_words_and_a_refusal_is_named():
    assert len({told(each) for each in Why}) == len(Why)
    assert "PostgreSQL" in told(Why.NO_PGVECTOR)
    assert "budget_exhausted" in told("budget_exhausted")
