"""A score that anybody can work out again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.trading.reputation import (
    ACCURACY,
    COLLABORATION,
    DELIVERY,
    EARLY_RETURN,
    Outcomes,
    score_of,
    smoothed,
    weights_of,
)
from market.domain.trading.terms import MarketTerms

WEIGHTS = weights_of(MarketTerms())


def test_a_score_by_hand():
    # Delivery 15 of 15: (15 + 2.5) / 20 = 0.875; accuracy 0 of 5: 2.5 / 10 = 0.25; weights 0.4 and 0.3 of 0.7.
    found = score_of({DELIVERY: Outcomes(good=15, count=15), ACCURACY: Outcomes(good=0, count=5)}, WEIGHTS)

    assert found.score == pytest.approx((0.4 * 0.875 + 0.3 * 0.25) / 0.7)
    parts = {part.name: part for part in found.parts}
    assert (parts[DELIVERY].count, parts[DELIVERY].share, parts[DELIVERY].value) == (15, 1.0, 0.875)
    assert parts[DELIVERY].weight == pytest.approx(4 / 7)
    assert (parts[COLLABORATION].value, parts[COLLABORATION].weight) == (None, 0.0)


def test_where_nothing_was_seen_there_is_no_score():
    found = score_of({DELIVERY: Outcomes(good=0, count=0)}, WEIGHTS)

    assert found.score is None
    assert all(part.value is None for part in found.parts)


def test_few_good_outcomes_say_less_than_many():
    one, many = (smoothed(Outcomes(good=count, count=count)) for count in (1, 100))

    assert 0.5 < one < 0.6 < 0.95 < many < 1.0


def test_a_component_that_the_policy_weighs_at_nothing_does_not_count():
    weights = weights_of(MarketTerms(reputation_early_return_weight=0.0))

    assert score_of({EARLY_RETURN: Outcomes(good=9, count=9)}, weights).score is None


@given(st.dictionaries(st.sampled_from(sorted(WEIGHTS)), st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1))
def test_a_score_lies_between_its_components_and_weights_sum_to_one(seen):
    outcomes = {name: Outcomes(good=good, count=good + bad) for name, (good, bad) in seen.items()}
    found = score_of(outcomes, WEIGHTS)

    known = [part for part in found.parts if part.value is not None]
    if not known:
        assert found.score is None
        return
    assert sum(part.weight for part in known) == pytest.approx(1.0)
    values = [part.value for part in known if part.value is not None]
    assert min(values) - 1e-9 <= (found.score or 0.0) <= max(values) + 1e-9
    assert 0.0 < (found.score or 0.0) < 1.0


@given(st.integers(0, 40), st.integers(0, 40))
def test_another_good_outcome_never_lowers_a_score_and_a_bad_one_never_raises_it(good, bad):
    before = smoothed(Outcomes(good=good, count=good + bad))

    assert smoothed(Outcomes(good=good + 1, count=good + bad + 1)) >= before
    assert smoothed(Outcomes(good=good, count=good + bad + 1)) <= before
