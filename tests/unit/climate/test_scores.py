"""What was measured in a period, and how far a forecast of it was off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.observations import Reading
from climate.domain.scores import measured_in, score

HOUR = datetime(2026, 3, 4, 10, tzinfo=UTC)
SOON, LATER = HOUR + timedelta(hours=1), HOUR + timedelta(hours=8)


def reading(minute: int, value: float, *, minutes: int = 15, source: str = "entsoe") -> Reading:
    at = HOUR + timedelta(minutes=minute)
    return Reading(
        source=source,
        starts_at=at,
        period_minutes=minutes,
        intensity_g_per_kwh=value,
        renewable_share=None,
        carbon_free_share=None,
        flag="",
        received_at=at,
    )


def measured(*readings: Reading, now: datetime = SOON, minutes: int = 60) -> float | None:
    return measured_in(readings, starts_at=HOUR, period_minutes=minutes, now=now)


def test_an_hour_is_the_mean_of_its_quarters():
    assert measured(*(reading(15 * number, 100 + 20 * number) for number in range(4))) == 130


def test_an_hour_half_measured_waits_for_the_rest_for_six_hours():
    half = [reading(0, 100), reading(15, 200)]
    assert measured(*half) is None
    assert measured(*half, now=LATER) == 150
    assert measured(half[0], now=LATER) is None


def test_a_reading_counts_for_the_part_that_lies_in_the_period():
    assert measured(reading(-30, 100, minutes=60), reading(30, 300, minutes=30)) == 200
    assert measured(reading(0, 100, minutes=60), minutes=30) == 100


def test_the_preferred_source_that_measured_it_counts_and_is_not_mixed():
    others = [reading(0, 900, minutes=60, source="energy-charts"), reading(0, 100, minutes=60)]
    assert measured(*others) == 100
    assert measured(others[0], reading(0, 100, minutes=15)) == 900


def test_an_hour_measured_again_in_another_length_is_what_was_told_last():
    quarters = [reading(15 * number, 100) for number in range(4)]
    whole = replace(reading(0, 200, minutes=60), received_at=LATER)
    assert measured(*quarters, whole) == 200
    assert measured(quarters[0], quarters[1], quarters[1], now=SOON) is None, "the same half hour twice is no hour"


def test_an_error_is_relative_to_what_was_measured():
    found = score(expected_g_per_kwh=90, low_g_per_kwh=80, high_g_per_kwh=99, measured_g_per_kwh=100)
    assert found is not None
    assert (found.absolute_error_g_per_kwh, found.relative_error, found.is_covered) == (10, 0.1, False)


@pytest.mark.parametrize(("low", "high", "covered"), [(80, 120, True), (100, 100, True), (None, None, None)])
def test_a_band_covers_what_lies_in_it_and_no_band_covers_nothing(low, high, covered):
    found = score(expected_g_per_kwh=90, low_g_per_kwh=low, high_g_per_kwh=high, measured_g_per_kwh=100)
    assert found is not None
    assert found.is_covered is covered


def test_nothing_is_relative_to_zero():
    assert score(expected_g_per_kwh=90, low_g_per_kwh=None, high_g_per_kwh=None, measured_g_per_kwh=0) is None
