"""Every grid connector against a real HTTP server on this machine, well and ill. No database."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from climate.connectors import watttime
from climate.connectors.contract import Ask, Place
from climate.connectors.http import Limits, SourceError, SourceHttp
from climate.connectors.registry import CONNECTORS
from climate.domain.collected import Collected
from tests.integration.climate.connectors.conftest import recorded
from tests.integration.climate.provider import Asked, Provider, Reply, provider

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
SECRETS = {
    "ELECTRICITY_MAPS_KEY": "em-secret",
    "WATTTIME_USERNAME": "wt-user",
    "WATTTIME_PASSWORD": "wt-secret",
    "ENTSOE_TOKEN": "entsoe-secret",
    "EIA_KEY": "eia-secret",
}


@dataclass(frozen=True)
class Case:
    """A connector, the zone to ask for, its answers by path, and the path and the figure of one reading."""

    zone: str
    answers: dict[str, str]
    main: str
    revised: tuple[str, str]
    readings: int
    since_hour: int = 8
    options: dict[str, str] = field(default_factory=dict)


SPAN = "2026-03-04T09:00Z/2026-03-04T10:30Z"
CASES = {
    "gb-carbon-intensity": Case(
        zone="GB",
        answers={
            f"/generation/{SPAN}": recorded("gb_generation_range.json"),
            f"/intensity/{SPAN}": recorded("gb_intensity_range.json"),
            "/intensity/2026-03-04T10:00Z/fw48h": recorded("gb_fw48h.json"),
        },
        main=f"/intensity/{SPAN}",
        revised=('"actual": 137', '"actual": 139'),
        readings=5,
        since_hour=9,
    ),
    "energy-charts": Case(
        zone="DE",
        answers={"/co2eq": recorded("ec_co2eq_range.json"), "/ren_share_forecast": recorded("ec_ren_share.json")},
        main="/co2eq",
        revised=("310.5", "312.5"),
        readings=3,
    ),
    "electricity-maps": Case(
        zone="SE-SE3",
        answers={
            "/v4/zones": recorded("em_zones.json"),
            "/v4/carbon-intensity/history": recorded("em_history.json"),
            "/v4/carbon-intensity/forecast": recorded("em_forecast.json"),
            "/v4/renewable-energy/history": recorded("em_renewable.json"),
            "/v4/carbon-free-energy/history": recorded("em_carbon_free.json"),
        },
        main="/v4/carbon-intensity/history",
        revised=("42.5", "43.5"),
        readings=2,
        options={"version": "v4"},
    ),
    "watttime": Case(
        zone="SE-SE3",
        answers={
            "/login": '{"token": "wt-token"}',
            "/v3/region-from-loc": recorded("wt_region.json"),
            "/v3/historical": recorded("wt_historical.json"),
            "/v3/forecast": recorded("wt_forecast.json"),
        },
        main="/v3/historical",
        revised=("860.5", "861.5"),
        readings=2,
    ),
    "entsoe": Case(
        zone="FR",
        answers={"/api": recorded("entsoe_generation.xml")},
        main="/api",
        revised=("<quantity>40000<", "<quantity>41000<"),
        readings=7,
    ),
    "eia": Case(
        zone="US-CAL-CISO",
        answers={"/v2/electricity/rto/fuel-type-data/data/": recorded("eia_fuel_type.json")},
        main="/v2/electricity/rto/fuel-type-data/data/",
        revised=('"4000"', '"4100"'),
        readings=2,
        since_hour=7,
    ),
}


@pytest.fixture(autouse=True)
def _forgetful():
    watttime.REMEMBERED.tokens.clear()
    watttime.REMEMBERED.regions.clear()


@pytest.fixture
def server():
    with provider() as running:
        yield running


def answering(server: Provider, case: Case, *, once: Reply | None = None, always: Reply | None = None) -> None:
    """As recorded, but for the main question, which meets a fault once or always."""
    left = [once] if once else []
    by_shape = {_shape(path): body for path, body in case.answers.items()}

    def answer(asked: Asked) -> Reply:
        if asked.path == case.main and (left or always):
            return left.pop() if left else always
        body = case.answers.get(asked.path) or by_shape.get(_shape(asked.path))
        return Reply(status=404) if body is None else Reply(body=body.encode())

    server.answer = answer


def _shape(path: str) -> str:
    """A path whatever the times in it."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", "TIME", path)


