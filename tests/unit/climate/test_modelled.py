"""The modelled hour: plausible, true to its year, and shaped by the sun."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from climate.domain.mix import shares_of, zone_shares
from climate.domain.modelled import SOURCES, GridYear, HourModel
from climate.domain.sun import local_solar_hour, sine_of_elevation

YEAR = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(8760)]
SOLAR_AND_GAS = {"solar": 0.3, "gas": 0.5, "wind": 0.2}


def grid(shares=SOLAR_AND_GAS, yearly=300.0, latitude=48.0, longitude=10.0) -> GridYear:
    return GridYear(latitude=latitude, longitude=longitude, shares=shares, yearly_g_per_kwh=yearly)


@settings(max_examples=25, deadline=None)
@given(
    weights=st.lists(st.floats(0, 1), min_size=len(SOURCES), max_size=len(SOURCES)).filter(
        lambda each: sum(each) > 0.1
    ),
    yearly=st.floats(10, 1300),
    latitude=st.floats(-70, 70),
    longitude=st.floats(-180, 180),
)
def test_the_year_of_modelled_hours_has_the_yearly_mean_and_stays_plausible(weights, yearly, latitude, longitude):
    shares = dict(zip(SOURCES, (weight / sum(weights) for weight in weights), strict=True))
    hours = HourModel([grid(shares, yearly, latitude, longitude)]).at(YEAR)
    assert hours.intensity_g_per_kwh.mean() == pytest.approx(yearly, rel=0.01)
    assert hours.intensity_g_per_kwh.min() >= 10
    assert hours.intensity_g_per_kwh.max() <= 1300
    assert 0 <= hours.renewable_share.min() <= hours.renewable_share.max() <= 1
    assert np.all(hours.carbon_free_share >= hours.renewable_share - 1e-9)


def test_a_sunny_noon_is_cleaner_than_its_evening():
    day = [datetime(2025, 6, 18, hour, tzinfo=UTC) for hour in range(24)]
    values = HourModel([grid()]).at(day).intensity_g_per_kwh[0]
    assert values[11] < values.mean() < values[19]


def test_the_same_question_has_the_same_answer():
    first = HourModel([grid()]).at(YEAR[:48]).intensity_g_per_kwh
    assert np.array_equal(first, HourModel([grid()]).at(YEAR[:48]).intensity_g_per_kwh)


def test_a_grid_does_not_depend_on_the_others_that_are_asked_with_it():
    alone = HourModel([grid()]).at(YEAR[:24]).intensity_g_per_kwh[0]
    among = HourModel([grid(yearly=700.0), grid()])
    assert np.allclose(among.at(YEAR[:24]).intensity_g_per_kwh[1], alone)
    assert np.allclose(among.at(YEAR[:24], rows=np.array([1])).intensity_g_per_kwh[0], alone)


@pytest.mark.parametrize("wrong", [grid(yearly=5.0), grid(yearly=1400.0), grid({"coal": 0.5})])
def test_an_impossible_year_is_refused(wrong):
    with pytest.raises(ValueError, match=r"bounds|sum"):
        HourModel([wrong])


def test_the_sun_is_highest_at_local_noon_and_below_the_horizon_at_midnight():
    equinox = np.array([79 * 2 * np.pi / 365])
    noon = local_solar_hour(np.array([12.0]), np.array([0.0]), equinox)
    assert noon[0, 0] == pytest.approx(12.0, abs=0.3)
    at_noon = sine_of_elevation(np.array([[12.0]]), np.array([0.0]), equinox)
    assert at_noon[0, 0] == pytest.approx(1.0, abs=0.01)
    assert sine_of_elevation(np.array([[0.0]]), np.array([0.0]), equinox)[0, 0] < -0.9


def test_a_zone_bends_its_countrys_mix_to_its_own_shares():
    country = {"coal": 50.0, "gas": 25.0, "hydro": 20.0, "nuclear": 5.0}
    bent = zone_shares(country, renewable_share=0.6, carbon_free_share=0.7)
    assert sum(bent.values()) == pytest.approx(1.0)
    assert bent["hydro"] == pytest.approx(0.6)
    assert bent["nuclear"] == pytest.approx(0.1)
    assert bent["coal"] == pytest.approx(2 * bent["gas"])
    assert zone_shares(country, renewable_share=None, carbon_free_share=None) == shares_of(country)
    assert shares_of({}) == {}
