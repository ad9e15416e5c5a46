"""WattTime: tokens, places, pounds, and what an account does not reach."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import responses

from climate.connectors import watttime
from climate.connectors.contract import Place
from climate.connectors.http import SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.signal import Kind, Scope
from tests.integration.climate.connectors.conftest import SOURCE, recorded

NAME, ZONE = "watttime", "SE-SE3"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
USER, PASSWORD = "wt-user", "wt-secret-password"
LOGIN, REGION = f"{SOURCE}/login", f"{SOURCE}/v3/region-from-loc"
HISTORY, FORECAST = f"{SOURCE}/v3/historical", f"{SOURCE}/v3/forecast"
FORBIDDEN = "<html><head><title>403 Forbidden</title></head></html>"


@pytest.fixture(autouse=True)
def _forgetful():
    watttime.REMEMBERED.tokens.clear()
    watttime.REMEMBERED.regions.clear()


@pytest.fixture
def service(outside):
    outside.get(LOGIN, json={"token": "token-1"})
    outside.get(REGION, body=recorded("wt_region.json"))
    outside.get(HISTORY, body=recorded("wt_historical.json"))
    outside.get(FORECAST, body=recorded("wt_forecast.json"))
    return outside


@pytest.fixture
def ask(collect):
    def ask(zones=(ZONE,), **question):
        places = {zone: Place(latitude=59.0, longitude=15.0 + number) for number, zone in enumerate(zones)}
        question = {"now": NOW, "places": places, **question}
        return collect(
            NAME, zones=zones, secrets={"WATTTIME_USERNAME": USER, "WATTTIME_PASSWORD": PASSWORD}, **question
        )

    return ask


def asked(service, url: str) -> list:
    return [call.request for call in service.calls if call.request.url.split("?")[0] == url]


def changed(name: str, **meta) -> dict:
    answer = json.loads(recorded(name))
    answer["meta"] |= meta
    return answer


def test_pounds_per_megawatt_hour_become_grams_marginal_and_direct(service, ask):
    readings = ask().readings
    assert [(each.starts_at.minute, each.intensity_g_per_kwh) for each in readings] == [
        (0, pytest.approx(870 * 0.45359237)),
        (5, pytest.approx(390.31623)),
    ]
    assert {(each.zone, each.kind, each.scope, each.period_minutes) for each in readings} == {
        (ZONE, Kind.MARGINAL, Scope.DIRECT, 5)
    }
    assert [each.flag for each in readings] == ["estimated by the source (imputed data)", ""]


def test_a_forecast_is_as_old_as_the_service_says(service, ask):
    forecasts = ask().forecasts
    assert [each.intensity_g_per_kwh for each in forecasts] == [pytest.approx(408.34653), pytest.approx(410.50109)]
    assert {(each.issued_at, each.kind, each.scope) for each in forecasts} == {(NOW, Kind.MARGINAL, Scope.DIRECT)}


def test_the_token_and_the_region_are_asked_for_once_and_again_when_they_have_aged(service, ask):
    ask()
    ask(now=NOW + timedelta(minutes=25))
    assert (len(asked(service, LOGIN)), len(asked(service, REGION)), len(asked(service, HISTORY))) == (1, 1, 2)
    ask(now=NOW + timedelta(minutes=30))
    assert (len(asked(service, LOGIN)), len(asked(service, REGION))) == (2, 1)
    ask(now=NOW + timedelta(days=8))
    assert (len(asked(service, LOGIN)), len(asked(service, REGION))) == (3, 2)


def test_the_password_goes_to_the_login_only_and_the_token_to_the_rest(service, ask):
    ask()
    for call in service.calls:
        assert PASSWORD not in call.request.url
        header = call.request.headers["Authorization"]
        assert header.startswith("Basic ") if call.request.url == LOGIN else header == "Bearer token-1"


def test_the_past_is_asked_for_from_when_on_it_is_missing_and_no_longer_than_allowed(service, ask):
    ask(since={ZONE: NOW - timedelta(days=3)})
    ask(since={ZONE: NOW - timedelta(days=90)})
    assert [request.params["start"] for request in asked(service, HISTORY)] == [
        "2026-03-01T10:20+00:00",
        "2026-01-31T10:20+00:00",
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token_logs_in_again_once(service, ask, status):
    watttime.REMEMBERED.tokens[USER, PASSWORD] = ("old", NOW + timedelta(minutes=20))
    service.remove(responses.GET, REGION)
    service.add(responses.GET, REGION, body=FORBIDDEN, status=status)
    service.add(responses.GET, REGION, body=recorded("wt_region.json"))
    assert len(ask().readings) == 2
    assert [request.headers["Authorization"] for request in asked(service, REGION)] == ["Bearer old", "Bearer token-1"]
    assert len(asked(service, LOGIN)) == 1


def test_a_new_token_that_is_refused_too_is_a_refusal_without_end_of_logins(service, ask):
    service.replace(responses.GET, REGION, body=FORBIDDEN, status=403)
    with pytest.raises(SourceRefused):
        ask()
    assert (len(asked(service, LOGIN)), len(asked(service, REGION))) == (1, 1)


def test_a_wrong_password_is_a_refusal_whose_words_do_not_hold_it(service, ask):
    service.replace(responses.GET, LOGIN, body=FORBIDDEN, status=403)
    with pytest.raises(SourceRefused, match="user name or the password") as raised:
        ask()
    assert PASSWORD not in str(raised.value)
    assert USER not in str(raised.value)
    assert not watttime.REMEMBERED.tokens
    assert PASSWORD not in repr(watttime.REMEMBERED)


def test_a_region_beyond_the_plan_is_its_problem_and_no_reason_to_log_in(service, ask):
    poor = responses.matchers.query_param_matcher({"region": "PL"}, strict_match=False)
    rich = responses.matchers.query_param_matcher({"region": "SE"}, strict_match=False)
    service.remove(responses.GET, HISTORY)
    service.get(HISTORY, body=recorded("wt_scope.json"), status=403, match=[poor])
    service.get(HISTORY, body=recorded("wt_historical.json"), match=[rich])
    service.remove(responses.GET, REGION)
    for longitude, region in (("15.0", "PL"), ("16.0", "SE")):
        there = responses.matchers.query_param_matcher({"longitude": longitude}, strict_match=False)
        service.get(REGION, json={"region": region}, match=[there])
    collected = ask(zones=("PL", ZONE))
    assert {each.zone for each in collected.readings} == {ZONE}
    assert "PL: the plan of the account does not reach it" in collected.problems
    assert len(asked(service, LOGIN)) == 1


def test_a_place_without_coverage_is_left_out_in_words_and_remembered(service, ask):
    service.replace(responses.GET, REGION, body=recorded("wt_no_coverage.json"), status=404)
    for _ in range(2):
        collected = ask()
        assert (collected.readings, collected.problems) == ((), (f"{ZONE}: WattTime does not cover its place",))
    assert len(asked(service, REGION)) == 1


def test_a_zone_without_a_place_is_a_problem(service, ask):
    with pytest.raises(SourceMisbehaved, match="place of the zone"):
        ask(places={})


@pytest.mark.parametrize(
    "meta",
    [
        {"units": "percentile"},
        {"units": "g_per_kwh"},
        {"units": None},
        {"signal_type": "health_damage"},
        {"region": "PSCO"},
    ],
)
def test_other_units_another_signal_and_another_region_are_no_data(service, ask, meta):
    service.replace(responses.GET, HISTORY, json=changed("wt_historical.json", **meta))
    with pytest.raises(SourceMisbehaved):
        ask()
    service.replace(responses.GET, HISTORY, body=recorded("wt_historical.json"))
    service.replace(responses.GET, FORECAST, json=changed("wt_forecast.json", **meta))
    collected = ask()
    assert (len(collected.readings), collected.forecasts, len(collected.problems)) == (2, (), 1)


FAULTS = {
    "server error": ({"status": 500}, SourceUnavailable),
    "HTML": ({"body": FORBIDDEN}, SourceMisbehaved),
    "truncated": ({"body": '{"data": [{"point_ti'}, SourceMisbehaved),
    "null": ({"body": "null"}, SourceMisbehaved),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("url", [LOGIN, REGION, HISTORY])
def test_a_fault_is_an_error_in_plain_words(service, ask, fault, url):
    answer, error = FAULTS[fault]
    service.remove(responses.GET, url)
    service.get(url, **answer)
    with pytest.raises(error) as raised:
        ask()
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25"])
def test_the_days_of_23_and_25_hours_have_288_periods_like_any_other(service, ask, day):
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    times = [midnight + timedelta(minutes=5 * number) for number in range(288)]
    answer = changed("wt_historical.json")
    answer["data"] = [{"point_time": each.isoformat(), "value": 800} for each in times]
    service.replace(responses.GET, HISTORY, json=answer)
    collected = ask(now=midnight + timedelta(days=1), since={ZONE: midnight})
    assert [each.starts_at for each in collected.readings] == times
