"""Great Britain: its past, its forecast, its regions; each may fail for itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import responses

from climate.connectors.gb_carbon_intensity import CONNECTOR
from climate.connectors.http import SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.signal import Scope
from tests.integration.climate.connectors.conftest import SOURCE, recorded

NAME = "gb-carbon-intensity"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
SINCE = {"GB": datetime(2026, 3, 4, 9, 5, tzinfo=UTC)}
SPAN = "2026-03-04T09:00Z/2026-03-04T10:30Z"
GENERATION, INTENSITY = f"{SOURCE}/generation/{SPAN}", f"{SOURCE}/intensity/{SPAN}"
FORECAST = f"{SOURCE}/intensity/2026-03-04T10:00Z/fw48h"
REGION = f"{SOURCE}/regional/intensity/2026-03-04T10:00Z/fw48h/regionid/1"


@pytest.fixture
def gb(outside):
    outside.get(GENERATION, body=recorded("gb_generation_range.json"))
    outside.get(INTENSITY, body=recorded("gb_intensity_range.json"))
    outside.get(FORECAST, body=recorded("gb_fw48h.json"))
    outside.get(REGION, body=recorded("gb_regional_fw48h.json"))
    return outside


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-04T{text}:00+00:00")


def test_each_half_hour_of_the_past_has_its_mix_as_lifecycle_and_its_measured_value_as_direct(gb, collect):
    collected = collect(NAME, now=NOW, since=SINCE)
    lifecycle = [each for each in collected.readings if each.scope is Scope.LIFECYCLE]
    assert [each.starts_at for each in lifecycle] == [at("09:00"), at("09:30"), at("10:00")]
    windy, full = lifecycle[0], lifecycle[1]
    assert windy.intensity_g_per_kwh == pytest.approx((5 * 230 + 20 * 490 + 15 * 12 + 50 * 11) / 90)
    assert (windy.renewable_share, windy.carbon_free_share) == (pytest.approx(55 / 90), pytest.approx(70 / 90))
    assert windy.flag == "not counted: imports 10.0 % of the mix"
    assert full.flag == "not counted: imports 9.0 %, other 1.0 % of the mix"
    direct = [each for each in collected.readings if each.scope is Scope.DIRECT]
    assert [(each.starts_at, each.intensity_g_per_kwh) for each in direct] == [(at("09:00"), 118), (at("09:30"), 137)]
    assert {each.period_minutes for each in collected.readings} == {30}


def test_the_national_forecast_is_direct_and_nulls_are_none(gb, collect):
    collected = collect(NAME, now=NOW, since=SINCE)
    expected = [(each.zone, each.starts_at, each.intensity_g_per_kwh, each.scope) for each in collected.forecasts]
    assert expected == [("GB", at("10:30"), 150, Scope.DIRECT), ("GB", at("11:30"), 160, Scope.DIRECT)]
    assert collected.problems == ()


def test_a_region_is_forecast_only_and_its_expected_mix_leaves_imports_out_with_a_flag(gb, collect):
    collected = collect(NAME, now=NOW, since=SINCE, zones=("GB", "GB-1"))
    assert not [each for each in collected.readings if each.zone == "GB-1"]
    of_region = [each for each in collected.forecasts if each.zone == "GB-1"]
    direct = [each for each in of_region if each.scope is Scope.DIRECT]
    assert [(each.starts_at, each.intensity_g_per_kwh) for each in direct] == [(at("10:00"), 12), (at("10:30"), 31)]
    lifecycle = [each for each in of_region if each.scope is Scope.LIFECYCLE]
    # From 10:30 on imports are 60 % of the mix: its own plants say too little.
    assert [each.starts_at for each in lifecycle] == [at("10:00")]
    assert lifecycle[0].intensity_g_per_kwh == pytest.approx((3.5 * 490 + 20 * 24 + 70 * 11) / 93.5)
    assert lifecycle[0].flag == "the publisher's model of the region; not counted: imports 6.5 % of the mix"


def test_only_regions_that_are_asked_for_are_asked(gb, collect):
    collect(NAME, now=NOW, since=SINCE, zones=("GB",))
    assert not [call for call in gb.calls if "regional" in call.request.url]


def test_data_may_be_a_list_or_an_object_also_of_a_region(gb, collect):
    region = json.loads(recorded("gb_regional_fw48h.json"))
    gb.replace(responses.GET, REGION, json={"data": [region["data"]]})
    half_hour = json.loads(recorded("gb_intensity_range.json"))["data"][1]
    gb.replace(responses.GET, INTENSITY, json={"data": half_hour})
    collected = collect(NAME, now=NOW, since=SINCE, zones=("GB", "GB-1"))
    assert len([each for each in collected.forecasts if each.zone == "GB-1"]) == 3
    assert [each.intensity_g_per_kwh for each in collected.readings if each.scope is Scope.DIRECT] == [137]


@pytest.mark.parametrize("body", ["null", '{"data": null}', '{"data": []}', '{"data": {"regionid": 2, "data": []}}'])
def test_a_region_that_is_not_the_one_asked_for_is_a_problem(gb, collect, body):
    gb.replace(responses.GET, REGION, body=body)
    collected = collect(NAME, now=NOW, since=SINCE, zones=("GB", "GB-1"))
    assert not [each for each in collected.forecasts if each.zone == "GB-1"]
    assert collected.problems == ("GB-1: the answer is not of region 1",)
    assert collected.readings


FAULTS = {
    "server error": ({"status": 500}, "the source answered 500"),
    "HTML": ({"body": "<html>maintenance</html>"}, "the answer is not JSON"),
    "truncated": ({"body": '{"data": [{"fr'}, "the answer is not JSON"),
    "another form": ({"json": {"data": [{"from": "2026-03-04T10:00Z"}]}}, "the answer is not in the promised format"),
    "no half hours": ({"json": {"data": "none"}}, "the answer has no half hours in it"),
    "refused": ({"status": 403}, "the source answered 403: it does not let us in"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("url", "part"), [(GENERATION, "generation mix"), (INTENSITY, "intensity"), (FORECAST, "forecast")]
)
def test_one_part_that_fails_does_not_lose_the_others(gb, collect, fault, url, part):
    answer, words = FAULTS[fault]
    gb.remove(responses.GET, url)
    gb.get(url, **answer)
    collected = collect(NAME, now=NOW, since=SINCE)
    assert collected.problems == (f"{part}: {words}",)
    assert bool(collected.forecasts) is (url != FORECAST)
    assert {each.scope for each in collected.readings} == (
        {Scope.LIFECYCLE, Scope.DIRECT}
        - ({Scope.LIFECYCLE} if url == GENERATION else set())
        - ({Scope.DIRECT} if url == INTENSITY else set())
    )


@pytest.mark.parametrize(("status", "error"), [(500, SourceUnavailable), (403, SourceRefused), (404, SourceMisbehaved)])
def test_when_all_fail_the_source_fails(outside, collect, status, error):
    for url in (GENERATION, INTENSITY, FORECAST):
        outside.get(url, status=status)
    with pytest.raises(error):
        collect(NAME, now=NOW, since=SINCE)


def test_the_forecasts_stand_though_nothing_of_the_past_can_be_had(gb, collect):
    for url in (GENERATION, INTENSITY):
        gb.replace(responses.GET, url, status=503)
    collected = collect(NAME, now=NOW, since=SINCE, zones=("GB", "GB-1"))
    assert {each.zone for each in collected.forecasts} == {"GB", "GB-1"}
    assert len(collected.problems) == 2


def test_a_source_that_is_down_is_not_asked_for_every_region(outside, collect):
    with pytest.raises(SourceUnavailable):
        collect(NAME, now=NOW, since=SINCE, zones=CONNECTOR.zones)
    assert len(outside.calls) == 4


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_days_of_23_and_25_hours_have_48_half_hours_like_any_other(outside, collect, day):
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    times = [midnight + timedelta(minutes=30 * number) for number in range(48)]
    intensity = [{"from": f"{each:%Y-%m-%dT%H:%MZ}", "intensity": {"forecast": 1, "actual": 100}} for each in times]
    mix = [{"from": each["from"], "generationmix": [{"fuel": "gas", "perc": 100}]} for each in intensity]
    span = f"{day}T00:00Z/{midnight + timedelta(days=1):%Y-%m-%d}T00:00Z"
    outside.get(f"{SOURCE}/generation/{span}", json={"data": mix})
    outside.get(f"{SOURCE}/intensity/{span}", json={"data": intensity})
    outside.get(f"{SOURCE}/intensity/{day}T23:30Z/fw48h", json={"data": []})
    collected = collect(NAME, now=midnight + timedelta(hours=23, minutes=55), since={"GB": midnight})
    for scope in Scope:
        assert [each.starts_at for each in collected.readings if each.scope is scope] == times
