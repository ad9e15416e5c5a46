"""Every rung of the ladder, and the word on why no better one was taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.ladder import Known, climb
from climate.domain.observations import Expectation, Modelled, Reading, YearValue
from climate.domain.signal import Basis

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = NOW.replace(minute=0)


def reading(minutes_ago: float, value: float = 200.0, *, source: str = "grid", flag: str = "") -> Reading:
    at = NOW - timedelta(minutes=minutes_ago)
    return Reading(
        source=source,
        starts_at=at,
        period_minutes=30,
        intensity_g_per_kwh=value,
        renewable_share=0.5,
        carbon_free_share=0.6,
        flag=flag,
        received_at=at,
    )


def expectation(value: float = 180.0, *, hours_ahead: int = 0, hours_old: float = 1) -> Expectation:
    return Expectation(
        source="grid",
        starts_at=HOUR + timedelta(hours=hours_ahead),
        period_minutes=60,
        intensity_g_per_kwh=value,
        low_g_per_kwh=None,
        high_g_per_kwh=None,
        issued_at=NOW - timedelta(hours=hours_old),
    )


MODELLED = Modelled(
    intensity_g_per_kwh=160.0,
    renewable_share=0.4,
    carbon_free_share=0.5,
    source="modelled from the mix",
    known_since=datetime(2026, 1, 1, tzinfo=UTC),
)
ZONE_YEAR = YearValue(year=2025, intensity_g_per_kwh=150.0, renewable_share=0.4, carbon_free_share=0.5, source="zone")
COUNTRY_YEAR = YearValue(
    year=2023, intensity_g_per_kwh=140.0, renewable_share=None, carbon_free_share=None, source="country"
)
EVERYTHING = {
    "readings": [reading(20)],
    "expectations": [expectation()],
    "modelled": MODELLED,
    "zone_year": ZONE_YEAR,
    "country_year": COUNTRY_YEAR,
}


def signal(hour=HOUR, **known):
    return climb("AA", hour, Known(**known), now=NOW, maximum_age_minutes=90)


@pytest.mark.parametrize(
    ("missing", "basis", "value"),
    [
        ([], Basis.LIVE, 200),
        (["readings"], Basis.FORECAST, 180),
        (["readings", "expectations"], Basis.MODELLED, 160),
        (["readings", "expectations", "modelled"], Basis.YEARLY_ZONE, 150),
        (["readings", "expectations", "modelled", "zone_year"], Basis.YEARLY_COUNTRY, 140),
        (list(EVERYTHING), Basis.WORLD, 480),
    ],
)
def test_the_best_rung_that_there_is_is_taken_and_says_what_was_missing(missing, basis, value):
    found = signal(**{name: what for name, what in EVERYTHING.items() if name not in missing})
    assert (found.basis, found.intensity_g_per_kwh) == (basis, value)
    assert found.source
    assert found.as_of <= NOW
    rungs = ["live", "forecast", "own forecast", "modelled", "yearly value of the zone", "yearly value of the country"]
    above = {Basis.LIVE: 0, Basis.FORECAST: 1, Basis.MODELLED: 3, Basis.YEARLY_ZONE: 4, Basis.YEARLY_COUNTRY: 5}
    assert [why.split(":")[0] for why in found.skipped] == rungs[: above.get(basis, 6)]


def test_a_reading_older_than_the_maximum_age_is_not_live():
    assert signal(readings=[reading(119)], modelled=MODELLED).basis is Basis.LIVE
    old = signal(readings=[reading(121)], modelled=MODELLED)
    assert old.basis is Basis.MODELLED
    assert old.skipped[0] == "live: no reading of the last 90 minutes"


def test_an_hour_to_come_is_never_live():
    assert signal(HOUR + timedelta(hours=1), readings=[reading(5)], modelled=MODELLED).basis is Basis.MODELLED


def test_a_past_hour_is_the_mean_of_its_readings_and_says_if_they_do_not_cover_it():
    earlier = HOUR - timedelta(hours=1)
    whole = signal(earlier, readings=[reading(80, 100), reading(50, 200)])
    assert (whole.intensity_g_per_kwh, whole.flags) == (150, ())
    half = signal(earlier, readings=[reading(80, 100, flag="imports not counted")])
    assert half.flags == ("imports not counted", "readings cover 30 of 60 minutes")


def test_sources_are_never_averaged_with_each_other():
    earlier = HOUR - timedelta(hours=1)
    found = signal(earlier, readings=[reading(80, 100), reading(50, 100), reading(75, 900, source="other")])
    assert (found.intensity_g_per_kwh, found.source) == (100, "grid")


def test_a_forecast_of_another_scope_is_not_mixed_in_and_said_so():
    found = signal(modelled=MODELLED, other_scopes=frozenset({"direct"}))
    assert found.basis is Basis.MODELLED
    assert "forecast: only one of direct emissions, which is not mixed" in found.skipped


def test_the_newest_forecast_counts_and_an_old_one_says_its_age():
    newest = signal(expectations=[expectation(300, hours_old=5), expectation(180, hours_old=1)])
    assert newest.intensity_g_per_kwh == 180
    assert signal(expectations=[expectation(hours_old=15)]).flags == ("forecast issued 15 hours ago",)


def test_a_modelled_and_a_yearly_value_carry_their_range():
    for found in (signal(modelled=MODELLED), signal(zone_year=ZONE_YEAR)):
        assert found.low_g_per_kwh is not None
        assert found.high_g_per_kwh is not None
        assert found.low_g_per_kwh < found.intensity_g_per_kwh < found.high_g_per_kwh


def test_a_published_value_that_was_not_believed_is_passed_over_with_the_reason():
    doubtful = YearValue(
        year=2025,
        intensity_g_per_kwh=None,
        renewable_share=None,
        carbon_free_share=None,
        source="x",
        flag="0 g/kWh cannot be",
    )
    found = signal(zone_year=doubtful)
    assert found.basis is Basis.WORLD
    assert "yearly value of the zone: 0 g/kWh cannot be" in found.skipped