def collected(server: Provider, name: str) -> Collected:
    case = CASES[name]
    limits = Limits(first_wait_seconds=0, longest_wait_seconds=0.01, read_seconds=1)
    question = Ask(
        now=NOW,
        zones=(case.zone,),
        since={case.zone: datetime(2026, 3, 4, case.since_hour, tzinfo=UTC)},
        places={case.zone: Place(latitude=59.0, longitude=15.0)},
        options=case.options,
        secrets=SECRETS,
    )
    with SourceHttp(server.url, allowed_hosts=[server.host], limits=limits, now=NOW) as http:
        return CONNECTORS[name].collect(http, question)


@pytest.mark.parametrize("name", CASES)
def test_the_recorded_answers_become_readings(server, name):
    answering(server, CASES[name])
    found = collected(server, name)
    assert len(found.readings) == CASES[name].readings
    assert found.problems == ()
    assert {asked.path for asked in server.asked} == CASES[name].answers.keys()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("status", [429, 500])
def test_a_fault_that_passes_loses_nothing(server, name, status):
    answering(server, CASES[name], once=Reply(status=status, headers={"Retry-After": "0"}))
    assert len(collected(server, name).readings) == CASES[name].readings


@pytest.mark.parametrize("name", CASES)
def test_a_late_revision_is_the_new_value_of_the_same_period(server, name):
    case = CASES[name]
    answering(server, case)
    before = {(each.starts_at, each.scope): each.intensity_g_per_kwh for each in collected(server, name).readings}
    old, new = case.revised
    case = Case(**{**vars(case), "answers": {**case.answers, case.main: case.answers[case.main].replace(old, new)}})
    answering(server, case)
    after = {(each.starts_at, each.scope): each.intensity_g_per_kwh for each in collected(server, name).readings}
    assert before.keys() == after.keys()
    assert before != after


WHOLE = {name: case.answers[case.main].encode() for name, case in CASES.items()}
FAULTS = {
    "truncated": lambda name: Reply(body=WHOLE[name][:-40]),
    "broken off": lambda name: Reply(body=WHOLE[name][:-40], missing=40),
    "HTML": lambda _name: Reply(body=b"<html><body>maintenance</body></html>"),
    "null": lambda _name: Reply(body=b"null"),
    "forbidden": lambda _name: Reply(status=403, body=b"<html>403 Forbidden</html>"),
    "elsewhere": lambda _name: Reply(status=302, headers={"Location": "http://169.254.169.254/latest/"}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_said_in_words_that_hold_no_secret(server, name, fault):
    answering(server, CASES[name], always=FAULTS[fault](name))
    try:
        found = collected(server, name)
        said = found.problems
        assert len(found.readings) < CASES[name].readings
    except SourceError as error:
        said = (str(error),)
    assert said
    assert not [secret for secret in [*SECRETS.values(), "wt-token"] for words in said if secret in words]


def test_a_gap_of_an_outage_is_asked_for_and_closed(server):
    times = [NOW.replace(minute=0) - timedelta(hours=hours) for hours in range(60, 0, -1)]
    rows = [{"zone": "SE-SE3", "carbonIntensity": 40, "datetime": f"{at:%Y-%m-%dT%H:%M:%SZ}"} for at in times]
    case = CASES["electricity-maps"]
    answers = {
        **case.answers,
        "/v4/carbon-intensity/past-range": json.dumps({"zone": "SE-SE3", "data": rows[:40]}),
        "/v4/carbon-intensity/history": json.dumps({"zone": "SE-SE3", "history": rows[-24:]}),
    }
    answering(server, Case(**{**vars(case), "answers": answers}))
    question = Ask(now=NOW, zones=("SE-SE3",), since={"SE-SE3": times[0]}, secrets=SECRETS)
    with SourceHttp(server.url, allowed_hosts=[server.host], now=NOW) as http:
        found = CONNECTORS["electricity-maps"].collect(http, question)
    assert sorted(each.starts_at for each in found.readings) == times
