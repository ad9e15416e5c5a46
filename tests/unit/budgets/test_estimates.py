from __future__ import annotations

import random
from dataclasses import replace
from math import ceil, exp, log
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.estimates import (
    Estimate,
    EstimateBasis,
    EstimateTerms,
    Learned,
    Mode,
    Outcome,
    cold_start,
    complexity_band,
    kind_of,
    learn,
)
from budgets.domain.quantiles import best_share_on_target, follow, relative_error

TERMS = EstimateTerms()
LEARNING = 1500
"""Outcomes that a group sees in the simulations."""


def simulate(*, median: float, spread: float, seed: int, terms: EstimateTerms = TERMS) -> tuple[Learned, list[Outcome]]:
    """A group from its cold start on log-normal work: what it has learned, and the outcomes of its second half."""
    draw = random.Random(seed)
    group, seen = cold_start(Mode.EXPRESS, 1, terms), []
    for _ in range(LEARNING):
        outcome = Outcome(
            predicted_p50_tokens=group.p50_tokens,
            predicted_p95_tokens=group.p95_tokens,
            actual_tokens=round(draw.lognormvariate(log(median), spread)),
        )
        group = learn(group, outcome, terms)
        seen.append(outcome)
    return group, seen[LEARNING // 2 :]


def covered(outcomes: list[Outcome]) -> float:
    return mean(each.actual_tokens < each.predicted_p95_tokens for each in outcomes)


def on_target(outcomes: list[Outcome]) -> float:
    return mean(relative_error(each.predicted_p50_tokens, each.actual_tokens) <= 0.3 for each in outcomes)


@pytest.mark.parametrize("median", [120, 800, 6000])
@pytest.mark.parametrize("spread", [0.2, 0.5, 0.8])
def test_after_many_outcomes_the_95th_percentile_covers_95_of_100(median, spread):
    _, outcomes = simulate(median=median, spread=spread, seed=20261121)
    assert 0.93 <= covered(outcomes) <= 0.97


@pytest.mark.parametrize("median", [120, 800, 6000])
@pytest.mark.parametrize(("spread", "lost"), [(0.2, 0.05), (0.5, 0.08), (0.8, 0.08)])
def test_the_share_on_target_comes_near_the_best_that_the_spread_allows(median, spread, lost):
    _, outcomes = simulate(median=median, spread=spread, seed=20261121)
    assert on_target(outcomes) >= best_share_on_target(spread) - lost


def test_four_of_five_within_30_percent_takes_work_that_spreads_by_a_quarter_at_most():
    assert best_share_on_target(0.2415) == pytest.approx(0.80, abs=0.001)
    assert best_share_on_target(0.5) == pytest.approx(0.464, abs=0.001)
    _, outcomes = simulate(median=2000, spread=0.2, seed=3)
    assert on_target(outcomes) >= TERMS.target_share


def test_work_that_is_cut_off_at_the_hold_does_not_draw_the_hold_down():
    draw, group = random.Random(5), cold_start(Mode.EXPRESS, 1, TERMS)
    beyond = []
    for _ in range(LEARNING):
        wanted = draw.lognormvariate(log(5000), 0.4)
        held = ceil(group.p95_tokens)
        beyond.append(wanted >= held)
        group = learn(group, outcome(min(wanted, held), group), TERMS)
    assert 0.03 <= mean(beyond[LEARNING // 2 :]) <= 0.07


def test_a_change_of_the_work_is_followed():
    group, _ = simulate(median=800, spread=0.3, seed=8)
    draw = random.Random(9)
    for _ in range(60):
        group = learn(group, outcome(draw.lognormvariate(log(3200), 0.3), group), TERMS)
    assert 2400 <= group.p50_tokens <= 4300


def test_groups_that_are_far_off_learn_twice_as_fast():
    calm, far = Learned(p50_tokens=1000, p95_tokens=1500), Learned(p50_tokens=1000, p95_tokens=1500)
    calm = learn(replace(calm, outcome_count=9, smoothed_error=0.1), outcome(1100, calm), TERMS)
    far = learn(replace(far, outcome_count=9, smoothed_error=0.5), outcome(1100, far), TERMS)
    assert calm.p50_tokens == pytest.approx(1000 * exp(0.05))
    assert far.p50_tokens == pytest.approx(1000 * exp(0.10))


@given(
    actual=st.integers(min_value=0, max_value=10**12),
    p50=st.floats(min_value=50, max_value=200_000),
    margin=st.floats(min_value=0, max_value=1),
)
def test_no_outcome_leads_beyond_the_policys_limits_or_the_median_above_the_bound(actual, p50, margin):
    group = Learned(p50_tokens=p50, p95_tokens=p50 + margin * (200_000 - p50))
    after = learn(group, outcome(actual, group), TERMS)
    assert TERMS.least_tokens <= after.p50_tokens <= after.p95_tokens <= TERMS.most_tokens


def test_accuracy_is_of_the_prediction_that_was_made_then():
    group = Learned(p50_tokens=100, p95_tokens=200)
    told = Outcome(predicted_p50_tokens=1000, predicted_p95_tokens=1500, actual_tokens=1250)
    after = learn(group, told, TERMS)
    assert (after.outcome_count, after.within_target_count, after.covered_count) == (1, 1, 1)
    assert after.error_sum == after.smoothed_error == pytest.approx(0.2)


def test_reaching_the_bound_is_no_coverage():
    group = Learned(p50_tokens=100, p95_tokens=200)
    assert learn(group, outcome(200, group), TERMS).covered_count == 0
    assert follow(200, 200, q=0.95, rate=0.1) > 200


@pytest.mark.parametrize(
    ("complexity", "band"),
    [(None, "unknown"), (0.0, "low"), (0.35, "low"), (0.5, "medium"), (0.7, "medium"), (0.71, "high")],
)
def test_complexity_falls_into_bands(complexity, band):
    assert complexity_band(complexity, TERMS) == band


def test_an_express_answer_has_one_role_whatever_was_said():
    kinds = [
        kind_of(mode=mode, role_count=5, complexity=None, model_class="M", purpose="p", terms=TERMS) for mode in Mode
    ]
    assert [kind.role_count for kind in kinds] == [1, 5]


def test_the_groups_above_know_less_of_the_work_but_always_its_mode_and_roles():
    kind = kind_of(mode=Mode.COUNCIL, role_count=3, complexity=0.9, model_class="L", purpose="p", terms=TERMS)
    own, wider, widest = kind.and_coarser()
    assert own == kind
    assert (wider.complexity_band, wider.model_class, wider.purpose) == ("high", "L", "*")
    assert (widest.mode, widest.role_count) == ("council", 3)
    assert (widest.complexity_band, widest.model_class, widest.purpose) == ("*", "*", "*")


def test_an_estimate_is_stored_and_read_back_unchanged():
    kind = kind_of(mode=Mode.COUNCIL, role_count=3, complexity=0.9, model_class="L", purpose="p", terms=TERMS)
    estimate = Estimate(
        p50_tokens=700,
        p95_tokens=1500,
        basis=EstimateBasis.LEARNED,
        kind=kind,
        group=kind.and_coarser()[2],
        outcome_count=41,
    )
    assert Estimate.from_json(estimate.to_json()) == estimate


def outcome(actual: float, group: Learned) -> Outcome:
    return Outcome(
        predicted_p50_tokens=group.p50_tokens, predicted_p95_tokens=group.p95_tokens, actual_tokens=round(actual)
    )
