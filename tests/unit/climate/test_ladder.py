"""Every rung of the ladder, and the word on why no better one was taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from climate.domain.ladder import Heard, Known, climb
from climate.domain.observations import Expectation, Modelled, Reading, YearValue
from climate.domain.signal import OWN_FORECAST_SOURCE, Basis

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = NOW.replace(minute=0)


def reading(
    minutes_ago: float, value: float = 200.0, *, source: str = "grid", flag: str = "", heard_ago: float | None = None
) -> Reading:
    at = NOW - timedelta(minutes=minutes_ago)
    return Reading(
        source=source,
        starts_at=at,
        period_minutes=30,
        intensity_g_per_kwh=value,
        renewable_share=0.5,
        carbon_free_share=0.6,
        flag=flag,
        received_at=at if heard_ago is None else NOW - timedelta(minutes=heard_ago),
    )


def expectation(
    value: float = 180.0, *, hours_ahead: int = 0, hours_old: float = 1, source: str = "grid", band: float | None = None
) -> Expectation:
    return Expectation(
        source=source,
        starts_at=HOUR + timedelta(hours=hours_ahead),
        period_minutes=60,
        intensity_g_per_kwh=value,
        low_g_per_kwh=value - band if band else None,
        high_g_per_kwh=value + band if band else None,
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
    "expectations": [expectation(), expectation(170, source=OWN_FORECAST_SOURCE, hours_old=0)],
    "modelled": MODELLED,
    "zone_year": ZONE_YEAR,
    "country_year": COUNTRY_YEAR,
}


def signal(hour=HOUR, **known):
    heard = Heard(known.pop("readings", ()), known.pop("expectations", ()))
    return climb("AA", hour, Known(heard=heard, **known), now=NOW, maximum_age_minutes=90)


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


@pytest.mark.parametrize(
    ("minutes_ago", "until", "flags"),
    [
        (19, "10:17", ()),  # heard of before its period was over
        (50, "10:00", ("carried over from the period that ended 10:00 UTC",)),
        (80, "09:30", ("carried over from the period that ended 09:30 UTC",)),
    ],
)
def test_a_live_value_says_how_far_was_measured_and_if_that_was_before_this_hour(minutes_ago, until, flags):
    found = signal(readings=[reading(minutes_ago, heard_ago=3)])
    assert (found.as_of, f"{found.measured_until:%H:%M}") == (NOW - timedelta(minutes=3), until)
    assert found.dated_at == found.measured_until
    assert found.flags == flags


def test_what_was_not_measured_is_dated_by_when_it_was_said():
    found = signal(expectations=[expectation(hours_old=5)])
    assert (found.measured_until, found.dated_at) == (None, NOW - timedelta(hours=5))


def test_an_hour_to_come_is_never_live():
    assert signal(HOUR + timedelta(hours=1), readings=[reading(5)], modelled=MODELLED).basis is Basis.MODELLED


def test_a_past_hour_is_the_mean_of_its_readings_and_says_if_they_do_not_cover_it():
    earlier = HOUR - timedelta(hours=1)
    whole = signal(earlier, readings=[reading(80, 100), reading(50, 200)])
    assert (whole.intensity_g_per_kwh, whole.flags) == (150, ())
    half = signal(earlier, readings=[reading(80, 100, flag="imports not counted")])
    assert half.flags == ("imports not counted", "readings cover 30 of 60 minutes")


def test_an_hour_told_again_in_another_length_is_what_was_told_last():
    earlier = HOUR - timedelta(hours=1)
    quarters = [
        replace(
            reading(80 - 15 * number, value, heard_ago=15, flag="first"),
            starts_at=earlier + number * timedelta(minutes=15),
            period_minutes=15,
        )
        for number, value in enumerate((100, 900, 900, 900))
    ]
    whole = replace(reading(80, 200, heard_ago=5), starts_at=earlier, period_minutes=60)
    found = signal(earlier, readings=[*quarters, whole])
    assert (found.intensity_g_per_kwh, found.flags) == (200, ())
    corrected = replace(quarters[0], intensity_g_per_kwh=400, received_at=NOW)
    assert signal(earlier, readings=[corrected, *quarters[1:], whole]).intensity_g_per_kwh == 250


def test_sources_are_never_averaged_with_each_other():
    earlier = HOUR - timedelta(hours=1)
    found = signal(
        earlier,
        readings=[reading(80, 100, source="entsoe"), reading(50, 100, source="entsoe"), reading(75, 900, source="eia")],
    )
    assert (found.intensity_g_per_kwh, found.source) == (100, "entsoe")


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


def own(value: float = 170.0, **more) -> Expectation:
    return expectation(value, source=OWN_FORECAST_SOURCE, **more)


def test_where_no_provider_forecasts_the_own_forecast_counts_with_its_band():
    found = signal(expectations=[own(band=30)], modelled=MODELLED)
    assert (found.basis, found.source, found.intensity_g_per_kwh) == (Basis.OWN_FORECAST, "commonwatt", 170)
    assert (found.low_g_per_kwh, found.high_g_per_kwh) == (140, 200)
    assert found.skipped == ("live: no reading of the last 90 minutes", "forecast: no provider covers this hour")


def test_an_own_forecast_of_some_time_ago_says_so():
    assert signal(expectations=[own(hours_old=20)]).flags == ("forecast issued 20 hours ago",)


@pytest.mark.parametrize(
    ("hours", "readings", "words"),
    [
        (1, [], "no reading of the last 2 hours to start from"),
        (1, [reading(160)], "no reading of the last 2 hours to start from"),
        (1, [reading(20)], "not made yet: it needs 48 measured hours of the last four weeks"),
        (97, [reading(20)], "it reaches 96 hours ahead"),
        (-2, [reading(20)], "none was made of this hour"),
    ],
)
def test_why_there_is_no_own_forecast_is_said(hours, readings, words):
    found = signal(HOUR + timedelta(hours=hours), readings=readings, modelled=MODELLED)
    assert found.basis is Basis.MODELLED
    assert f"own forecast: {words}" in found.skipped


def test_of_two_readings_the_newest_period_counts_and_between_equals_the_preferred_source():
    older, newer = reading(35, 100, source="electricity-maps"), reading(5, 300, source="energy-charts")
    assert signal(readings=[older, newer]).intensity_g_per_kwh == 300
    rivals = [reading(5, 300, source="energy-charts"), reading(5, 200, source="electricity-maps")]
    assert signal(readings=rivals).source == "electricity-maps"
    assert signal(readings=[*rivals, reading(5, 250, source="site-roof")]).source == "site-roof"
    assert signal(readings=[*rivals, reading(5, 250, source="a-new-one")]).source == "electricity-maps"


def test_an_hour_that_is_over_is_told_by_the_preferred_source_unless_it_covers_too_little():
    earlier = HOUR - timedelta(hours=1)
    full = [reading(80, 100, source="energy-charts"), reading(50, 100, source="energy-charts")]
    half = replace(reading(75, 900, source="electricity-maps"), period_minutes=30)
    assert signal(earlier, readings=[*full, half]).source == "electricity-maps"
    assert signal(earlier, readings=[*full, replace(half, period_minutes=15)]).source == "energy-charts"


def test_of_two_providers_forecasts_the_preferred_one_counts():
    rivals = [expectation(300, source="energy-charts", hours_old=0), expectation(200, source="electricity-maps")]
    assert signal(expectations=rivals).source == "electricity-maps"


def test_many_hours_of_one_zone_are_each_answered_from_what_was_said_of_them():
    """What was heard is sorted into hours once, however many are asked for."""
    first = HOUR - timedelta(hours=5)
    quarters = [
        replace(
            reading(0), starts_at=first + timedelta(minutes=15 * number), period_minutes=15, intensity_g_per_kwh=value
        )
        for number, value in enumerate([100.0, 200.0, 300.0, 400.0] * 4)
    ]
    heard = Heard(quarters, [expectation(500 + number, hours_ahead=number) for number in (-1, 1, 2)])
    found = {
        number: climb("AA", HOUR + timedelta(hours=number), Known(heard=heard), now=NOW, maximum_age_minutes=90)
        for number in range(-6, 4)
    }
    assert {number: (each.basis, each.intensity_g_per_kwh) for number, each in found.items()} == {
        **dict.fromkeys((-6, 3), (Basis.WORLD, 480)),
        0: (Basis.LIVE, 400),  # the newest, not old yet
        **dict.fromkeys((-5, -4, -3, -2), (Basis.LIVE, 250)),
        **{number: (Basis.FORECAST, 500 + number) for number in (-1, 1, 2)},
    }


def test_an_hour_is_the_same_whatever_zone_its_time_is_written_in():
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    written = replace(reading(80), starts_at=reading(80).starts_at.astimezone(kathmandu))
    assert signal(HOUR - timedelta(hours=1), readings=[written]).basis is Basis.LIVE
