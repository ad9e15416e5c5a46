"""From a feed to a weight: a recorded flood through the real tasks, a real HTTP server and the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accounts.domain.scopes import Scope
from climate.connectors.gdacs import EVENTS, RSS
from climate.models import Alert, DataSource, Emergency
from climate.tasks import collect_due_sources, end_emergencies
from config.celery import app
from config.environment import SourceSettings
from dashboard.domain.sight import sight_of
from dashboard.sections import read_sections
from tests.integration.climate.provider import Reply, provider, reply
from tests.integration.world import load_world, make_budget, make_team

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
INTERVAL = timedelta(minutes=10)
ANSWERS = Path(__file__).parents[1] / "climate" / "answers"
ASK = {"purpose": "disaster_response", "origin": "BD", "model_class": "L", "tokens": 2000}
VISITOR = sight_of(
    visitors="figures", is_known=False, is_staff=False, sees_everything=False, visible_team_ids=frozenset()
)
FLOOD = "Flood in Bangladesh, India"


def events(**changes):
    """The recorded list, with these facts of its flood changed."""
    answer = json.loads((ANSWERS / "gdacs_events.json").read_text())
    flood = next(each for each in answer["features"] if each["properties"]["eventtype"] == "FL")
    flood["properties"].update(changes)
    return answer


@pytest.fixture
def feed(db, settings, monkeypatch, time_machine):
    """GDACS on this machine, the only source that is asked."""
    time_machine.move_to(NOW, tick=False)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    load_world()
    DataSource.objects.exclude(pk="gdacs").update(is_enabled=False)
    app.conf.task_always_eager = True
    try:
        with provider() as running:
            settings.CLIMATE_SOURCES = {**settings.CLIMATE_SOURCES, "gdacs": SourceSettings(url=running.url)}
            yield running
    finally:
        app.conf.task_always_eager = False


@pytest.fixture
def team(feed):
    team = make_team()
    make_budget(team, 10**9, is_default=True)
    return team


@pytest.fixture
def collect(time_machine):
    """Move on by whole intervals and let the beat's tasks run."""

    def run(intervals=1):
        run.now += intervals * INTERVAL
        time_machine.move_to(run.now, tick=False)
        end_emergencies()
        collect_due_sources()

    run.now = NOW - INTERVAL
    return run


def factors(team, **changes):
    answer = team.client.post("/api/v1/requests/quote/", {**ASK, **changes})
    assert answer.status_code == 200, answer.json()
    return {each["name"]: each["value"] for each in answer.json()["priority"]["factors"]}


def weight(team, **changes):
    return team.client.post("/api/v1/requests/quote/", {**ASK, **changes}).json()["priority"]["weight"]


def on_the_dashboard(now):
    """What the section of alerts says of the flood."""
    rows = read_sections(VISITOR, ["alerts"], now=now)["alerts"]
    return [row["kind"] for row in rows if row["title"] == FLOOD]


def test_a_red_flood_in_bangladesh_lifts_disaster_response_fivefold_and_ends_when_the_feed_says_so(feed, team, collect):
    before = weight(team)
    assert "emergency" not in factors(team)

    feed.answer = lambda asked: reply(events() if asked.path == EVENTS else {})
    collect()

    assert factors(team)["emergency"] == 5.0
    assert weight(team) == pytest.approx(5 * before)
    assert factors(team, purpose="climate_adaptation", origin="IN")["emergency"] == 5.0
    assert "emergency" not in factors(team, origin="KE"), "no other country"
    assert "emergency" not in factors(team, purpose="general_ai_research"), "no other purpose"
    assert on_the_dashboard(collect.now) == ["flood"]
    listed = team.client.get("/api/v1/emergencies/").json()["results"]
    assert [(each["title"], each["multiplier"], each["decided_by"]) for each in listed] == [(FLOOD, 5.0, "policy")]

    feed.answer = lambda asked: reply(events(iscurrent="false", datemodified="2026-03-04T10:25:00"))
    collect()

    assert weight(team) == before
    assert on_the_dashboard(collect.now) == []
    assert team.client.get("/api/v1/emergencies/").json()["results"] == []
    ended = Emergency.objects.get(title=FLOOD)
    assert (ended.state, ended.ends_at) == ("ended", collect.now)


def test_a_request_that_is_decided_names_the_factor(feed, team, collect):
    feed.replies(reply(events()))
    collect()
    answer = team.client.post("/api/v1/requests/", ASK)
    assert answer.status_code == 201
    assert {"name": "emergency", "value": 5.0} in answer.json()["priority"]["factors"]


def test_an_orange_flood_is_proposed_waits_and_counts_once_it_is_confirmed(feed, team, collect):
    feed.replies(reply(events(alertlevel="Orange")))
    before = weight(team)
    collect(3)
    assert weight(team) == before
    assert on_the_dashboard(collect.now) == ["flood, proposed"]
    proposed = team.client.get("/api/v1/emergencies/?state=proposed").json()["results"]
    flood = next(each for each in proposed if each["title"] == FLOOD)
    trusted = make_team("Trusted", scopes=[Scope.EMERGENCIES_WRITE]).client
    answer = trusted.post(f"/api/v1/emergencies/{flood['id']}/confirm/", {"reason": "Sylhet is under water."})
    assert answer.status_code == 200
    assert weight(team) == pytest.approx(5 * before)
    assert on_the_dashboard(collect.now) == ["flood"]


def test_a_flood_that_leaves_the_list_ends_after_two_lists(feed, team, collect):
    feed.replies(reply(events()))
    before = weight(team)
    collect()
    gone = events()
    gone["features"] = [each for each in gone["features"] if each["properties"]["eventtype"] != "FL"]
    feed.replies(reply(gone))
    collect()
    assert weight(team) == pytest.approx(5 * before)
    collect()
    assert weight(team) == before


def test_where_the_list_is_down_the_feed_lifts_the_weight(feed, team, collect):
    rss = (ANSWERS / "gdacs_rss.xml").read_bytes()
    feed.answer = lambda asked: Reply(body=rss) if asked.path == RSS else Reply(status=500)
    collect()
    assert factors(team)["emergency"] == 5.0
    assert "RSS feed was read instead" in DataSource.objects.get(pk="gdacs").last_error


def test_a_feed_that_dies_changes_nothing_for_a_day_and_then_the_emergency_is_over(feed, team, collect):
    feed.replies(reply(events()))
    before = weight(team)
    collect()
    feed.replies(Reply(status=500))
    collect(6 * 23)
    assert weight(team) == pytest.approx(5 * before)
    collect(6)
    assert weight(team) == before
    assert Alert.objects.get(external_id="FL1103999").is_current, "nobody said that the flood is over"
    assert Emergency.objects.get(title=FLOOD).state == "ended"
