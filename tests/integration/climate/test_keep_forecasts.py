"""What is kept of the forecasts that sources issue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.collected import CollectedForecast
from climate.domain.signal import Kind, Scope
from climate.models import CarbonForecast
from climate.services.forecasts import keep_forecasts
from climate.services.reference import load_reference

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEXT = datetime(2026, 3, 4, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def world(db):
    load_reference(now=NOW)


def curve(value: float = 200.0, *, first=NEXT, hours=4, issued_at=None, zone="GB", **more):
    return [
        CollectedForecast(
            zone=zone,
            starts_at=first + number * HOUR,
            period_minutes=60,
            intensity_g_per_kwh=value + number,
            scope=more.get("scope", Scope.LIFECYCLE),
            kind=more.get("kind", Kind.AVERAGE),
            issued_at=issued_at,
        )
        for number in range(hours)
    ]


def keep(forecasts, now=NOW, source="grid"):
    return keep_forecasts(source=source, forecasts=forecasts, now=now)


def issues(**of):
    return sorted(set(CarbonForecast.objects.filter(**of).values_list("issued_at", flat=True)))


def test_an_issue_is_kept_with_its_time_band_and_hours():
    forecast = CollectedForecast(
        zone="GB",
        starts_at=NEXT,
        period_minutes=30,
        intensity_g_per_kwh=200.0,
        scope=Scope.LIFECYCLE,
        low_g_per_kwh=150.0,
        high_g_per_kwh=260.0,
    )
    assert keep([forecast]) == 1
    row = CarbonForecast.objects.get()
    assert (row.issued_at, row.starts_at, row.period_minutes) == (NOW, NEXT, 30)
    assert (row.low_g_per_kwh, row.intensity_g_per_kwh, row.high_g_per_kwh) == (150, 200, 260)


def test_the_source_s_own_issue_time_counts_but_is_never_later_than_now():
    keep(curve(issued_at=NOW - HOUR))
    keep(curve(issued_at=NOW + HOUR, zone="DE"))
    assert issues(zone="GB") == [NOW - HOUR]
    assert issues(zone="DE") == [NOW]


def test_of_six_hours_the_first_issue_stays_beside_the_newest_and_others_go():
    times = [NOW - timedelta(hours=4), NOW, NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR]
    for number, at in enumerate(times):
        keep(curve(200 + 10 * number, first=NEXT + 3 * HOUR, hours=6), now=at)
    # 06:20 was the first from six, 12:20 the first from twelve, 13:20 is the newest.
    assert issues() == [times[0], times[3], times[4]]
    shared = CarbonForecast.objects.filter(starts_at=NEXT + 3 * HOUR)
    assert dict(shared.values_list("issued_at", "superseded_at")) == {
        times[0]: times[1],
        times[3]: times[4],
        times[4]: None,
    }


def test_hours_that_a_newer_issue_does_not_reach_keep_the_older_one():
    keep(curve(100, hours=2), now=NOW - timedelta(hours=4))
    keep(curve(200, hours=6), now=NOW)
    keep(curve(300, first=NEXT + HOUR, hours=3), now=NOW + HOUR)
    rows = CarbonForecast.objects.filter(issued_at=NOW).order_by("starts_at")
    assert [row.starts_at for row in rows] == [NEXT, NEXT + 4 * HOUR, NEXT + 5 * HOUR]


def test_an_issue_that_repeats_the_newest_one_only_confirms_it():
    keep(curve(hours=5))
    before = list(CarbonForecast.objects.values().order_by("pk"))
    assert keep([each for each in curve(hours=5) if each.starts_at > NEXT], now=NOW + HOUR) == 0
    assert list(CarbonForecast.objects.values().order_by("pk")) == before


def test_one_changed_or_new_hour_makes_it_a_new_issue():
    keep(curve(hours=4))
    assert keep(curve(hours=5), now=NOW + HOUR) == 5
    assert issues() == [NOW, NOW + HOUR]


def test_an_issue_older_than_the_newest_one_is_ignored():
    keep(curve(200, issued_at=NOW - HOUR))
    assert keep(curve(100, issued_at=NOW - 2 * HOUR)) == 0
    assert issues() == [NOW - HOUR]


def test_the_same_issue_with_other_values_is_corrected():
    keep(curve(200, issued_at=NOW - HOUR))
    assert keep(curve(100, issued_at=NOW - HOUR)) == 4
    assert CarbonForecast.objects.count() == 4
    assert CarbonForecast.objects.get(starts_at=NEXT).intensity_g_per_kwh == 100


def test_other_sources_zones_kinds_and_scopes_are_left_alone():
    others = [
        {"zone": "DE"},
        {"kind": Kind.MARGINAL},
        {"scope": Scope.DIRECT},
    ]
    for other in others:
        keep(curve(**other), now=NOW - timedelta(minutes=10))
    keep(curve(), now=NOW - timedelta(minutes=10), source="other")
    for at in (NOW - HOUR, NOW, NOW + timedelta(minutes=30)):
        keep(curve(300 + at.hour + at.minute), now=at)
    assert CarbonForecast.objects.exclude(zone="GB", source="grid", kind="average", scope="lifecycle").count() == 16


def test_a_period_that_was_over_is_no_forecast_and_pushes_out_none():
    keep(curve(200, hours=3))
    keep(curve(900, hours=3), now=NEXT + HOUR)
    assert CarbonForecast.objects.get(starts_at=NEXT).intensity_g_per_kwh == 200
    assert CarbonForecast.objects.filter(issued_at=NEXT + HOUR).count() == 2


def test_a_zone_that_is_not_known_is_left_out():
    assert keep(curve(zone="ATLANTIS")) == 0
    assert keep([]) == 0
    assert not CarbonForecast.objects.exists()


def test_the_number_of_queries_does_not_grow_with_the_zones(django_assert_max_num_queries):
    zones = ["DE", "FR", "ES", "IT-NO", "PL", "NA", "ZA", "KE"]
    for at in (NOW - HOUR, NOW):
        keep([each for zone in zones for each in curve(at.hour, zone=zone)], now=at)
    with django_assert_max_num_queries(11):
        keep([each for zone in zones for each in curve(500, zone=zone)], now=NOW + timedelta(minutes=15))
    assert issues() == [NOW - HOUR, NOW + timedelta(minutes=15)]
