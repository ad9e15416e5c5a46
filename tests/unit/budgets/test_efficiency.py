from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.efficiency import (
    EfficiencyTerms,
    FinishedWork,
    efficiency_bonus,
    efficiency_of,
    return_on_tokens,
    scores_of,
)

TERMS = EfficiencyTerms()
TOKENS = st.integers(min_value=0, max_value=10**12)
SHARE = st.floats(min_value=0, max_value=1)


def work(*, held: int, used: int, quality: float, collaboration: float | None = None) -> FinishedWork:
    return FinishedWork(held_tokens=held, used_tokens=used, quality=quality, collaboration=collaboration)


def test_an_efficiency_above_the_threshold_earns_a_tenth_and_half_of_that_may_be_sold():
    bonus = efficiency_bonus(50_000, 0.81, TERMS)
    assert (bonus.limit_steps, bonus.tradeable_steps) == (5_000, 2_500)


@pytest.mark.parametrize("efficiency", [0.8, 0.5, 0.0, None])
def test_at_the_threshold_below_it_or_unknown_nothing_is_earned(efficiency):
    bonus = efficiency_bonus(50_000, efficiency, TERMS)
    assert (bonus.limit_steps, bonus.tradeable_steps) == (0, 0)


@given(base=TOKENS, efficiency=SHARE)
def test_no_bonus_is_more_than_the_policy_gives_nor_more_tradeable_than_it_is(base, efficiency):
    bonus = efficiency_bonus(base, efficiency, TERMS)
    assert 0 <= bonus.tradeable_steps <= bonus.limit_steps <= base / 10


def test_the_scores_of_value_and_collaboration_are_the_market_value():
    scores = scores_of(work(held=1000, used=900, quality=0.95, collaboration=0.2), TERMS)
    assert scores["value_creation"] == pytest.approx(855)
    assert scores["collaboration_bonus"] == pytest.approx(171)
    market_value = scores["value_creation"] + scores["collaboration_bonus"]
    assert market_value == pytest.approx(900 * 0.95 * 1.2)
    assert return_on_tokens(value_tokens=market_value, used_tokens=900) == pytest.approx(0.14)


def test_useful_tokens_beyond_what_the_threshold_asks_are_a_gain():
    assert scores_of(work(held=1000, used=900, quality=1.0), TERMS)["efficiency_gain"] == pytest.approx(100)


@pytest.mark.parametrize(("held", "used", "quality"), [(1000, 500, 1.0), (1000, 900, 0.5), (500, 1000, 0.79)])
def test_held_and_unused_poor_or_overdrawn_work_gains_nothing(held, used, quality):
    assert "efficiency_gain" not in scores_of(work(held=held, used=used, quality=quality), TERMS)


def test_work_of_no_quality_is_worth_nothing_and_that_is_kept():
    assert scores_of(work(held=100, used=100, quality=0.0), TERMS) == {"value_creation": 0.0}


@given(held=TOKENS, used=TOKENS, quality=SHARE, more=TOKENS)
def test_holding_more_than_the_work_takes_never_helps(held, used, quality, more):
    honest, inflated = work(held=held, used=used, quality=quality), work(held=held + more, used=used, quality=quality)
    assert scores_of(inflated, TERMS).get("efficiency_gain", 0) <= scores_of(honest, TERMS).get("efficiency_gain", 0)
    before, after = (
        efficiency_of(useful_tokens=each.used_tokens * quality, taken_tokens=each.taken_tokens)
        for each in (honest, inflated)
    )
    assert before is None or after <= before
    assert after is None or 0 <= after <= 1


def test_nothing_taken_or_used_has_no_efficiency_and_no_return():
    assert efficiency_of(useful_tokens=0, taken_tokens=0) is None
    assert return_on_tokens(value_tokens=0, used_tokens=0) is None
