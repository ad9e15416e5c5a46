"""The blend, its features and its band."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from climate.domain.forecast import (
    MINIMUM_HOURS,
    REACH_HOURS,
    Place,
    Prior,
    Trace,
    ZoneFit,
    forecast_zone,
    is_long_enough,
    replay,
)
from climate.domain.forecast.features import FEATURES, build_features
from climate.services.forecasts.prior import load_prior
from tests.unit.climate.forecast.traces import MADRID, MONDAY, constant, daily, prior, wild


def with_gaps(trace: Trace, *hours: int) -> Trace:
    values = trace.values.copy()
    values[list(hours)] = np.nan
    return replace(trace, values=values)


def feature(trace: Trace, name: str, issue: int | None = None) -> np.ndarray:
    at = len(trace.values) if issue is None else issue
    return build_features(trace, np.array([at])).inputs[0, :, FEATURES.index(name)]


@pytest.mark.parametrize("place", [None, MADRID])
def test_a_grid_that_never_changes_is_forecast_never_to_change(place):
    found = forecast_zone(constant(place=place), prior=load_prior())
    assert found.central == pytest.approx(300, rel=1e-3)
    assert np.all(found.high - found.low < 1)


def test_a_day_that_repeats_is_forecast_to_repeat():
    expected = daily(days=45).values[40 * 24 :][:REACH_HOURS]
    assert forecast_zone(daily(days=40), prior=load_prior()).central == pytest.approx(expected, rel=0.01)


def test_the_band_holds_the_central_value_and_stays_within_what_a_grid_can_emit():
    for value in (10.5, 1290, 300):
        trace = wild()
        found = forecast_zone(replace(trace, values=trace.values * value / 300), prior=load_prior())
        assert np.all(found.low <= found.central)
        assert np.all(found.central <= found.high)
        assert found.low.min() >= 10
        assert found.high.max() <= 1300
    assert np.all(found.low < found.high)


def test_equal_input_gives_equal_output():
    first, second = (forecast_zone(wild(), prior=load_prior()) for _ in range(2))
    assert np.array_equal(first.central, second.central)
    assert np.array_equal(first.low, second.low)


def test_an_hour_after_the_issue_changes_nothing():
    trace, issue = wild(), 50 * 24
    changed = replace(trace, values=np.concatenate([trace.values[:issue], trace.values[issue:] * 3]))
    assert np.array_equal(
        forecast_zone(trace, prior=load_prior(), issue=issue).central,
        forecast_zone(changed, prior=load_prior(), issue=issue).central,
    )


def test_what_is_learnt_knows_nothing_of_later_hours():
    trace, issue = wild(), 50 * 24
    changed = replace(trace, values=np.concatenate([trace.values[:issue], trace.values[issue:] * 3]))
    known, other = replay(trace, prior=load_prior()), replay(changed, prior=load_prior())
    until = np.flatnonzero(known.issues <= issue)
    assert len(until) > 100
    for number in until:
        assert np.array_equal(known.forecasts[number].central, other.forecasts[number].central)
        assert np.array_equal(known.forecasts[number].high, other.forecasts[number].high)
    assert not np.array_equal(known.forecasts[-1].central, other.forecasts[-1].central)


def test_a_weight_of_one_on_yesterday_is_yesterday():
    trace = wild()
    expected = np.tile(trace.values[-24:], 5)[:REACH_HOURS]
    assert forecast_zone(trace, prior=prior(yesterday=1.0)).central == pytest.approx(expected)


def test_without_weights_the_profile_of_the_last_week_remains():
    trace = wild()
    expected = np.exp(np.log(trace.values[-7 * 24 :]).reshape(7, 24).mean(axis=0))
    assert forecast_zone(trace, prior=prior()).central == pytest.approx(np.tile(expected, 5)[:REACH_HOURS])


def test_hours_that_were_not_measured_are_left_out():
    trace = with_gaps(wild(), -1, -2, -30, *range(-200, -150))
    found = forecast_zone(trace, prior=load_prior())
    assert np.all(np.isfinite(found.central))
    whole = forecast_zone(wild(), prior=load_prior()).central
    assert found.central == pytest.approx(whole, rel=0.25)


def test_where_the_last_hour_is_missing_the_one_before_stands_for_it():
    trace = wild()
    assert feature(with_gaps(trace, -1), "last_hour")[0] == pytest.approx(feature(trace, "hour_before")[0])


def test_short_history_is_enough_from_two_days_on_and_not_before():
    for hours, enough in ((MINIMUM_HOURS - 1, False), (MINIMUM_HOURS, True)):
        short = Trace(first_hour=MONDAY, values=wild().values[:hours])
        assert is_long_enough(short, hours) is enough
    found = forecast_zone(short, prior=load_prior())
    assert np.all(np.isfinite(found.central))
    assert np.all(found.low < found.high)


def test_a_long_history_without_the_last_day_is_not_enough():
    trace = with_gaps(wild(), *range(-24, 0))
    assert not is_long_enough(trace, len(trace.values))


def test_weekends_are_told_from_working_days_by_the_sun_s_calendar():
    trace = constant(days=28)
    local_saturday = np.arange(len(trace.values)) // 24 % 7 >= 5
    values = np.where(local_saturday, 200.0, 400.0)
    # The trace ends with a Sunday: the next four days work.
    assert feature(replace(trace, values=values), "weekday").min() > 0.1
    auckland = Place(latitude=-36.8, longitude=174.8)
    assert Trace(first_hour=MONDAY, values=values, place=auckland).is_weekend.tolist()[4 * 24 + 13] is True
    assert Trace(first_hour=MONDAY, values=values).is_weekend.tolist()[4 * 24 + 13] is False


def test_the_sun_is_the_same_before_and_after_its_noon_and_unknown_without_a_place():
    # On this day the sun's clock is 12.4 minutes behind the mean one, which 3.1 degrees of longitude make good.
    sun = constant(days=2, place=Place(latitude=51.5, longitude=3.1)).sun
    for hours in range(6):
        assert sun[11 - hours] == pytest.approx(sun[12 + hours], abs=0.002)
    assert (sun[0], sun[23]) == (0, 0)
    north, south = (constant(days=2, place=Place(latitude=latitude, longitude=0.0)) for latitude in (60.0, -60.0))
    assert south.sun.max() > north.sun.max()  # the beginning of March
    assert not constant(days=2).sun.any()


def test_the_season_counts_only_where_the_grid_follows_the_sun():
    sunny = daily(place=MADRID)
    dip = replace(sunny, values=400 - 200 * sunny.sun[: len(sunny.values)])
    noon = int(dip.sun[-96:].argmax()) % 24
    assert feature(dip, "season")[noon + 72] < -1e-4  # spring: a higher sun pushes it further down
    assert np.abs(feature(constant(place=MADRID), "season")).max() < 1e-9


def test_a_zone_teaches_its_own_weights():
    rng = np.random.default_rng(3)
    # Every day stays at yesterday's level: the profile of a week is a bad guess here.
    levels = np.exp(np.cumsum(rng.normal(0, 0.15, 90)))
    trace = Trace(first_hour=MONDAY, values=np.clip(np.repeat(levels, 24) * daily(days=90).values, 30, 1200))
    taught = replay(trace, prior=prior()).fit
    untaught = ZoneFit.untaught(prior())
    share = [abs(each.changes[:, FEATURES.index("yesterday")]).sum() for each in (untaught, taught)]
    assert share[0] == 0
    assert share[1] > 0.5


def test_the_band_learns_to_hold_four_hours_of_five():
    trace = wild(days=120)
    done = replay(trace, prior=prior(last_hour=0.5))
    inside = [
        np.mean((trace.values[at : at + 96] >= each.low) & (trace.values[at : at + 96] <= each.high))
        for at, each in zip(done.issues, done.forecasts, strict=True)
        if 60 * 24 <= at <= len(trace.values) - 96
    ]
    assert 0.76 < np.mean(inside) < 0.82


def test_a_fit_survives_being_stored():
    fit = replay(wild(), prior=load_prior()).fit
    again = ZoneFit.of(fit.numbers())
    trace = wild()
    stored, kept = (forecast_zone(trace, prior=load_prior(), fit=each) for each in (again, fit))
    assert stored.central == pytest.approx(kept.central, rel=1e-3)
    assert stored.low == pytest.approx(kept.low, rel=1e-3)


def test_weights_of_another_method_are_refused():
    with pytest.raises(ValueError, match="other features"):
        Prior.of({"features": ["tea leaves"], "weights": [], "low": [], "high": []})


def test_summer_time_is_no_event():
    """Hours are UTC: a trace over the night of the change is like any other."""
    before = replace(daily(days=40), first_hour=MONDAY - timedelta(days=20))
    over = replace(daily(days=40), first_hour=MONDAY + timedelta(days=7))  # 29 March lies in it
    assert forecast_zone(before, prior=load_prior()).central == pytest.approx(
        forecast_zone(over, prior=load_prior()).central, rel=1e-3
    )
