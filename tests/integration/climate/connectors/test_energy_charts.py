"""Energy-Charts: parallel columns, renewable share, warnings, many countries."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import responses

from climate.connectors.http import SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.signal import Kind, Scope
from tests.integration.climate.connectors.conftest import SOURCE, recorded

NAME = "energy-charts"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
FIRST = datetime(2026, 3, 4, 9, 15, tzinfo=UTC)
CO2EQ, SHARE = f"{SOURCE}/co2eq", f"{SOURCE}/ren_share_forecast"


@pytest.fixture
def germany(outside):
    outside.get(CO2EQ, body=recorded("ec_co2eq_range.json"))
    outside.get(SHARE, body=recorded("ec_ren_share.json"))
    return outside


def test_parallel_columns_become_readings_with_the_share_of_their_quarter_hour(germany, collect):
    collected = collect(NAME, now=NOW, zones=("DE",), since={"DE": FIRST})
    readings = [(each.starts_at, each.intensity_g_per_kwh, each.renewable_share) for each in collected.readings]
    assert readings == [
        (FIRST, 300.0, 0.615),
        (FIRST + timedelta(minutes=15), 310.5, None),
        (FIRST + timedelta(minutes=45), 305.0, 0.58),
    ]
    assert {(each.zone, each.period_minutes, each.kind, each.scope) for each in collected.readings} == {
        ("DE", 15, Kind.AVERAGE, Scope.LIFECYCLE)
    }
    assert [each.flag for each in collected.readings] == [
        "renewable share is the publisher's forecast, of load; a guess of the publisher's from historic data",
        "",
        "renewable share is the publisher's forecast, of load; a guess of the publisher's from historic data",
    ]


def test_only_periods_that_are_wanted_and_have_begun_are_readings(germany, collect):
    since, now = FIRST + timedelta(minutes=15), FIRST + timedelta(minutes=44)
    assert [each.starts_at for each in collect(NAME, now=now, zones=("DE",), since={"DE": since}).readings] == [since]


def test_the_forecast_column_becomes_forecasts_and_trailing_nulls_nothing(germany, collect):
    collected = collect(NAME, now=NOW, zones=("DE",))
    assert [(each.starts_at, each.intensity_g_per_kwh) for each in collected.forecasts] == [
        (FIRST + timedelta(minutes=60), 330.0),
        (FIRST + timedelta(minutes=75), 340.0),
        (FIRST + timedelta(minutes=90), 350.0),
    ]


def test_the_past_is_asked_for_from_when_on_it_is_missing(germany, collect):
    collect(NAME, now=NOW, zones=("DE",), since={"DE": NOW - timedelta(days=3)})
    asked = germany.calls[0].request.params
    assert (asked["country"], asked["start"], asked["end"]) == ("de", "2026-03-01T10:20Z", "2026-03-07T10:20Z")


def test_a_share_above_one_is_a_surplus_and_counts_as_one(germany, collect):
    answer = json.loads(recorded("ec_ren_share.json"))
    answer["ren_share"] = [104.2]
    germany.replace(responses.GET, SHARE, json=answer)
    assert collect(NAME, now=NOW, zones=("DE",)).readings[0].renewable_share == 1.0


def test_what_will_soon_be_gone_says_so(germany, collect):
    answer = json.loads(recorded("ec_co2eq_range.json")) | {"deprecated": True}
    germany.replace(responses.GET, CO2EQ, json=answer)
    collected = collect(NAME, now=NOW, zones=("DE",))
    assert all("no longer serve this" in each.flag for each in (*collected.readings, *collected.forecasts))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404}, "the source answered 404"),
        ({"body": "<html>"}, "the answer is not JSON"),
        ({"json": {"unix_seconds": [1]}}, "the answer is not in the promised format"),
        ({"json": []}, "the answer is not the promised table"),
    ],
)
def test_without_the_share_the_intensity_still_stands(germany, collect, answer, words):
    germany.remove(responses.GET, SHARE)
    germany.get(SHARE, **answer)
    collected = collect(NAME, now=NOW, zones=("DE",))
    assert len(collected.readings) == 3
    assert {each.renewable_share for each in collected.readings} == {None}
    assert collected.problems == (f"de: renewable share: {words}",)


def test_a_country_that_fails_does_not_lose_the_others(outside, collect):
    for country, body in (("de", recorded("ec_co2eq_range.json")), ("fr", '{"unix_seconds": [17726')):
        only = responses.matchers.query_param_matcher({"country": country}, strict_match=False)
        outside.get(CO2EQ, body=body, match=[only])
    outside.get(SHARE, body=recorded("ec_ren_share.json"))
    collected = collect(NAME, now=NOW, zones=("DE", "FR"))
    assert {each.zone for each in collected.readings} == {"DE"}
    assert collected.problems == ("fr: the answer is not JSON",)


@pytest.mark.parametrize(("status", "error"), [(500, SourceUnavailable), (403, SourceRefused), (404, SourceMisbehaved)])
def test_when_every_country_fails_the_source_fails(outside, collect, status, error):
    outside.get(CO2EQ, status=status)
    with pytest.raises(error):
        collect(NAME, now=NOW)


def test_a_source_that_is_down_is_not_asked_for_every_country(outside, collect):
    outside.get(CO2EQ, status=503)
    with pytest.raises(SourceUnavailable):
        collect(NAME, now=NOW)
    assert len(outside.calls) == 2


def test_no_country_with_data_is_a_failure(outside, collect):
    outside.get(CO2EQ, json={"unix_seconds": [], "co2eq": []})
    outside.get(SHARE, json={"unix_seconds": [], "ren_share": []})
    with pytest.raises(SourceMisbehaved, match="no country had data"):
        collect(NAME, now=NOW)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_days_of_23_and_25_hours_have_96_quarter_hours_like_any_other(outside, collect, day):
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    times = [midnight + timedelta(minutes=15 * number) for number in range(96)]
    outside.get(CO2EQ, json={"unix_seconds": [int(each.timestamp()) for each in times], "co2eq": [100] * 96})
    outside.get(SHARE, json={"unix_seconds": [], "ren_share": []})
    collected = collect(NAME, now=midnight + timedelta(days=1), zones=("DE",), since={"DE": midnight})
    assert [each.starts_at for each in collected.readings] == times
    assert {each.period_minutes for each in collected.readings} == {15}
