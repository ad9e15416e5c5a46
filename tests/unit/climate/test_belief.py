"""Which values are believed, and which steps are seldom real."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.belief import can_be, judge, jump
from climate.domain.collected import Collected, CollectedForecast, CollectedReading
from climate.domain.signal import Kind, Scope

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
READING = CollectedReading(
    zone="DE",
    starts_at=datetime(2026, 3, 4, 10, tzinfo=UTC),
    period_minutes=60,
    intensity_g_per_kwh=300.0,
    scope=Scope.LIFECYCLE,
)


def reason(**changes) -> str:
    collected = Collected(readings=(replace(READING, **changes),))
    judged = judge(collected, zones={"DE"}, archived_before=NOW - timedelta(days=400), now=NOW)
    assert len(judged.readings) + len(judged.doubts) == 1
    return judged.doubts[0].reason if judged.doubts else ""


@pytest.mark.parametrize(
    ("value", "kind", "scope", "is_possible"),
    [
        (10.0, Kind.AVERAGE, Scope.LIFECYCLE, True),
        (9.99, Kind.AVERAGE, Scope.LIFECYCLE, False),
        (0.0, Kind.AVERAGE, Scope.DIRECT, True),
        (0.0, Kind.MARGINAL, Scope.LIFECYCLE, True),
        (-0.1, Kind.MARGINAL, Scope.DIRECT, False),
        (1300.0, Kind.MARGINAL, Scope.LIFECYCLE, True),
        (1300.1, Kind.AVERAGE, Scope.DIRECT, False),
        (float("nan"), Kind.MARGINAL, Scope.DIRECT, False),
        (float("inf"), Kind.AVERAGE, Scope.LIFECYCLE, False),
    ],
)
def test_bounds_depend_on_what_is_counted(value, kind, scope, is_possible):
    assert can_be(value, kind=kind, scope=scope) is is_possible


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"zone": "ZZ"}, "the zone is not known"),
        ({"starts_at": NOW.replace(minute=0) + timedelta(hours=1)}, ""),
        ({"starts_at": NOW.replace(minute=0) + timedelta(hours=2)}, "lies in the future"),
        ({"starts_at": datetime(2026, 3, 4, 10)}, "does not begin on a whole period of 60 minutes"),  # noqa: DTZ001
        ({"starts_at": NOW.replace(minute=30)}, "does not begin on a whole period of 60 minutes"),
        ({"starts_at": NOW.replace(minute=15), "period_minutes": 15}, ""),
        ({"period_minutes": 61}, "a period of 61 minutes is not 1 to 60"),
        ({"renewable_share": 1.2}, "a share of 120 % cannot be"),
        ({"carbon_free_share": -0.1}, "a share of -10 % cannot be"),
        ({"renewable_share": 0.0, "carbon_free_share": 1.0}, ""),
        ({"starts_at": READING.starts_at - timedelta(days=400)}, "is of a period that is in the archive already"),
    ],
)
def test_a_reading_that_cannot_be_is_doubted_with_the_reason(changes, words):
    assert reason(**changes) == words


def test_a_forecast_lies_in_the_future():
    ahead = CollectedForecast(
        zone="DE",
        starts_at=READING.starts_at + timedelta(days=2),
        period_minutes=60,
        intensity_g_per_kwh=300.0,
        scope=Scope.LIFECYCLE,
    )
    judged = judge(Collected(forecasts=(ahead,)), zones={"DE"}, archived_before=NOW, now=NOW)

    assert (judged.forecasts, judged.doubts) == ((ahead,), ())


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (100.0, 300.0, ""),
        (100.0, 301.0, "jumped from 100 to 301 g/kWh"),
        (301.0, 100.0, "jumped from 301 to 100 g/kWh"),
        (20.0, 110.0, ""),
        (0.0, 100.0, ""),
        (0.0, 101.0, "jumped from 0 to 101 g/kWh"),
        (500.0, 1200.0, ""),
    ],
)
def test_a_jump_is_more_than_threefold_and_more_than_a_hundred_grams(before, after, words):
    assert jump(before, after) == words


def forecast(**changes) -> CollectedForecast:
    values = {"zone": "DE", "period_minutes": 60, "intensity_g_per_kwh": 300.0, "scope": Scope.LIFECYCLE}
    return CollectedForecast(**{**values, "starts_at": NOW.replace(minute=0) + timedelta(hours=5), **changes})


def judged_of(each: CollectedForecast):
    return judge(Collected(forecasts=(each,)), zones={"DE"}, archived_before=NOW - timedelta(days=400), now=NOW)


@pytest.mark.parametrize(("low", "high"), [(None, None), (250.0, 340.0), (300.0, 300.0), (None, 340.0), (0.0, None)])
def test_a_band_around_the_value_is_kept(low, high):
    said = forecast(low_g_per_kwh=low, high_g_per_kwh=high)
    judged = judged_of(said)
    assert (judged.forecasts, judged.problems) == ((said,), ())


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (310.0, 340.0),
        (250.0, 290.0),
        (340.0, 250.0),
        (-1.0, 340.0),
        (float("nan"), 340.0),
        (250.0, float("inf")),
        (310.0, None),
    ],
)
def test_a_band_that_cannot_be_is_left_out_and_the_value_stays(low, high):
    judged = judged_of(forecast(low_g_per_kwh=low, high_g_per_kwh=high))
    assert judged.forecasts == (forecast(),)
    (problem,) = judged.problems
    assert problem.startswith("DE 2026-03-04 15:00: the band of ")


@pytest.mark.parametrize(("hours", "is_believed"), [(8 * 24, True), (8 * 24 + 1, False)])
def test_a_forecast_reaches_eight_days_ahead_at_most(hours, is_believed):
    judged = judged_of(forecast(starts_at=NOW.replace(minute=0) + timedelta(hours=hours)))
    assert [bool(judged.forecasts), bool(judged.doubts)] == [is_believed, not is_believed]
    assert [each.reason for each in judged.doubts] == ([] if is_believed else ["lies more than 8 days ahead"])
