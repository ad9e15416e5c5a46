"""EIA: hours that are called by their end, strings, pages, storage."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

import climate
from climate.connectors import eia
from climate.connectors.http import SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.signal import Kind, Scope
from tests.integration.climate.connectors.conftest import SOURCE, recorded

NAME, KEY, ZONE = "eia", "eia-secret-key", "US-CAL-CISO"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
DATA = f"{SOURCE}/v2/electricity/rto/fuel-type-data/data/"


@pytest.fixture
def ask(collect):
    def ask(zones=(ZONE,), **question):
        question = {"now": NOW, "since": dict.fromkeys(zones, NOW - timedelta(hours=6)), **question}
        return collect(NAME, zones=zones, secrets={"EIA_KEY": KEY}, **question)

    return ask


def answer(rows: list[dict], total: int | None = None) -> dict:
    return {"response": {"total": str(len(rows) if total is None else total), "data": rows}}


def row(period: str, fuel: str, value: str | None, respondent: str = "CISO") -> dict:
    return {"period": period, "respondent": respondent, "fueltype": fuel, "value": value}


def asked(outside) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(call.request.url).query) for call in outside.calls]


def test_a_period_is_the_hour_that_ends_then(outside, ask):
    outside.get(DATA, body=recorded("eia_fuel_type.json"))
    readings = ask().readings
    # "T08" and "T09"; of "T10" only some fuels have been reported.
    assert [each.starts_at.hour for each in readings] == [7, 8]
    assert {(each.zone, each.kind, each.scope, each.period_minutes) for each in readings} == {
        (ZONE, Kind.AVERAGE, Scope.LIFECYCLE, 60)
    }


def test_strings_become_intensity_and_what_fills_storage_counts_as_none(outside, ask):
    outside.get(DATA, body=recorded("eia_fuel_type.json"))
    early, late = ask().readings
    assert early.intensity_g_per_kwh == pytest.approx((4000 * 490 + 3000 * 11 + 2000 * 12 + 900 * 38) / 9900)
    assert early.renewable_share == pytest.approx(3900 / 9900)
    assert early.carbon_free_share == pytest.approx(5900 / 9900)
    assert early.flag == "not counted: other 1.0 % of the mix"
    assert late.intensity_g_per_kwh == pytest.approx((5000 * 490 + 500 * 45 + 2000 * 11 + 2000 * 12 + 500 * 38) / 10000)
    assert late.flag == "not counted: battery storage 9.1 % of the mix"


def test_the_question_is_of_the_hours_that_end_after_the_last_one_had(outside, ask):
    outside.get(DATA, body=recorded("eia_fuel_type.json"))
    ask(since={ZONE: datetime(2026, 3, 2, 5, 30, tzinfo=UTC)})
    question = asked(outside)[0]
    assert (question["start"], question["end"]) == (["2026-03-01T06"], ["2026-03-04T10"])  # a day before
    assert question["facets[respondent][]"] == ["CISO"]
    assert (question["frequency"], question["length"], question["api_key"]) == (["hourly"], ["5000"], [KEY])


def test_zones_wanted_since_the_same_hour_are_one_question(outside, ask):
    rows = [row("2026-03-04T08", "NG", "10", "CISO"), row("2026-03-04T08", "NUC", "10", "PJM")]
    outside.get(DATA, json=answer(rows))
    collected = ask(zones=(ZONE, "US-MIDA-PJM", "US-TEX-ERCO"))
    assert [(each.zone, each.intensity_g_per_kwh) for each in collected.readings] == [
        (ZONE, pytest.approx(490)),
        ("US-MIDA-PJM", pytest.approx(12)),
    ]
    assert collected.problems == ("US-TEX-ERCO: no data since 2026-03-04 04:00",)
    assert [question["facets[respondent][]"] for question in asked(outside)] == [["CISO", "ERCO", "PJM"]]


def test_a_zone_with_a_longer_gap_is_asked_by_itself(outside, ask):
    outside.get(DATA, json=answer([]))
    ask(zones=(ZONE, "US-MIDA-PJM"), since={ZONE: NOW - timedelta(days=2), "US-MIDA-PJM": NOW - timedelta(hours=6)})
    assert [question["facets[respondent][]"] for question in asked(outside)] == [["PJM"], ["CISO"]]


def hours(count: int, first: datetime, fuel: str = "NG") -> list[dict]:
    return [row(f"{first + timedelta(hours=number):%Y-%m-%dT%H}", fuel, "10") for number in range(count)]


def pages(outside, rows: list[dict], size: int) -> None:
    for offset in range(0, len(rows), size):
        only = responses.matchers.query_param_matcher({"offset": str(offset)}, strict_match=False)
        outside.get(DATA, json=answer(rows[offset : offset + size], total=len(rows)), match=[only])


def test_pages_are_read_to_the_end(outside, ask, monkeypatch):
    monkeypatch.setattr(eia, "ROWS", 10)
    first = NOW.replace(minute=0) - timedelta(hours=24)
    pages(outside, hours(25, first), 10)
    readings = ask(since={ZONE: first - timedelta(hours=1)}).readings
    assert [each.starts_at for each in readings] == [first + timedelta(hours=number - 1) for number in range(25)]


def test_when_a_later_page_cannot_be_had_what_was_read_is_kept(outside, ask, monkeypatch):
    monkeypatch.setattr(eia, "ROWS", 10)
    first = NOW.replace(minute=0) - timedelta(hours=24)
    for offset, given in (("0", {"json": answer(hours(10, first), total=25)}), ("10", {"status": 503})):
        only = responses.matchers.query_param_matcher({"offset": offset}, strict_match=False)
        outside.get(DATA, match=[only], **given)
    collected = ask(since={ZONE: first - timedelta(hours=1)})
    assert len(collected.readings) == 10
    assert collected.problems == ("not all rows could be read; the rest is left for the next asking",)


def test_no_more_pages_are_read_than_is_sound(outside, ask, monkeypatch):
    monkeypatch.setattr(eia, "MOST_PAGES", 3)
    outside.get(DATA, json=answer(hours(5, NOW.replace(minute=0) - timedelta(hours=4)), total=10**9))
    assert ask().problems == ("not all rows could be read; the rest is left for the next asking",)
    assert len(outside.calls) == 3


def test_a_row_that_two_pages_share_counts_once_and_a_null_not_at_all(outside, ask):
    rows = [row("2026-03-04T08", "NG", "10"), row("2026-03-04T08", "NG", "10"), row("2026-03-04T08", "WND", "10")]
    outside.get(DATA, json=answer([*rows, row("2026-03-04T09", "NG", None)]))
    readings = ask().readings
    assert [each.starts_at.hour for each in readings] == [7]
    assert readings[0].intensity_g_per_kwh == pytest.approx((490 + 11) / 2)


FAULTS = {
    "server error": ({"status": 500}, SourceUnavailable, "500"),
    "bad key": ({"status": 403, "body": recorded("eia_403.json")}, SourceRefused, "403"),
    "HTML": ({"body": "<html>"}, SourceMisbehaved, "not JSON"),
    "truncated": ({"body": '{"response": {"total": "1'}, SourceMisbehaved, "not JSON"),
    "another respondent": (
        {"json": answer([row("2026-03-04T08", "NG", "10", "PJM")])},
        SourceMisbehaved,
        "of PJM too; nothing of it was used",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_an_error_whose_words_do_not_hold_the_key(outside, ask, fault):
    given, error, words = FAULTS[fault]
    outside.get(DATA, **given)
    with pytest.raises(error, match=words) as raised:
        ask()
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(("day", "length"), [("2026-03-08", 23), ("2026-11-01", 25)])
def test_a_local_day_of_23_or_25_hours_has_no_gap_and_no_duplicate(outside, ask, day, length):
    """The local day in California: it begins at 8:00 UTC in winter time, at 7:00 in summer time."""
    first = datetime.fromisoformat(f"{day}T{'08' if length == 23 else '07'}:00:00+00:00")
    outside.get(DATA, json=answer(hours(length, first + timedelta(hours=1))))
    readings = ask(now=first + timedelta(hours=30), since={ZONE: first}).readings
    assert [each.starts_at for each in readings] == [first + timedelta(hours=number) for number in range(length)]


def test_every_respondent_is_a_zone_that_we_have_and_no_other_zone_is_one():
    data = Path(climate.__file__).parent / "data" / "em_zones_yearly_2021_2025_ODbL.csv"
    with data.open(encoding="utf-8", newline="") as file:
        ours = {each["zone"] for each in csv.DictReader(file) if each["zone"].startswith("US-")}
    assert ours - set(eia.ZONES) == {"US-AK", "US-AK-SEAPA", "US-HI"}  # not in form EIA-930
    assert set(eia.ZONES) <= ours
    assert len({zone.rpartition("-")[2] for zone in eia.ZONES}) == len(eia.ZONES) == 56


def test_the_recorded_answer_is_of_the_form_that_is_documented():
    recorded_row = json.loads(recorded("eia_fuel_type.json"))["response"]["data"][0]
    assert recorded_row.keys() >= {"period", "respondent", "fueltype", "value", "value-units"}
