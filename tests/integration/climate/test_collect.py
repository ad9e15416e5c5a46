"""Collecting from the two keyless sources: recorded answers, and every way in which they can fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import responses
from django.conf import settings

from climate.connectors import energy_charts
from climate.connectors.http import SourceHttp
from climate.models import CarbonForecast, CarbonReading, DataSource
from climate.selectors import get_signal
from climate.services.collect import collect_source
from climate.services.reference import load_reference
from climate.tasks import collect_due_sources
from config.kernel.errors import NotFound

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
ANSWERS = Path(__file__).parent / "answers"
BASE = settings.CLIMATE_SOURCES["gb-carbon-intensity"].url
GB, EC = "gb-carbon-intensity", "energy-charts"
GENERATION, INTENSITY = f"{BASE}/generation", f"{BASE}/intensity"
FORECAST = f"{BASE}/intensity/2026-03-04T10:20Z/fw48h"
CO2EQ = f"{BASE}/co2eq"


def recorded(name: str):
    return json.loads((ANSWERS / name).read_text())


@pytest.fixture(autouse=True)
def world(db, monkeypatch):
    load_reference(now=NOW)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: waited.append(seconds))
    waited.clear()


waited: list[float] = []


@pytest.fixture
def outside():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def gb(outside):
    outside.get(GENERATION, json=recorded("gb_generation.json"))
    outside.get(INTENSITY, json=recorded("gb_intensity.json"))
    outside.get(FORECAST, json=recorded("gb_fw48h.json"))
    return outside


def source(name: str = GB) -> DataSource:
    return DataSource.objects.get(pk=name)


def test_britains_mix_becomes_a_lifecycle_reading_and_the_published_value_stays_direct(gb):
    done = collect_source(name=GB, now=NOW)
    assert (done.state, done.readings, done.forecasts) == ("ok", 2, 2)
    lifecycle = CarbonReading.objects.get(scope="lifecycle")
    known = 5 * 230 + 30 * 490 + 12 * 12 + 1 * 24 + 7 * 45 + 35 * 11
    assert lifecycle.intensity_g_per_kwh == pytest.approx(known / 90)
    assert lifecycle.renewable_share == pytest.approx(48 / 90)
    assert lifecycle.carbon_free_share == pytest.approx(60 / 90)
    assert lifecycle.flag == "imports and other, 10.0 % of the mix, are not counted"
    assert CarbonReading.objects.get(scope="direct").intensity_g_per_kwh == 137
    assert set(CarbonForecast.objects.values_list("scope", "intensity_g_per_kwh")) == {("direct", 150), ("direct", 160)}
    assert (source().state, source().last_success_at, source().consecutive_failures) == ("ok", NOW, 0)


def test_the_live_value_is_on_the_ladder_at_once(gb):
    assert get_signal("GB", at=NOW, now=NOW).basis == "modelled"
    collect_source(name=GB, now=NOW)
    signal = get_signal("GB", at=NOW, now=NOW)
    assert (signal.basis, signal.source, signal.scope) == ("live", GB, "lifecycle")
    assert get_signal("GB", at=NOW, now=NOW + timedelta(hours=3)).basis == "live"  # that hour was measured
    assert get_signal("GB", at=NOW + timedelta(hours=3), now=NOW + timedelta(hours=3)).basis == "modelled"


def test_a_list_is_as_good_as_an_object_and_a_null_actual_is_no_reading(outside):
    outside.get(GENERATION, json={"data": [recorded("gb_generation.json")["data"]]})
    nothing = recorded("gb_intensity.json")
    nothing["data"][0]["intensity"]["actual"] = None
    outside.get(INTENSITY, json=nothing)
    outside.get(FORECAST, json=recorded("gb_fw48h.json"))
    assert collect_source(name=GB, now=NOW).state == "ok"
    assert list(CarbonReading.objects.values_list("scope", flat=True)) == ["lifecycle"]


def test_asking_again_keeps_one_reading_a_period_and_takes_the_newer_value(gb):
    collect_source(name=GB, now=NOW)
    later = NOW + timedelta(minutes=5)
    revised = recorded("gb_intensity.json")
    revised["data"][0]["intensity"]["actual"] = 139
    gb.replace(responses.GET, INTENSITY, json=revised)
    gb.get(f"{BASE}/intensity/2026-03-04T10:25Z/fw48h", json=recorded("gb_fw48h.json"))
    collect_source(name=GB, now=later)
    assert CarbonReading.objects.count() == 2
    direct = CarbonReading.objects.get(scope="direct")
    assert (direct.intensity_g_per_kwh, direct.received_at) == (139, later)


def test_parallel_columns_with_nulls_become_readings_and_forecasts(outside):
    outside.get(CO2EQ, json=recorded("ec_co2eq.json"))
    done = collect_source(name=EC, now=NOW)
    assert done.zones == len(energy_charts.COUNTRIES)
    german = CarbonReading.objects.filter(zone="DE").order_by("starts_at")
    assert [row.intensity_g_per_kwh for row in german] == [310.5, 320.0, 330.5]
    assert {row.period_minutes for row in german} == {15}
    expected = CarbonForecast.objects.filter(zone="DE").values_list("intensity_g_per_kwh", flat=True)
    assert set(expected) == {340.0, 350.0, 360.0, 370.0, 380.0}
    assert get_signal("DE", at=NOW, now=NOW).intensity_g_per_kwh == 330.5
    ahead = get_signal("DE", at=NOW + timedelta(hours=1), now=NOW)
    assert (ahead.basis, ahead.source, ahead.intensity_g_per_kwh) == ("forecast", EC, 375.0)


def test_one_country_without_data_is_a_problem_not_the_end_of_the_others(outside):
    def answer(request):
        if request.params["country"] == "fr":
            return 404, {}, "{}"
        return 200, {}, json.dumps(recorded("ec_co2eq.json"))

    outside.add_callback(responses.GET, CO2EQ, callback=answer)
    done = collect_source(name=EC, now=NOW)
    assert done.state == "ok"
    assert done.problems == ("fr: the source answered 404",)
    assert not CarbonReading.objects.filter(zone="FR").exists()
    assert "fr:" in source(EC).last_error


def test_a_dead_source_is_given_up_after_two_countries(outside):
    outside.get(CO2EQ, body=requests.ConnectTimeout())
    assert collect_source(name=EC, now=NOW).state == "failing"
    assert len(outside.calls) == 6


def test_a_source_that_slows_us_down_half_way_keeps_what_it_gave_and_begins_elsewhere_next_time(outside):
    asked: list[str] = []

    def answer(request):
        asked.append(request.params["country"])
        enough = len(set(asked)) > 3
        return (429, {}, "") if enough else (200, {}, json.dumps(recorded("ec_co2eq.json")))

    outside.add_callback(responses.GET, CO2EQ, callback=answer)
    done = collect_source(name=EC, now=NOW)
    first_three = list(dict.fromkeys(asked))[:3]
    assert (done.state, done.zones, len(done.problems)) == ("ok", 3, 2)
    assert set(CarbonReading.objects.values_list("zone", flat=True)) == {each.upper() for each in first_three}
    assert len(set(asked)) == 5
    asked.clear()
    collect_source(name=EC, now=NOW + timedelta(minutes=15))
    assert not set(list(dict.fromkeys(asked))[:3]) & set(first_three)


def test_a_newer_forecast_takes_the_place_of_the_older_one_and_leaves_what_it_does_not_reach(outside):
    outside.get(CO2EQ, json=recorded("ec_co2eq.json"))
    collect_source(name=EC, now=NOW)
    before = dict(CarbonForecast.objects.filter(zone="DE").values_list("starts_at", "intensity_g_per_kwh"))
    revised = recorded("ec_co2eq.json")
    last = max(index for index, value in enumerate(revised["co2eq_forecast"]) if value is not None)
    revised["co2eq_forecast"] = [None] * last + [999.0]
    outside.replace(responses.GET, CO2EQ, json=revised)
    later = NOW + timedelta(minutes=15)
    collect_source(name=EC, now=later)
    rows = CarbonForecast.objects.filter(zone="DE")
    newest = max(before)
    assert dict(rows.values_list("starts_at", "intensity_g_per_kwh")) == {**before, newest: 999.0}
    assert set(rows.filter(issued_at=later).values_list("starts_at", flat=True)) == {newest}


def test_an_error_that_passes_is_tried_again(gb):
    gb.remove(responses.GET, GENERATION)
    gb.get(GENERATION, status=500)
    gb.get(GENERATION, json=recorded("gb_generation.json"))
    assert collect_source(name=GB, now=NOW).state == "ok"
    assert len(waited) == 1


def test_the_pause_that_a_source_asks_for_is_kept(gb):
    gb.remove(responses.GET, GENERATION)
    gb.get(GENERATION, status=429, headers={"Retry-After": "7"})
    gb.get(GENERATION, json=recorded("gb_generation.json"))
    assert collect_source(name=GB, now=NOW).state == "ok"
    assert waited == [7.0]


HTML = "<html>maintenance</html>"
FAULTS = {
    "time-out": ({"body": requests.ReadTimeout()}, "failing", "the source did not answer in time"),
    "no route": ({"body": requests.ConnectionError()}, "failing", "the source cannot be reached (ConnectionError)"),
    "server error": ({"status": 503}, "failing", "the source answered 503"),
    "HTML with 200": ({"body": HTML}, "failing", "the answer is not JSON"),
    "truncated": ({"body": '{"data": [{"fr'}, "failing", "the answer is not JSON"),
    "refused": ({"status": 403, "body": HTML}, "refused", "the source answered 403: it does not let us in"),
    "null": ({"body": "null"}, "failing", "the answer has no half hours in it"),
    "no half hours": ({"json": {"data": "none"}}, "failing", "the answer has no half hours in it"),
    "half a period": ({"json": {"data": [{"from": "x"}]}}, "failing", "the answer is not in the promised format"),
    "a wrong fuel": (
        {"json": {"data": {"from": "2026-03-04T10:00Z", "generationmix": [{"fuel": "gas", "perc": "much"}]}}},
        "failing",
        "the answer is not in the promised format",
    ),
    "foreign redirect": (
        {"status": 302, "headers": {"Location": "http://169.254.169.254/latest/"}},
        "failing",
        "refused to ask 169.254.169.254: it is not a configured host",
    ),
    "file redirect": (
        {"status": 302, "headers": {"Location": "file:///etc/passwd"}},
        "failing",
        "refused to follow an address that begins with file:",
    ),
    "endless redirect": ({"status": 302, "headers": {"Location": GENERATION}}, "failing", "more than 3 redirects"),
    "too large": ({"body": " " * 5_000_001}, "failing", "the answer is larger than 5000000 bytes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_marks_the_source_keeps_nothing_and_harms_nobody(gb, fault):
    answer, state, words = FAULTS[fault]
    gb.remove(responses.GET, GENERATION)
    gb.get(GENERATION, **answer)
    done = collect_source(name=GB, now=NOW)
    assert (done.state, done.problems) == (state, (words,))
    row = source()
    assert (row.state, row.last_error, row.consecutive_failures) == (state, words, 1)
    assert (row.last_attempt_at, row.last_success_at) == (NOW, None)
    assert not CarbonReading.objects.exists()
    assert get_signal("GB", at=NOW, now=NOW).basis == "modelled"


def test_a_value_that_cannot_be_is_left_out_and_named(outside):
    answer = recorded("ec_co2eq.json")
    answer["co2eq"] = [310.5, 9999.0, -4]
    outside.get(CO2EQ, json=answer)
    done = collect_source(name=EC, now=NOW)
    assert CarbonReading.objects.filter(zone="DE").count() == 1
    assert "DE 2026-03-04 09:45: 9999 g/kWh cannot be" in done.problems


def test_a_source_that_returns_is_live_again_by_itself(outside, time_machine):
    time_machine.move_to(NOW, tick=False)
    DataSource.objects.filter(pk=EC).update(is_enabled=False)
    for _ in range(9):
        outside.get(GENERATION, status=500)
    collect_due_sources()
    assert source().state == "failing"
    collect_due_sources()
    assert source().consecutive_failures == 1  # not due yet
    outside.reset()
    outside.get(GENERATION, json=recorded("gb_generation.json"))
    outside.get(INTENSITY, json=recorded("gb_intensity.json"))
    later = NOW + timedelta(minutes=16)
    outside.get(f"{BASE}/intensity/{later:%Y-%m-%dT%H:%MZ}/fw48h", json=recorded("gb_fw48h.json"))
    time_machine.move_to(later, tick=False)
    collect_due_sources()
    assert (source().state, source().last_error) == ("ok", "")
    assert get_signal("GB", at=later, now=later).basis == "live"


def test_repeated_failures_are_asked_less_often(outside):
    from climate.selectors import list_sources

    outside.get(GENERATION, status=500)
    for _ in range(5):
        collect_source(name=GB, now=NOW)
    state = next(each for each in list_sources(now=NOW) if each.name == GB)
    assert state.breaker == "open"
    assert state.next_due_at is not None
    assert state.next_due_at - NOW > timedelta(minutes=state.interval_minutes)


def test_a_source_that_was_switched_off_is_not_asked(outside):
    DataSource.objects.update(is_enabled=False)
    collect_due_sources()
    assert len(outside.calls) == 0


def test_an_unknown_source_is_refused():
    with pytest.raises(NotFound):
        collect_source(name="crystal-ball", now=NOW)


def test_a_zone_that_is_not_known_is_not_stored(outside, monkeypatch):
    monkeypatch.setattr(energy_charts, "COUNTRIES", ("zz", "de"))
    outside.get(CO2EQ, json=recorded("ec_co2eq.json"))
    assert collect_source(name=EC, now=NOW).zones == 1


def test_a_same_host_redirect_is_followed(outside):
    outside.get(f"{BASE}/old", status=301, headers={"Location": "/new"})
    outside.get(f"{BASE}/new", json={"data": 1})
    assert SourceHttp(BASE, allowed_hosts=["127.0.0.1:9"]).get_json("/old") == {"data": 1}
