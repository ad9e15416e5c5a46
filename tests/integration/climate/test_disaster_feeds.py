"""GDACS, ReliefWeb and the US weather service: recorded answers, and the oddities of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from requests import ConnectionError as Unreachable

from climate.connectors import gdacs, nws, reliefweb
from climate.connectors.contract import Ask
from climate.connectors.http import Limits, SourceHttp, SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.alerts import AlertLevel, DisasterKind
from climate.models import Alert
from climate.services.alerts import keep_alerts
from climate.services.reference import load_reference

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
ANSWERS = Path(__file__).parent / "answers"
BASE = "https://feed.example"
LIST, RSS = f"{BASE}{gdacs.EVENTS}", f"{BASE}{gdacs.RSS}"
DISASTERS, ACTIVE = f"{BASE}/v2/disasters", f"{BASE}/alerts/active"


def recorded(name):
    return json.loads((ANSWERS / name).read_text())


@pytest.fixture
def outside():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def collect(connector, **ask):
    limits = Limits(first_wait_seconds=0, longest_wait_seconds=0)
    http = SourceHttp(BASE, allowed_hosts=["feed.example"], limits=limits)
    return connector.collect(http, Ask(**{"now": NOW, **ask}))


def by_id(collected):
    return {each.external_id: each for each in collected.alerts}


# --- GDACS -----------------------------------------------------------------------------------


def test_the_list_of_events_becomes_alerts_with_all_their_countries(outside):
    outside.get(LIST, json=recorded("gdacs_events.json"))
    collected = collect(gdacs)
    assert (collected.is_complete_alert_list, collected.problems) == (True, ())
    flood = by_id(collected)["FL1103999"]
    assert (flood.kind, flood.level, flood.places) == (DisasterKind.FLOOD, AlertLevel.RED, ("BD", "IN"))
    assert flood.starts_at == datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert flood.version_at == datetime(2026, 3, 4, 6, 12, 40, tzinfo=UTC)
    assert flood.severity_text == "Magnitude 7.1; newest episode orange"
    assert (flood.glide, flood.latitude, flood.longitude) == ("FL-2026-000031-BGD", 24.9, 91.8)
    assert flood.url.startswith("https://www.gdacs.org/report.aspx?eventid=1103999")
    assert {each.external_id: each.kind.value for each in collected.alerts} == {
        "FL1103999": "flood",
        "DR1018000": "drought",
        "EQ1530001": "earthquake",
        "TC1001310": "cyclone",
        "WF1026110": "wildfire",
        "TS1000420": "other",
    }


def test_booleans_are_text_and_an_event_that_is_over_is_not_current(outside):
    outside.get(LIST, json=recorded("gdacs_events.json"))
    current = {each.external_id for each in collect(gdacs).alerts if each.is_current}
    assert current == {"FL1103999", "DR1018000", "EQ1530001", "TC1001310", "TS1000420"}


def test_names_stand_in_for_countries_that_are_not_listed_and_iso3_is_the_last_resort(outside):
    answer = recorded("gdacs_events.json")
    drought = next(each["properties"] for each in answer["features"] if each["properties"]["eventtype"] == "DR")
    drought["affectedcountries"] = None
    outside.get(LIST, json=answer)
    assert by_id(collect(gdacs))["DR1018000"].places == ("Bolivia", "Brazil", "Peru")
    assert by_id(collect(gdacs))["TS1000420"].places == ("Papua New Guinea",)
    drought["country"] = ""
    outside.replace(responses.GET, LIST, json=answer)
    assert by_id(collect(gdacs))["DR1018000"].places == ("BOL",)


@pytest.mark.parametrize(
    "failure",
    [
        {"body": "<html>Service unavailable</html>", "content_type": "text/html"},
        {"status": 500},
        {"status": 403},
        {"status": 404},
        {"body": '{"type": "FeatureCollection", "features": ['},
        {"json": {"type": "FeatureCollection", "features": []}},
        {"json": {"features": None}},
        {"json": []},
        {"body": Unreachable()},
    ],
)
def test_where_the_list_fails_the_rss_feed_is_read_and_said(outside, failure):
    outside.get(LIST, **failure)
    outside.get(RSS, body=(ANSWERS / "gdacs_rss.xml").read_bytes(), content_type="text/xml")
    collected = collect(gdacs)
    assert len(collected.alerts) == 4
    assert not collected.is_complete_alert_list, "nobody says that the feed holds all events"
    assert any("RSS feed was read instead" in each for each in collected.problems)


def test_the_rss_feed_tells_of_the_same_events(outside):
    outside.get(LIST, status=500)
    outside.get(RSS, body=(ANSWERS / "gdacs_rss.xml").read_bytes())
    found = by_id(collect(gdacs))
    flood = found["FL1103999"]
    assert (flood.level, flood.places, flood.is_current) == (AlertLevel.RED, ("Bangladesh", "India"), True)
    assert flood.version_at == datetime(2026, 3, 4, 6, 12, 40, tzinfo=UTC)
    assert (flood.glide, flood.latitude, flood.longitude) == ("FL-2026-000031-BGD", 24.9, 91.8)
    assert flood.severity_text == "Magnitude 7.1; newest episode orange"
    assert found["DR1018000"].places == ("Bulgaria", "Iraq", "Iran", "Turkey")
    assert found["DR1018000"].version_at == datetime(2026, 3, 4, 6, tzinfo=UTC), "pubDate where no change is dated"
    assert (found["TC1001310"].places, found["TC1001310"].latitude) == ((), 12.3)


def test_a_feed_item_with_a_box_only_is_an_event_nowhere_of_unknown_level(outside):
    text = (ANSWERS / "gdacs_rss.xml").read_text(encoding="utf-8-sig")
    outside.get(LIST, status=500)
    outside.get(RSS, body=text.encode())
    collected = collect(gdacs)
    volcano = by_id(collected)["VO1000777"]
    assert (volcano.level, volcano.places) == (AlertLevel.UNKNOWN, ())
    assert (volcano.latitude, volcano.longitude) == (None, None)


def test_an_event_that_cannot_be_read_is_named_and_then_no_event_is_over_for_being_left_out(outside):
    answer = recorded("gdacs_events.json")
    answer["features"][0]["properties"]["datemodified"] = None
    answer["features"][1]["properties"]["iscurrent"] = "maybe"
    answer["features"][2] = "nonsense"
    outside.get(LIST, json=answer)
    collected = collect(gdacs)
    assert len(collected.alerts) == 3
    assert not collected.is_complete_alert_list
    assert [each.split(" could")[0] for each in collected.problems] == [
        "event FL1103999",
        "event DR1018000",
        "an event",
    ]


@pytest.mark.parametrize("facts", [{"eventid": float("inf")}, {"fromdate": "9999-12-31T23:59:59-14:00"}])
def test_one_figure_beyond_all_bounds_costs_no_other_event(outside, facts):
    answer = recorded("gdacs_events.json")
    answer["features"][0]["properties"] |= facts
    outside.get(LIST, body=json.dumps(answer).replace("Infinity", "1e999"))
    collected = collect(gdacs)
    assert len(collected.alerts) == len(answer["features"]) - 1
    assert not collected.is_complete_alert_list


def test_a_place_beyond_all_bounds_is_none(outside):
    answer = recorded("gdacs_events.json")
    answer["features"][0]["geometry"] = {"type": "Point", "coordinates": [10**400, 3]}
    outside.get(LIST, json=answer)
    collected = collect(gdacs)
    assert (by_id(collected)["FL1103999"].latitude, collected.problems) == (None, ())


@pytest.mark.parametrize("pause", ["Sat, 21 Jun 2025 21:42:31 +99999999999999999999", "9" * 50])
def test_a_pause_beyond_all_bounds_is_an_answer_like_any_other(outside, pause):
    outside.get(LIST, status=429, headers={"Retry-After": pause})
    outside.get(RSS, status=429, headers={"Retry-After": pause})
    with pytest.raises(SourceUnavailable):
        collect(gdacs)


def test_a_version_of_tomorrow_is_not_believed(outside):
    answer = recorded("gdacs_events.json")
    answer["features"][0]["properties"]["datemodified"] = "2099-01-01T00:00:00"
    outside.get(LIST, json=answer)
    collected = collect(gdacs)
    assert "FL1103999" not in by_id(collected)
    assert collected.problems == ("event FL1103999 could not be read (ValueError)",)
    assert not collected.is_complete_alert_list


def test_a_version_may_be_ahead_by_what_clocks_differ_and_no_more(outside):
    answer = recorded("gdacs_events.json")
    first, second = (each["properties"] for each in answer["features"][:2])
    first["datemodified"] = (NOW + timedelta(minutes=14)).isoformat()
    second["datemodified"] = (NOW + timedelta(minutes=16)).isoformat()
    outside.get(LIST, json=answer)
    found = by_id(collect(gdacs))
    assert "FL1103999" in found
    assert "DR1018000" not in found


def test_entities_of_a_feed_are_not_expanded(outside):
    bomb = '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><rss><channel><item>&b;</item></channel></rss>'
    outside.get(LIST, status=500)
    outside.get(RSS, body=bomb)
    with pytest.raises(SourceMisbehaved):
        collect(gdacs)


def test_no_address_of_a_feed_is_a_script(outside):
    answer = recorded("gdacs_events.json")
    answer["features"][0]["properties"]["url"] = {"report": "javascript:alert(1)"}
    answer["features"][1]["properties"]["url"] = 'https://x.example/"onclick="x'
    outside.get(LIST, json=answer)
    found = by_id(collect(gdacs))
    assert (found["FL1103999"].url, found["DR1018000"].url) == ("", "")


def test_where_both_fail_the_reason_is_the_feeds(outside):
    outside.get(LIST, status=500)
    outside.get(RSS, status=503)
    with pytest.raises(SourceUnavailable):
        collect(gdacs)


# --- ReliefWeb -------------------------------------------------------------------------------

APPNAME = {"RELIEFWEB_APPNAME": "example-desk-x7"}


def test_disasters_that_go_on_become_alerts_of_unknown_level(outside):
    outside.get(DISASTERS, json=recorded("reliefweb_disasters.json"))
    collected = collect(reliefweb, secrets=APPNAME)
    assert collected.is_complete_alert_list
    flood = by_id(collected)["FL52111"]
    assert (flood.kind, flood.level, flood.places) == (DisasterKind.FLOOD, AlertLevel.UNKNOWN, ("bgd", "ind"))
    assert flood.version_at == datetime(2026, 3, 4, 8, tzinfo=UTC)
    assert (flood.is_current, flood.url) == (True, "https://reliefweb.int/disaster/fl-2026-000031-bgd")
    assert by_id(collected)["EP52001"].kind is DisasterKind.OTHER
    asked = parse_qs(urlsplit(outside.calls[0].request.url).query)
    assert asked["appname"] == ["example-desk-x7"]
    assert {asked["filter[value][0]"][0], asked["filter[value][1]"][0]} == {"alert", "current"}


def test_a_list_that_was_cut_off_is_not_complete(outside):
    outside.get(DISASTERS, json={**recorded("reliefweb_disasters.json"), "totalCount": 4})
    assert not collect(reliefweb, secrets=APPNAME).is_complete_alert_list


def test_a_past_disaster_is_not_current(outside):
    answer = recorded("reliefweb_disasters.json")
    answer["data"][0]["fields"]["status"] = "past"
    outside.get(DISASTERS, json=answer)
    assert not by_id(collect(reliefweb, secrets=APPNAME))["FL52111"].is_current


def test_without_an_approved_appname_we_are_refused(outside):
    with pytest.raises(SourceRefused, match="RELIEFWEB_APPNAME"):
        collect(reliefweb)
    assert len(outside.calls) == 0
    outside.get(DISASTERS, status=403, json=recorded("reliefweb_403.json"))
    with pytest.raises(SourceRefused) as refused:
        collect(reliefweb, secrets=APPNAME)
    assert "example-desk-x7" not in str(refused.value)


def test_the_version_that_is_gone_is_a_misbehaviour(outside):
    outside.get(DISASTERS, status=410, json=recorded("reliefweb_410.json"))
    with pytest.raises(SourceMisbehaved):
        collect(reliefweb, secrets=APPNAME)


@pytest.mark.parametrize("answer", [{"data": None}, {}, []])
def test_an_answer_without_disasters_is_a_misbehaviour(outside, answer):
    outside.get(DISASTERS, json=answer)
    with pytest.raises(SourceMisbehaved):
        collect(reliefweb, secrets=APPNAME)


# --- US weather service ----------------------------------------------------------------------


def test_alerts_of_one_kind_day_and_country_are_one_event(outside):
    outside.get(ACTIVE, json=recorded("nws_active.json"))
    collected = collect(nws)
    assert (collected.is_complete_alert_list, collected.problems) == (True, ())
    assert set(by_id(collected)) == {
        "US-flood-extreme-2026-03-04",
        "US-flood-severe-2026-03-04",
        "US-other-extreme-2026-03-04",
        "GU-heatwave-severe-2026-03-04",
        "off-shore-other-severe-2026-03-04",
    }
    flood = by_id(collected)["US-flood-extreme-2026-03-04"]
    assert (flood.kind, flood.level, flood.places) == (DisasterKind.FLOOD, AlertLevel.ORANGE, ("US",))
    assert flood.severity_text == "2 × Flash Flood Warning: Fort Bend, TX; Cameron, LA; Harris, TX"
    assert flood.title == "Flash Flood Warning and 1 more, US 2026-03-04"
    assert flood.starts_at == datetime(2026, 3, 4, 8, tzinfo=UTC)
    assert flood.ends_at == datetime(2026, 3, 5, 5, tzinfo=UTC), "where `ends` is not known, `expires`"
    assert flood.version_at == datetime(2026, 3, 4, 10, 15, tzinfo=UTC), "when the list was made"


@pytest.mark.parametrize("updated", [None, "soon", "2099-01-01T00:00:00Z"])
def test_where_the_list_says_no_time_that_can_be_believed_it_is_that_of_asking(outside, updated):
    outside.get(ACTIVE, json={**recorded("nws_active.json"), "updated": updated})
    assert {each.version_at for each in collect(nws).alerts} == {NOW}


@pytest.mark.django_db
def test_what_was_put_together_changes_when_its_newest_member_is_cancelled_and_only_then(outside):
    load_reference(now=NOW)
    answer = recorded("nws_active.json")
    older, newest, *others = answer["features"]

    def keep(features, *, minutes):
        now = NOW + timedelta(minutes=minutes)
        outside.upsert(responses.GET, ACTIVE, json={**answer, "features": features, "updated": now.isoformat()})
        alerts = collect(nws, now=now).alerts
        return keep_alerts(source="nws", alerts=alerts, is_complete=True, now=now)

    keep(answer["features"], minutes=0)
    assert keep([*others, newest, older], minutes=5) == 0, "another order in a newer list says nothing new"
    newest["properties"]["messageType"] = "Cancel"
    assert keep([*others, newest, older], minutes=10) == 1
    flood = Alert.objects.get(external_id="US-flood-extreme-2026-03-04")
    assert (flood.title, flood.severity_text) == (
        "Flash Flood Warning, US 2026-03-04",
        "Flash Flood Warning: Harris, TX",
    )
    assert flood.ends_at == datetime(2026, 3, 5, 2, tzinfo=UTC), "the end of what is left"
    assert flood.versions.count() == 2


def test_no_alert_of_the_weather_service_is_red(outside):
    outside.get(ACTIVE, json=recorded("nws_active.json"))
    found = by_id(collect(nws))
    assert {each.level for each in found.values()} == {AlertLevel.ORANGE, AlertLevel.GREEN}
    assert found["GU-heatwave-severe-2026-03-04"].places == ("GU",)
    assert found["off-shore-other-severe-2026-03-04"].places == ()


def test_tests_cancelled_uncertain_and_light_alerts_are_left_out(outside):
    outside.get(ACTIVE, json=recorded("nws_active.json"))
    words = " ".join(each.severity_text for each in collect(nws).alerts)
    for left_out in ("Testville", "Replaced", "Cancelled", "San Diego", "Arena"):
        assert left_out not in words


def test_an_update_takes_the_place_of_what_it_refers_to(outside):
    answer = recorded("nws_active.json")
    update = answer["features"][1]["properties"]
    update["messageType"] = "Update"
    update["references"] = [{"@id": "", "identifier": answer["features"][0]["properties"]["id"]}]
    outside.get(ACTIVE, json=answer)
    flood = by_id(collect(nws))["US-flood-extreme-2026-03-04"]
    assert flood.severity_text == "Flash Flood Warning: Fort Bend, TX; Cameron, LA"


def test_the_weather_service_is_told_whom_to_ask(outside):
    outside.get(ACTIVE, json=recorded("nws_active.json"))
    collect(nws, options={"contact": "ops@example.org"})
    assert outside.calls[0].request.headers["User-Agent"].endswith("(ops@example.org)")


def test_alerts_that_cannot_be_read_are_counted_and_nothing_is_over_for_that(outside):
    answer = recorded("nws_active.json")
    answer["features"][0]["properties"]["sent"] = "yesterday"
    answer["features"][1]["properties"]["sent"] = "2099-01-01T00:00:00Z"
    answer["features"][2] = None
    outside.get(ACTIVE, json=answer)
    collected = collect(nws)
    assert collected.problems == ("3 of 11 alerts could not be read",)
    assert not collected.is_complete_alert_list


def test_a_quiet_day_is_an_empty_list(outside):
    outside.get(ACTIVE, json={"type": "FeatureCollection", "features": []})
    collected = collect(nws)
    assert (collected.alerts, collected.is_complete_alert_list) == ((), True)
    outside.replace(responses.GET, ACTIVE, json={"title": "Not found", "status": 404})
    with pytest.raises(SourceMisbehaved):
        collect(nws)
