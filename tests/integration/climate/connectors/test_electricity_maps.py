"""Electricity Maps: what a key reaches, whose zone an answer is of, and what counts as no data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import responses

from climate.connectors.http import SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.signal import Kind, Scope
from tests.integration.climate.connectors.conftest import SOURCE, recorded

NAME, ZONE, TOKEN = "electricity-maps", "SE-SE3", "em-secret-token"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
ROUTES = {
    "zones": "em_zones.json",
    "carbon-intensity/history": "em_history.json",
    "carbon-intensity/latest": "em_latest.json",
    "carbon-intensity/past-range": "em_past_range.json",
    "carbon-intensity/forecast": "em_forecast.json",
    "renewable-energy/history": "em_renewable.json",
    "carbon-free-energy/history": "em_carbon_free.json",
    "power-breakdown/history": "em_power_breakdown.json",
}


def url(route: str, version: str = "v4") -> str:
    return f"{SOURCE}/{version}/{route}"


@pytest.fixture
def maps(outside):
    for version in ("v3", "v4"):
        for route, answer in ROUTES.items():
            outside.get(url(route, version), body=recorded(answer))
    return outside


@pytest.fixture
def ask(collect):
    def ask(zones=(ZONE,), version="v4", **question):
        question = {"now": NOW, **question}
        return collect(
            NAME, zones=zones, options={"version": version}, secrets={"ELECTRICITY_MAPS_KEY": TOKEN}, **question
        )

    return ask


def at(hour: int) -> datetime:
    return datetime(2026, 3, 4, hour, tzinfo=UTC)


def replaced(maps, route, answer, version="v4"):
    maps.remove(responses.GET, url(route, version))
    maps.get(url(route, version), **answer)


def test_the_history_becomes_readings_and_an_hour_without_value_none(maps, ask):
    collected = ask()
    assert [(each.zone, each.starts_at, each.intensity_g_per_kwh) for each in collected.readings] == [
        (ZONE, at(8), 42.5),
        (ZONE, at(10), 44.0),
    ]
    assert {(each.kind, each.scope, each.period_minutes) for each in collected.readings} == {
        (Kind.AVERAGE, Scope.LIFECYCLE, 60)
    }
    assert [each.flag for each in collected.readings] == ["", "estimated by the source (TIME_SLICER_AVERAGE)"]
    assert collected.problems == ()


@pytest.mark.parametrize(
    ("version", "shares"), [("v4", [(0.71, 0.98), (0.70, None)]), ("v3", [(0.60, 0.97), (0.61, None)])]
)
def test_shares_come_from_their_own_signals_in_version_4_and_from_the_breakdown_in_version_3(
    maps, ask, version, shares
):
    readings = ask(version=version).readings
    assert [(each.renewable_share, each.carbon_free_share) for each in readings] == shares


def test_the_forecast_keeps_its_issue_time_and_leaves_out_hours_that_are_over(maps, ask):
    forecasts = ask().forecasts
    assert [(each.starts_at, each.intensity_g_per_kwh) for each in forecasts] == [(at(10), 46.0), (at(11), 47.0)]
    assert {each.issued_at for each in forecasts} == {datetime(2026, 3, 4, 10, 5, tzinfo=UTC)}


def test_every_request_carries_the_key_and_names_the_zone(maps, ask):
    ask()
    assert {call.request.headers["auth-token"] for call in maps.calls} == {TOKEN}
    asked = {call.request.params.get("zone") for call in maps.calls if not call.request.url.endswith("/zones")}
    assert asked == {ZONE}
    assert not [call for call in maps.calls if TOKEN in call.request.url]


def test_after_a_longer_outage_the_range_is_asked_for_and_an_hour_in_both_is_kept_once(maps, ask):
    collected = ask(since={ZONE: NOW - timedelta(days=3)})
    span = next(call.request.params for call in maps.calls if "carbon-intensity/past-range" in call.request.url)
    assert (span["start"], span["end"]) == ("2026-03-01T10:00:00Z", "2026-03-04T10:00:00Z")
    # 8 o'clock is in both; the history is the newer word.
    values = [(each.starts_at, each.intensity_g_per_kwh) for each in collected.readings]
    assert values == [(at(7), 40.0), (at(8), 42.5), (at(10), 44.0)]


@pytest.mark.parametrize(
    "answer", [{"status": 403}, {"status": 404}, {"status": 500}, {"json": {"zone": "DE", "data": []}}]
)
def test_a_range_that_cannot_be_had_does_not_lose_the_last_day(maps, ask, answer):
    replaced(maps, "carbon-intensity/past-range", answer)
    collected = ask(since={ZONE: NOW - timedelta(days=3)})
    assert [each.starts_at for each in collected.readings] == [at(8), at(10)]
    # The ranges of the shares are not answered here either.
    signals = ["carbon-intensity", "renewable-energy", "carbon-free-energy"]
    assert [words.split(": ")[1] for words in collected.problems] == [f"{signal} of the past" for signal in signals]


def test_no_range_is_longer_than_the_service_allows(maps, ask):
    ask(since={ZONE: NOW - timedelta(days=40)})
    span = next(call.request.params for call in maps.calls if "carbon-intensity/past-range" in call.request.url)
    assert span["start"] == "2026-02-22T10:00:00Z"


def test_a_key_that_reaches_the_latest_hour_only_is_asked_for_that_alone(maps, ask):
    replaced(maps, "zones", {"json": {ZONE: {"zoneName": "x", "access": ["carbon-intensity/latest"]}}})
    collected = ask(since={ZONE: NOW - timedelta(days=3)})
    assert [(each.starts_at, each.renewable_share) for each in collected.readings] == [(at(10), None)]
    assert collected.problems == ()  # what a key does not reach is no fault, and would be said for good
    assert [call.request.url.split("?")[0] for call in maps.calls] == [url("zones"), url("carbon-intensity/latest")]


def test_a_key_that_reaches_no_intensity_of_a_zone_is_a_problem(maps, ask):
    replaced(maps, "zones", {"json": {ZONE: {"zoneName": "x", "access": ["renewable-energy/history"]}}})
    collected = ask()
    assert (collected.readings, collected.problems) == ((), (f"{ZONE}: the key does not reach its carbon-intensity",))


def test_a_key_that_reaches_the_history_only_brings_no_problem_for_good(maps, ask):
    access = ["carbon-intensity/history", "renewable-energy/history", "carbon-free-energy/history"]
    replaced(maps, "zones", {"json": {ZONE: {"zoneName": "x", "access": access}}})
    collected = ask(since={ZONE: NOW - timedelta(days=3)})
    assert (len(collected.readings), collected.problems) == (2, ())


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_shares_of_the_past_that_cannot_be_had_are_a_problem(maps, ask, version):
    for signal in ("renewable-energy", "carbon-free-energy", "power-breakdown"):
        maps.get(url(f"{signal}/past-range", version), status=500)
    problems = ask(version=version, since={ZONE: NOW - timedelta(days=3)}).problems
    expected = ["power-breakdown"] if version == "v3" else ["renewable-energy", "carbon-free-energy"]
    assert [words.split(": ")[1] for words in problems] == [f"{signal} of the past" for signal in expected]


@pytest.mark.parametrize("percent", [104, -3, "nan"])
@pytest.mark.parametrize(
    ("version", "route", "column"),
    [("v4", "renewable-energy/history", "value"), ("v3", "power-breakdown/history", "renewablePercentage")],
)
def test_a_share_that_is_none_is_left_out_and_a_problem(maps, ask, version, route, column, percent):
    answer = json.loads(recorded(ROUTES[route]))
    rows = answer.get("history") or answer["data"]
    next(row for row in rows if row["datetime"].startswith("2026-03-04T08"))[column] = percent
    replaced(maps, route, {"json": answer}, version)
    collected = ask(version=version)
    assert (collected.readings[0].starts_at, collected.readings[0].renewable_share) == (at(8), None)
    assert collected.readings[0].carbon_free_share is not None
    words = f"{ZONE}: the renewable share of 2026-03-04 08:00 is {float(percent):g} %, and is left out"
    assert collected.problems == (words,)


def test_a_zone_that_the_key_does_not_reach_is_a_problem_and_not_asked(maps, ask):
    collected = ask(zones=("FR", ZONE))
    assert {each.zone for each in collected.readings} == {ZONE}
    assert collected.problems == ("1 zone beyond the key: FR",)
    assert not [call for call in maps.calls if "zone=FR" in call.request.url]


def test_many_zones_that_the_key_does_not_reach_are_one_problem(maps, ask):
    collected = ask(zones=(ZONE, *(f"US-{number:02}" for number in range(12))))
    assert collected.problems == (
        "12 zones beyond the key: US-00, US-01, US-02, US-03, US-04, US-05, US-06, US-07, US-08, US-09 and 2 more",
    )


def test_a_key_that_reaches_none_of_the_zones_is_a_refusal_that_says_what_it_reaches(maps, ask):
    with pytest.raises(SourceRefused, match="it reaches PL, SE-SE3"):
        ask(zones=("FR", "DE"))


@pytest.mark.parametrize(
    "answer", [{"json": []}, {"status": 404}, {"json": {ZONE: {"zoneName": "x"}}}, {"status": 403}]
)
def test_where_the_service_does_not_say_what_the_key_reaches_everything_is_tried(maps, ask, answer):
    replaced(maps, "zones", answer)
    assert len(ask().readings) == 2


@pytest.mark.parametrize(
    "answer", [{"zone": "DE"}, {"zone": None}, {"error": "Invalid"}, {"status": "error", "message": "No recent data"}]
)
def test_an_answer_of_another_zone_is_a_problem_and_no_data(maps, ask, answer):
    wrong = json.loads(recorded("em_history.json"))
    wrong.pop("zone")
    replaced(maps, "carbon-intensity/history", {"json": wrong | answer})
    with pytest.raises(SourceMisbehaved, match=r"the answer is of zone .*; nothing of it was used"):
        ask()


def test_a_row_of_another_zone_is_not_used(maps, ask):
    wrong = json.loads(recorded("em_history.json"))
    wrong["history"][0]["zone"] = "DE"
    replaced(maps, "carbon-intensity/history", {"json": wrong})
    assert [each.starts_at for each in ask().readings] == [at(10)]


def test_sandbox_data_count_as_none(maps, ask):
    sandbox = json.loads(recorded("em_history.json"))
    sandbox["history"][2]["estimationMethod"] = "SANDBOX_MODE_DATA"
    replaced(maps, "carbon-intensity/history", {"json": sandbox})
    assert [each.starts_at for each in ask().readings] == [at(8)]
    for row in sandbox["history"]:
        row["estimationMethod"] = "SANDBOX_MODE_DATA"
    replaced(maps, "carbon-intensity/history", {"json": sandbox})
    with pytest.raises(SourceMisbehaved, match="sandbox"):
        ask()


def test_direct_emissions_stay_direct(maps, ask):
    direct = json.loads(recorded("em_history.json"))
    for row in direct["history"]:
        row["emissionFactorType"] = "direct"
    replaced(maps, "carbon-intensity/history", {"json": direct})
    assert {each.scope for each in ask().readings} == {Scope.DIRECT}


def test_an_hour_that_has_not_begun_is_no_reading(maps, ask):
    assert [each.starts_at for each in ask(now=datetime(2026, 3, 4, 9, 59, tzinfo=UTC)).readings] == [at(8)]


def test_days_are_no_hours_value(maps, ask):
    daily = json.loads(recorded("em_history.json")) | {"temporalGranularity": "daily"}
    replaced(maps, "carbon-intensity/history", {"json": daily})
    assert ask().readings == ()


@pytest.mark.parametrize(
    "route", ["renewable-energy/history", "carbon-free-energy/history", "carbon-intensity/forecast"]
)
@pytest.mark.parametrize(
    "answer", [{"status": 403}, {"status": 500}, {"body": "<html>"}, {"json": {"zone": ZONE, "data": [3]}}]
)
def test_without_shares_or_forecast_the_readings_still_stand(maps, ask, route, answer):
    replaced(maps, route, answer)
    collected = ask()
    assert len(collected.readings) == 2
    assert len(collected.problems) == 1


@pytest.mark.parametrize(
    "body", ['{"error": "Request unauthorized for zoneKey=PL"}', '{"message": "not yours"}', "Access denied"]
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_one_zone_is_its_problem_and_of_all_zones_a_refusal(maps, ask, body, status):
    replaced(maps, "zones", {"status": 404})
    poland = responses.matchers.query_param_matcher({"zone": "PL"}, strict_match=False)
    sweden = responses.matchers.query_param_matcher({"zone": ZONE}, strict_match=False)
    maps.remove(responses.GET, url("carbon-intensity/history"))
    maps.get(url("carbon-intensity/history"), body=body, status=status, match=[poland])
    maps.get(url("carbon-intensity/history"), body=recorded("em_history.json"), match=[sweden])
    collected = ask(zones=("PL", ZONE))
    assert {each.zone for each in collected.readings} == {ZONE}
    assert collected.problems == (f"PL: the source answered {status}: it does not let us in",)
    with pytest.raises(SourceRefused):
        ask(zones=("PL",))


def test_a_key_that_is_none_is_a_refusal_whose_words_do_not_hold_it(maps, ask):
    replaced(maps, "zones", {"status": 401, "json": {"error": "Invalid auth-token"}})
    with pytest.raises(SourceRefused) as raised:
        ask()
    assert TOKEN not in str(raised.value)
    assert len(maps.calls) == 1


def test_a_source_that_is_down_is_unavailable(outside, ask):
    outside.get(url("zones"), status=503)
    with pytest.raises(SourceUnavailable):
        ask()


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"])
def test_the_days_of_23_and_25_hours_have_24_hours_in_utc(maps, ask, day):
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    times = [midnight + timedelta(hours=hour) for hour in range(24)]
    rows = [{"zone": ZONE, "carbonIntensity": 30, "datetime": f"{each:%Y-%m-%dT%H:%M:%S}.000Z"} for each in times]
    replaced(maps, "carbon-intensity/history", {"json": {"zone": ZONE, "history": rows}})
    collected = ask(now=midnight + timedelta(hours=23, minutes=30), since={ZONE: midnight})
    assert [each.starts_at for each in collected.readings] == times
