"""ENTSO-E: XML of any version, curves with gaps, consumption, several series, areas."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import responses

import climate
from climate.connectors.entsoe import AREAS
from climate.connectors.http import SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.signal import Kind, Scope
from tests.integration.climate.connectors.conftest import SOURCE, recorded

NAME, TOKEN = "entsoe", "entsoe-secret-token"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
EIGHT = datetime(2026, 3, 4, 8, tzinfo=UTC)
API = f"{SOURCE}/api"
FRANCE = "10YFR-RTE------C"
CHECK = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"


@pytest.fixture
def ask(collect):
    def ask(zones=("FR",), **question):
        question = {"now": NOW, "since": dict.fromkeys(zones, EIGHT), **question}
        return collect(NAME, zones=zones, secrets={"ENTSOE_TOKEN": TOKEN}, **question)

    return ask


def document(*series: str, area: str = FRANCE) -> str:
    return f'<GL_MarketDocument xmlns="urn:x:9:9">{"".join(series)}</GL_MarketDocument>'.replace("AREA", area)


def series(psr: str, start: str, end: str, points: dict[int, float], *, resolution="PT60M", curve="A03") -> str:
    given = "".join(f"<Point><position>{at}</position><quantity>{mw}</quantity></Point>" for at, mw in points.items())
    return (
        "<TimeSeries><inBiddingZone_Domain.mRID>AREA</inBiddingZone_Domain.mRID>"
        f"<curveType>{curve}</curveType><MktPSRType><psrType>{psr}</psrType></MktPSRType>"
        f"<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
        f"<resolution>{resolution}</resolution>{given}</Period></TimeSeries>"
    )


def repeated(one: str, times: int) -> str:
    """A document of one series with its period so many times."""
    begins, ends = one.index("<Period>"), one.index("</TimeSeries>")
    return document(one[:begins] + one[begins:ends] * times + one[ends:])


def test_generation_becomes_lifecycle_intensity_by_quarter_hour(outside, ask):
    outside.get(API, body=recorded("entsoe_generation.xml"))
    readings = ask().readings
    # 9:45 is left for later: solar has not reported it yet.
    assert [each.starts_at for each in readings] == [EIGHT + timedelta(minutes=15 * number) for number in range(7)]
    solar = [2000, 2000, 2000, 3000, 4000, 4000, 4000]  # missing positions repeat the value before
    assert [each.intensity_g_per_kwh for each in readings] == [
        pytest.approx((40000 * 12 + mw * 45 + 4000 * 490) / (44000 + mw)) for mw in solar
    ]
    first = readings[0]
    assert first.renewable_share == pytest.approx(2000 / 46000)
    assert first.carbon_free_share == pytest.approx(42000 / 46000)
    assert first.flag == "not counted: pumped storage 4.2 % of the mix"  # 2,000 of 48,000; pumping is no generation
    assert {(each.zone, each.kind, each.scope, each.period_minutes) for each in readings} == {
        ("FR", Kind.AVERAGE, Scope.LIFECYCLE, 15)
    }


def test_the_question_names_area_document_process_and_span(outside, ask):
    outside.get(API, body=recorded("entsoe_generation.xml"))
    ask(since={"FR": NOW - timedelta(hours=30)})
    assert outside.calls[0].request.params == {
        "securityToken": TOKEN,
        "documentType": "A75",
        "processType": "A16",
        "in_Domain": FRANCE,
        "periodStart": "202603020400",
        "periodEnd": "202603041100",
    }


@pytest.mark.parametrize("namespace", ["urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0", "urn:x:4:2", ""])
def test_any_version_of_the_namespace_is_read(outside, ask, namespace):
    body = recorded("entsoe_generation.xml")
    outside.get(API, body=re.sub(r' xmlns="[^"]+"', f' xmlns="{namespace}"' if namespace else "", body))
    assert len(ask().readings) == 7


def test_a_missing_position_repeats_to_the_end_in_a_curve_that_repeats_and_is_missing_in_one_that_does_not(
    outside, ask
):
    span = ("2026-03-04T04:00Z", "2026-03-04T10:00Z")
    outside.get(API, body=document(series("B04", *span, {1: 500, 3: 700})))
    assert len(ask(since={"FR": EIGHT - timedelta(hours=4)}).readings) == 6
    outside.replace(responses.GET, API, body=document(series("B04", *span, {1: 500, 3: 700}, curve="A01")))
    hours = [each.starts_at.hour for each in ask(since={"FR": EIGHT - timedelta(hours=4)}).readings]
    assert hours == [4, 6]


def test_a_curve_that_begins_late_has_no_value_before(outside, ask):
    outside.get(API, body=document(series("B04", "2026-03-04T08:00Z", "2026-03-04T10:00Z", {2: 700})))
    assert [each.starts_at.hour for each in ask().readings] == [9]


def test_several_series_of_one_type_in_different_spans_are_one_curve(outside, ask):
    first = series("B04", "2026-03-04T08:00Z", "2026-03-04T09:00Z", {1: 500})
    second = series("B04", "2026-03-04T09:00Z", "2026-03-04T10:00Z", {1: 100})
    wind = series("B19", "2026-03-04T08:00Z", "2026-03-04T10:00Z", {1: 500})
    outside.get(API, body=document(first, second, wind))
    assert [round(each.intensity_g_per_kwh, 1) for each in ask().readings] == [250.5, round((49000 + 5500) / 600, 1)]


@pytest.mark.parametrize(("resolution", "minutes"), [("PT15M", 15), ("PT30M", 30), ("PT60M", 60), ("PT1H", 60)])
def test_periods_of_a_quarter_half_and_whole_hour_are_kept(outside, ask, resolution, minutes):
    span = ("2026-03-04T08:00Z", "2026-03-04T10:00Z")
    outside.get(API, body=document(series("B04", *span, {1: 500}, resolution=resolution)))
    readings = ask().readings
    assert len(readings) == 120 // minutes
    assert {each.period_minutes for each in readings} == {minutes}


def test_a_period_that_is_not_over_is_left_for_later(outside, ask):
    outside.get(API, body=document(series("B04", "2026-03-04T08:00Z", "2026-03-04T12:00Z", {1: 500})))
    assert [each.starts_at.hour for each in ask().readings] == [8, 9]


def test_southern_italy_is_two_areas_and_waits_for_both(outside, ask):
    span = ("2026-03-04T08:00Z", "2026-03-04T10:00Z")
    bodies = {
        "10Y1001A1001A788": document(series("B04", *span, {1: 300}), area="10Y1001A1001A788"),
        "10Y1001C--00096J": document(
            series("B04", span[0], "2026-03-04T09:00Z", {1: 100}),
            series("B19", span[0], "2026-03-04T09:00Z", {1: 100}),
            area="10Y1001C--00096J",
        ),
    }
    for area, body in bodies.items():
        only = responses.matchers.query_param_matcher({"in_Domain": area}, strict_match=False)
        outside.get(API, body=body, match=[only])
    readings = ask(zones=("IT-SO",)).readings
    assert [each.starts_at.hour for each in readings] == [8]
    assert readings[0].intensity_g_per_kwh == pytest.approx((400 * 490 + 100 * 11) / 500)


@pytest.mark.parametrize("status", [200, 400])
def test_no_matching_data_is_a_problem_of_the_zone(outside, ask, status):
    outside.get(API, body=recorded("entsoe_no_data.xml"), status=status)
    collected = ask()
    assert (collected.readings, collected.problems) == ((), ("FR: no data since 2026-03-04 08:00",))


def test_a_zone_that_fails_does_not_lose_the_others(outside, ask):
    for area, body in ((FRANCE, recorded("entsoe_generation.xml")), (AREAS["ES"][0], "<GL_Mark")):
        only = responses.matchers.query_param_matcher({"in_Domain": area}, strict_match=False)
        outside.get(API, body=body, match=[only])
    collected = ask(zones=("ES", "FR"))
    assert {each.zone for each in collected.readings} == {"FR"}
    assert collected.problems == ("ES: the answer is not XML",)


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><GL_MarketDocument>&b;</GL_MarketDocument>'
SPAN = ("2026-03-04T08:00Z", "2026-03-04T10:00Z")
FAULTS = {
    "server error": ({"status": 503}, SourceUnavailable, "the source answered 503"),
    "no token": ({"status": 401}, SourceRefused, "does not let us in"),
    "bad question": ({"status": 400, "body": "<html>"}, SourceMisbehaved, "the source answered 400"),
    "HTML": ({"body": "<!DOCTYPE html><html></html>"}, SourceMisbehaved, "not XML"),
    "another document": ({"body": "<html></html>"}, SourceMisbehaved, "is a html"),
    "truncated": ({"body": '<GL_MarketDocument xmlns="urn:x"><TimeSer'}, SourceMisbehaved, "not XML"),
    "entities": ({"body": LAUGHS}, SourceMisbehaved, "not XML"),
    "refused question": (
        {"body": recorded("entsoe_no_data.xml").replace("999", "A01")},
        SourceMisbehaved,
        r"refused the question \(reason A01\)",
    ),
    "another area": ({"body": document(series("B04", *SPAN, {1: 1}), area="X")}, SourceMisbehaved, "another area"),
    "days": ({"body": document(series("B04", *SPAN, {1: 1}, resolution="P1D"))}, SourceMisbehaved, "P1D"),
    "ages": (
        {"body": document(series("B04", "1026-03-04T08:00Z", "2026-03-04T10:00Z", {1: 1}))},
        SourceMisbehaved,
        "positions",
    ),
    "one position told a hundred thousand times": (
        {"body": repeated(series("B16", "2026-01-01T00:00Z", "2026-01-21T00:00Z", {1: 5}, resolution="PT15M"), 50)},
        SourceMisbehaved,
        "an answer of 96000 positions",
    ),
    "of as many types": (
        {
            "body": document(
                *(
                    series(f"B16{n}", "2026-01-01T00:00Z", "2026-01-21T00:00Z", {1: 5}, resolution="PT15M")
                    for n in range(50)
                )
            )
        },
        SourceMisbehaved,
        "an answer of 96000 positions",
    ),
    "no number": (
        {"body": document(series("B04", *SPAN, {1: 1})).replace("<quantity>1<", "<quantity>much<")},
        SourceMisbehaved,
        "not in the promised format",
    ),
    "no type": (
        {"body": document(series("B04", *SPAN, {1: 1})).replace("MktPSRType", "Other")},
        SourceMisbehaved,
        "lacks a MktPSRType",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_an_error_whose_words_do_not_hold_the_token(outside, ask, fault):
    answer, error, words = FAULTS[fault]
    outside.get(API, **answer)
    with pytest.raises(error, match=words) as raised:
        ask()
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_local_day_of_23_or_25_hours_has_no_gap_and_no_duplicate(outside, ask, day, hours):
    """The span is the local day in Europe/Paris: it begins at 23:00 or 22:00 UTC of the day before."""
    end = datetime.fromisoformat(f"{day}T{'22' if hours == 23 else '23'}:00:00+00:00")
    start = end - timedelta(hours=hours)
    outside.get(API, body=document(series("B04", f"{start:%Y-%m-%dT%H:%MZ}", f"{end:%Y-%m-%dT%H:%MZ}", {1: 500})))
    readings = ask(now=end + timedelta(hours=1), since={"FR": start}).readings
    assert [each.starts_at for each in readings] == [start + timedelta(hours=hour) for hour in range(hours)]


def test_every_area_is_a_code_that_checks_and_a_zone_that_we_have():
    def checks(eic: str) -> bool:
        total = sum(CHECK.index(sign) * weight for sign, weight in zip(eic[:15], range(16, 1, -1), strict=True))
        return len(eic) == 16 and CHECK[36 - (total - 1) % 37] == eic[15]

    data = Path(climate.__file__).parent / "data" / "em_zones_yearly_2021_2025_ODbL.csv"
    with data.open(encoding="utf-8", newline="") as file:
        zones = {row["zone"] for row in csv.DictReader(file)}
    assert AREAS.keys() <= zones
    codes = [eic for of_zone in AREAS.values() for eic in of_zone]
    assert [eic for eic in codes if not checks(eic)] == []
    assert len(codes) == len(set(codes))
