"""From collected readings to forecasts, to the ladder, to scores."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from django.core.cache import cache

from climate import tasks
from climate.domain.collected import CollectedForecast
from climate.domain.forecast import REACH_HOURS
from climate.domain.signal import Basis, Scope
from climate.events import ReadingsCollected
from climate.models import CarbonForecast, CarbonReading, ForecastScore, ForecastWeights
from climate.selectors import get_signal, list_forecast_scores, list_signals
from climate.services.forecasts import fit_own_forecasts, keep_forecasts, make_own_forecasts, score_forecasts
from climate.services.forecasts.own import KEPT_FITS
from climate.services.reference import load_reference
from config.kernel.events import publish

NOW = datetime(2026, 3, 14, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
LAST = datetime(2026, 3, 14, 9, tzinfo=UTC)
"""The last hour that is over."""


@pytest.fixture(autouse=True)
def world(db):
    cache.clear()
    load_reference(now=NOW)


def value_of(hour: datetime) -> float:
    return 300 + 100 * np.sin(hour.hour * 2 * np.pi / 24) + 5 * np.cos(hour.day * 7.0 + hour.hour)


def measure(zone="KE", *, first=LAST - 240 * HOUR, until=LAST, source="grid", minutes=60, factor=1.0, received=None):
    hours = int((until - first) / HOUR) + 1
    CarbonReading.objects.bulk_create(
        CarbonReading(
            zone_id=zone,
            source=source,
            starts_at=first + number * HOUR + part * timedelta(minutes=minutes),
            period_minutes=minutes,
            intensity_g_per_kwh=factor * value_of(first + number * HOUR),
            received_at=received or first + (number + 1) * HOUR + timedelta(minutes=5),
        )
        for number in range(hours)
        for part in range(60 // minutes)
    )


def own(**of):
    return CarbonForecast.objects.filter(source="commonwatt", **of).order_by("starts_at")


def test_ten_days_of_readings_become_a_forecast_of_more_than_96_hours_with_a_band():
    measure()
    assert make_own_forecasts(now=NOW) == 1
    rows = list(own())
    assert [row.starts_at for row in rows] == [LAST + step * HOUR for step in range(1, REACH_HOURS + 1)]
    assert {row.issued_at for row in rows} == {NOW}
    assert all(row.low_g_per_kwh < row.intensity_g_per_kwh < row.high_g_per_kwh for row in rows)
    assert all(abs(row.intensity_g_per_kwh - value_of(row.starts_at)) < 20 for row in rows)


def test_hours_told_again_in_another_length_are_forecast_from_as_they_were_told_last():
    measure(minutes=15, factor=3.0)
    CarbonReading.objects.filter(starts_at__minute=0).delete()
    measure(received=NOW)
    make_own_forecasts(now=NOW)
    assert all(abs(row.intensity_g_per_kwh - value_of(row.starts_at)) < 20 for row in own())


@pytest.mark.parametrize("hours_old", [0, 1, 2])
def test_it_reaches_96_hours_after_the_running_one_while_the_last_reading_is_some_hours_old(hours_old):
    measure(until=LAST - hours_old * HOUR)
    made = NOW - max(0, hours_old - 1) * HOUR
    assert make_own_forecasts(now=made) == 1
    found = list_signals(zone_codes=["KE"], hours=[NOW + step * HOUR for step in range(1, 97)], now=NOW)
    assert [signal.basis for signal in found.values()] == [Basis.OWN_FORECAST] * 96


def test_the_ladder_climbs_to_it_until_a_provider_forecasts():
    measure()
    make_own_forecasts(now=NOW)
    tomorrow = NOW + 24 * HOUR
    found = get_signal("KE", at=tomorrow, now=NOW)
    assert (found.basis, found.source, found.as_of) == (Basis.OWN_FORECAST, "commonwatt", NOW)
    assert found.low_g_per_kwh < found.intensity_g_per_kwh < found.high_g_per_kwh
    assert found.skipped == ("live: this hour has not come yet", "forecast: no provider covers this hour")
    keep_forecasts(source="grid", forecasts=[hour_of(value=123.0, at=found.starts_at)], now=NOW)
    assert get_signal("KE", at=tomorrow, now=NOW).intensity_g_per_kwh == 123.0
    assert get_signal("KE", at=tomorrow, now=NOW).basis is Basis.FORECAST


def hour_of(*, value: float, at: datetime, zone="KE", **more) -> CollectedForecast:
    return CollectedForecast(
        zone=zone, starts_at=at, period_minutes=60, intensity_g_per_kwh=value, scope=Scope.LIFECYCLE, **more
    )


def test_the_ladder_sees_the_newest_issue_and_at_an_earlier_time_the_one_of_then():
    measure()
    make_own_forecasts(now=NOW)
    measure(first=LAST + HOUR, until=LAST + HOUR, factor=1.3)
    later = NOW + HOUR
    make_own_forecasts(now=later)
    tomorrow = NOW + 24 * HOUR
    assert get_signal("KE", at=tomorrow, now=later).as_of == later
    assert get_signal("KE", at=tomorrow, now=later - timedelta(minutes=1)).as_of == NOW


def test_the_ladder_asks_no_more_of_the_database_for_more_zones_and_hours(django_assert_max_num_queries):
    for zone in ("KE", "NA", "DE"):
        measure(zone)
    make_own_forecasts(now=NOW)
    list_signals(zone_codes=["KE"], hours=[NOW], now=NOW)  # the atlas is read once
    with django_assert_max_num_queries(3):
        found = list_signals(
            zone_codes=["KE", "NA", "DE", "FR"], hours=[NOW + step * HOUR for step in range(48)], now=NOW
        )
    assert sum(each.basis is Basis.OWN_FORECAST for each in found.values()) == 3 * 47


def test_nothing_is_forecast_from_what_is_too_short_or_too_old():
    measure("KE", first=LAST - 46 * HOUR)
    measure("DE", until=LAST - 3 * HOUR)
    assert make_own_forecasts(now=NOW) == 0
    assert not own().exists()
    reasons = [each for zone in ("KE", "DE", "FR") for each in get_signal(zone, at=NOW + 5 * HOUR, now=NOW).skipped]
    assert [each for each in reasons if each.startswith("own forecast")] == [
        "own forecast: not made yet: it needs 48 measured hours of the last four weeks",
        "own forecast: no reading of the last 2 hours to start from",
        "own forecast: no reading of the last 2 hours to start from",
    ]
    measure("KE", first=LAST - 47 * HOUR, until=LAST - 47 * HOUR)
    assert make_own_forecasts(now=NOW) == 1


def values_now() -> list[float]:
    own().delete()
    make_own_forecasts(now=NOW)
    return list(own().values_list("intensity_g_per_kwh", flat=True))


def test_an_hour_that_is_not_over_is_not_used():
    measure()
    expected = values_now()
    measure(first=LAST + HOUR, until=LAST + HOUR, factor=3)
    assert values_now() == expected


def test_a_reading_received_later_is_not_used():
    measure()
    hour = LAST - 30 * HOUR
    with_it = values_now()
    CarbonReading.objects.filter(starts_at=hour).delete()
    without_it = values_now()
    measure(first=hour, until=hour, factor=3, received=NOW + HOUR)
    assert values_now() == without_it != with_it


def test_readings_of_quarter_hours_are_one_hour_and_sources_are_never_mixed():
    measure(minutes=15, source="electricity-maps")
    make_own_forecasts(now=NOW)
    alone = list(own().values_list("intensity_g_per_kwh", flat=True))
    own().delete()
    measure(factor=3, source="energy-charts")
    make_own_forecasts(now=NOW)
    assert list(own().values_list("intensity_g_per_kwh", flat=True)) == alone


def test_a_preferred_source_of_short_history_leaves_the_forecast_to_one_that_has_it():
    measure(source="energy-charts")
    measure(source="electricity-maps", first=LAST - 5 * HOUR, factor=3)
    assert make_own_forecasts(now=NOW) == 1
    assert max(own().values_list("intensity_g_per_kwh", flat=True)) < 450


def test_the_same_hours_are_not_forecast_twice():
    measure()
    make_own_forecasts(now=NOW)
    assert make_own_forecasts(now=NOW + timedelta(minutes=10)) == 0
    assert own().count() == REACH_HOURS


def test_weights_are_fitted_once_a_day_and_the_last_thirty_stay():
    measure()
    assert fit_own_forecasts(now=NOW) == 1
    assert fit_own_forecasts(now=NOW + HOUR) == 0
    row = ForecastWeights.objects.get()
    assert (row.source, row.hours, row.first_hour_at, row.last_hour_at) == ("grid", 241, LAST - 240 * HOUR, LAST)
    for day in range(1, 40):
        ForecastWeights.objects.create(
            zone_id="KE",
            source="grid",
            fitted_at=NOW - timedelta(days=day),
            first_hour_at=LAST,
            last_hour_at=LAST,
            hours=1,
            weights={},
        )
    ForecastWeights.objects.filter(pk=row.pk).update(fitted_at=NOW - timedelta(hours=30))
    assert fit_own_forecasts(now=NOW) == 1
    kept = ForecastWeights.objects.order_by("-fitted_at")
    assert kept.count() == KEPT_FITS
    assert kept[0].fitted_at == NOW


def test_the_newest_fitted_weights_are_used_and_those_of_another_method_are_not():
    measure()
    make_own_forecasts(now=NOW)
    shipped = list(own().values_list("intensity_g_per_kwh", flat=True))
    own().delete()
    fit_own_forecasts(now=NOW)
    row = ForecastWeights.objects.get()
    row.weights["changes"] = [[0.5] * len(each) for each in row.weights["changes"]]
    row.save()
    make_own_forecasts(now=NOW)
    assert list(own().values_list("intensity_g_per_kwh", flat=True)) != shipped
    own().delete()
    ForecastWeights.objects.update(weights=row.weights | {"features": ["tea leaves"]})
    make_own_forecasts(now=NOW)
    assert list(own().values_list("intensity_g_per_kwh", flat=True)) == shipped


def test_scores_appear_once_the_hours_were_measured_and_count_each_hour_once():
    measure()
    make_own_forecasts(now=NOW)
    assert score_forecasts(now=NOW) == 0
    keep_forecasts(
        source="grid", forecasts=[hour_of(value=1.1 * value_of(LAST + 2 * HOUR), at=LAST + 2 * HOUR)], now=NOW
    )
    measure(first=LAST + HOUR, until=LAST + 30 * HOUR)
    later = LAST + 31 * HOUR + timedelta(minutes=10)
    assert score_forecasts(now=later) == 31
    assert score_forecasts(now=later) == 0
    facts = {(each.source, each.lead): each for each in list_forecast_scores(zone="KE", since=NOW.date())}
    assert {key: each.hours for key, each in facts.items()} == {
        ("commonwatt", "1"): 2,
        ("commonwatt", "2-24"): 23,
        ("commonwatt", "25-48"): 5,
        ("grid", "1"): 1,
    }
    provider = facts["grid", "1"]
    assert provider.mape_percent == pytest.approx(10)
    assert provider.mae_g_per_kwh == pytest.approx(0.1 * value_of(LAST + 2 * HOUR))
    assert provider.coverage_percent is None
    assert facts["commonwatt", "2-24"].mape_percent < 5
    assert 0 <= facts["commonwatt", "2-24"].coverage_percent <= 100
    assert list_forecast_scores(zone="DE", since=NOW.date()) == []
    assert list_forecast_scores(since=date(2026, 3, 20)) == []


def test_an_own_forecast_names_the_source_it_was_made_from_and_is_scored_against_it():
    measure(source="entsoe", factor=3.0, until=LAST - 5 * HOUR)  # preferred, and late
    measure(source="energy-charts")
    make_own_forecasts(now=NOW)
    assert set(own().values_list("flag", flat=True)) == {"made from readings of energy-charts"}
    assert get_signal("KE", at=NOW + 24 * HOUR, now=NOW).flags == ("made from readings of energy-charts",)
    measure(source="entsoe", factor=3.0, first=LAST + HOUR, until=LAST + 10 * HOUR)
    later = NOW + 11 * HOUR
    assert score_forecasts(now=later) == 0, "the source it was made from has not reported yet"
    measure(source="energy-charts", first=LAST + HOUR, until=LAST + 10 * HOUR)
    assert score_forecasts(now=later) == 10
    assert all(each.mape_percent < 10 for each in list_forecast_scores(zone="KE", since=NOW.date()))


def test_scores_add_up_over_runs():
    measure()
    make_own_forecasts(now=NOW)
    for until in (5, 10):
        measure(first=LAST + (until - 4) * HOUR, until=LAST + until * HOUR)
        score_forecasts(now=NOW + until * HOUR)
    assert sum(each.hours for each in ForecastScore.objects.all()) == 10
    assert ForecastScore.objects.get(lead="2-24").hours == 8


def test_an_hour_of_another_scope_or_kind_scores_nothing():
    keep_forecasts(source="grid", forecasts=[hour_of(value=200, at=LAST + HOUR)], now=NOW)
    measure(first=LAST + HOUR, until=LAST + HOUR)
    CarbonReading.objects.update(scope=Scope.DIRECT)
    assert score_forecasts(now=NOW + 2 * HOUR) == 0
    assert CarbonForecast.objects.get().scored_at is None


def test_an_hour_that_was_never_measured_is_given_up_after_a_week_and_scored_nowhere():
    keep_forecasts(source="grid", forecasts=[hour_of(value=200, at=LAST + HOUR)], now=NOW)
    assert score_forecasts(now=NOW + timedelta(days=6)) == 0
    assert CarbonForecast.objects.get().scored_at is None
    assert score_forecasts(now=NOW + timedelta(days=7)) == 0
    assert CarbonForecast.objects.get().scored_at == NOW + timedelta(days=7)
    assert not ForecastScore.objects.exists()


def test_series_that_nobody_measures_cost_no_more_however_many_hours_were_forecast(django_assert_max_num_queries):
    hours = [hour_of(value=200, at=LAST + step * HOUR) for step in range(1, 90)]
    keep_forecasts(source="grid", forecasts=hours, now=NOW)
    with django_assert_max_num_queries(8):
        assert score_forecasts(now=NOW + 4 * timedelta(days=1)) == 0
    assert not CarbonForecast.objects.exclude(scored_at=None).exists()
    with django_assert_max_num_queries(8):
        assert score_forecasts(now=NOW + timedelta(days=7, hours=20)) == 0
    assert CarbonForecast.objects.exclude(scored_at=None).count() == 21  # of a week ago and before
    measure(first=LAST + 60 * HOUR, until=LAST + 60 * HOUR)
    assert score_forecasts(now=NOW + timedelta(days=7, hours=20)) == 1  # readings that come late still count


def test_a_collection_leads_to_one_forecast_task_and_an_own_forecast_to_none(
    monkeypatch, django_capture_on_commit_callbacks
):
    asked = []
    monkeypatch.setattr(tasks.make_own_forecasts, "apply_async", lambda **options: asked.append(options))
    with django_capture_on_commit_callbacks(execute=True):
        publish(ReadingsCollected(source="commonwatt", zones=("KE",), at=NOW))
    assert asked == []
    with django_capture_on_commit_callbacks(execute=True):
        for source in ("grid", "energy-charts"):
            publish(ReadingsCollected(source=source, zones=("KE",), at=NOW))
    assert len(asked) == 1


def test_every_hour_weights_are_fitted_forecasts_made_and_scores_taken(time_machine):
    measure()
    time_machine.move_to(NOW, tick=False)
    tasks.keep_forecasts_good()
    assert ForecastWeights.objects.count() == 1
    assert own().count() == REACH_HOURS
    measure(first=LAST + HOUR, until=LAST + 3 * HOUR)
    time_machine.move_to(NOW + 3 * HOUR, tick=False)
    tasks.keep_forecasts_good()
    assert ForecastScore.objects.count() == 2
