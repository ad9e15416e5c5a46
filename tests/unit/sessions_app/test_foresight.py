"""When windows will be full."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.domain.foresight import (
    HORIZON_SECONDS,
    Band,
    Load,
    Sample,
    auc,
    band_of,
    burn_of,
    correlation_of_increments,
    foresee,
    is_joint,
    kth,
)
from sessions_app.domain.foresight_scores import Course, Ending, Fate, Outcome, accuracy_of, judge
from sessions_app.domain.terms import Forecasts

TERMS = Forecasts(
    smoothing_percent=30,
    least_samples=3,
    k_percent=50,
    joint_percent=70,
    correlation_percent=80,
    transition_minutes=15,
)


def _load(agent="a", tokens=(0, 100, 200, 300, 400), *, step=60.0, limit=1000, joint=700):
    samples = tuple(Sample(index * step, held) for index, held in enumerate(tokens))
    return Load(agent=agent, samples=samples, used_tokens=tokens[-1], limit_tokens=limit, joint_tokens=joint)


def _band(low, central, high):
    return Band(low_seconds=low, central_seconds=central, high_seconds=high)


def test_a_steady_burn_is_foreseen_to_the_second():
    outlook = foresee([_load()], now_seconds=240.0, terms=TERMS)
    assert outlook.agents[0].burn.per_second == pytest.approx(100 / 60)
    assert outlook.band == outlook.agents[0].band
    assert (outlook.band.low_seconds, outlook.band.high_seconds) == pytest.approx((360.0, 360.0))


def test_few_calls_foretell_nothing():
    assert foresee([_load(tokens=(0, 100, 200))], now_seconds=120.0, terms=TERMS).band is None


def test_a_cleanup_says_nothing_of_the_burn():
    with_drop = burn_of(_load(tokens=(0, 100, 200, 300, 50, 150, 250)).samples, terms=TERMS)
    assert with_drop.per_second == pytest.approx(100 / 60)


def test_a_full_window_is_full_now_and_one_that_rests_is_full_later():
    assert band_of(burn_of(_load().samples, terms=TERMS), 0).high_seconds == 0.0
    soon = foresee([_load()], now_seconds=240.0, terms=TERMS).band.central_seconds
    late = foresee([_load()], now_seconds=4000.0, terms=TERMS)
    assert late.band.central_seconds > soon
    room = _load().limit_tokens - _load().used_tokens
    assert late.agents[0].burn.per_second * late.band.central_seconds == pytest.approx(room)


def test_a_window_that_stands_still_is_never_full():
    band = foresee([_load(tokens=(5, 5, 5, 5, 5))], now_seconds=240.0, terms=TERMS).band
    assert not band.is_foreseen


def test_all_are_exhausted_when_the_kth_is():
    bands = [_band(1, 2, 3), _band(10, 20, 30), None, _band(5, 6, 50)]
    assert kth(bands, 2) == _band(5, 6, 30)
    assert kth(bands, 4) is None
    assert foresee([_load(each) for each in "abcde"], now_seconds=240.0, terms=TERMS).k == 3


def test_two_that_cross_the_joint_share_within_a_step_are_joint():
    rising, later = (500, 600, 720, 730, 740), (500, 510, 520, 530, 720)
    assert is_joint([_load("a", rising), _load("b", rising)])
    assert not is_joint([_load("a", rising), _load("b", later)])
    assert not is_joint([_load("a", rising)])


def test_increments_that_move_together_correlate_and_others_do_not():
    waves, opposite = (0, 100, 110, 210, 220, 320, 330), (0, 10, 110, 120, 220, 230, 330)
    assert correlation_of_increments([_load("a", waves), _load("b", waves)]) == pytest.approx(1.0)
    assert correlation_of_increments([_load("a", waves), _load("b", opposite)]) == pytest.approx(-1.0)
    assert correlation_of_increments([_load("a", waves)]) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.floats(0.0, 500.0)), min_size=1, max_size=30),
    st.integers(-100, 300_000),
    st.floats(0.0, 1e5),
)
def test_the_edges_of_a_band_are_in_order_and_finite(steps, room, idle):
    samples, at, held = [Sample(0.0, 0)], 0.0, 0
    for grown, seconds in steps:
        at, held = at + seconds, held + grown
        samples.append(Sample(at, held))
    load = Load(agent="a", samples=tuple(samples), used_tokens=held, limit_tokens=held + room, joint_tokens=held)
    band = foresee([load], now_seconds=at + idle, terms=TERMS).band
    if band is not None:
        assert 0 <= band.low_seconds <= band.central_seconds <= band.high_seconds <= HORIZON_SECONDS


@pytest.mark.parametrize("shape", [0.5, 1.0, 4.0])
def test_the_band_holds_about_eighty_of_a_hundred_actual_times(shape):
    held = [_is_held(random.Random(seed), shape) for seed in range(400)]
    assert 0.72 <= sum(held) / len(held) <= 0.90


def _is_held(rng, shape):
    """Calls a random time apart that each bring a random number of tokens; foreseen after ten."""
    mean, limit, at, tokens = rng.uniform(500, 3000), 100_000, 0.0, 0
    samples = [Sample(0.0, 0)]
    while tokens < limit:
        at, tokens = at + rng.expovariate(1 / 30), tokens + int(rng.gammavariate(shape, mean / shape))
        samples.append(Sample(at, tokens))
    known = samples[:11]
    band = band_of(burn_of(known, terms=TERMS), limit - known[-1].tokens)
    return band.low_seconds <= at - known[-1].at_seconds <= band.high_seconds


def test_auc_counts_pairs_and_halves_ties():
    assert auc([3, 2, 1], [True, True, False]) == 1.0
    assert auc([1, 1], [True, False]) == 0.5
    assert auc([1, 2], [True, False]) == 0.0
    assert auc([1, 2], [True, True]) is None


def _course(*held, before=800, limit=1000):
    """A call every ten seconds from event 1 on."""
    course = Course(limit, before)
    for place, tokens in enumerate(held, start=1):
        course.note(place, Sample(place * 10.0, tokens))
    return course


def test_what_was_averted_is_neither_right_nor_wrong():
    ending = _course(900, 300).ending(seq=0, at_seconds=0.0, ended_at_seconds=None)
    assert ending == Ending(Fate.AVERTED, 20)
    judgement = judge(_band(1, 2, 3), [ending], k=1, elapsed_seconds=100)
    assert (judgement.actual_seconds, judgement.was_right) == (None, None)


@pytest.mark.parametrize(
    ("seq", "ending"),
    [
        (0, Ending(Fate.AVERTED, 20.0)),
        (1, Ending(Fate.AVERTED, 10.0)),
        (2, Ending(Fate.FULL, 30.0)),
        (4, Ending(Fate.FULL, 10.0)),
        (5, Ending(Fate.AVERTED, 10.0)),
        (6, Ending(Fate.AVERTED, 7.0)),
    ],
)
def test_what_comes_first_after_a_forecast_counts(seq, ending):
    course = _course(900, 300, 300, 950, 1000, 10)
    assert course.ending(seq=seq, at_seconds=seq * 10.0, ended_at_seconds=67.0) == ending
    assert course.ending(seq=6, at_seconds=60.0, ended_at_seconds=None) == Ending(Fate.OPEN)


def test_a_window_that_was_full_already_foretells_nothing():
    at_once = _band(0, 0, 0)
    for ending in (Ending(Fate.FULL), Ending(Fate.FULL, 60.0), Ending(Fate.OPEN), Ending(Fate.AVERTED, 60.0)):
        judgement = judge(at_once, [ending], k=1, elapsed_seconds=60)
        assert (judgement.actual_seconds, judgement.was_right) == (None, None)
    second = judge(_band(0, 50, 70), [Ending(Fate.FULL), Ending(Fate.FULL, 60.0)], k=2, elapsed_seconds=60)
    assert (second.actual_seconds, second.was_right) == (60.0, True), "the first is counted, the second was foreseen"


def test_a_forecast_is_right_within_its_band_and_wrong_before_after_or_never():
    full = Ending(Fate.FULL, 10.0)
    assert judge(_band(5, 9, 12), [full], k=1, elapsed_seconds=10).was_right
    assert not judge(_band(11, 12, 13), [full], k=1, elapsed_seconds=10).was_right
    waiting = [Ending(Fate.OPEN), full]
    assert judge(_band(5, 9, 12), waiting, k=2, elapsed_seconds=11) is None
    never = judge(_band(5, 9, 12), waiting, k=2, elapsed_seconds=13)
    assert (never.actual_seconds, never.was_right) == (None, False)


def test_accuracy_leaves_out_what_was_averted():
    outcomes = [
        Outcome(central_seconds=100, actual_seconds=80.0, was_right=True),
        Outcome(central_seconds=50, actual_seconds=None, was_right=False),
        Outcome(central_seconds=50, actual_seconds=None, was_right=None),
    ]
    accuracy = accuracy_of(outcomes, transition_seconds=90)
    assert (accuracy.scored, accuracy.averted, accuracy.coverage) == (2, 1, 0.5)
    assert (accuracy.median_error, accuracy.auc) == (0.25, None)
