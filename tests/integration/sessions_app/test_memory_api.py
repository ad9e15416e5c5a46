"""The doors of facts, memory and sessions that are alike."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from sessions_app.models import Fact
from sessions_app.services.lives import end_session
from sessions_app.services.log import Draft, Writer, append, locked, patch_state
from sessions_app.services.memory import add_fact, refresh_likeness
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, load_world, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    load_world()
    return make_team()


def _url(session_id, *parts):
    return f"/api/v1/sessions/{session_id}/{'/'.join(map(str, parts))}/"


def _post(team, url, body, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return team.client.post(url, body, format="json", headers=headers)


def test_a_fact_is_recorded_once_for_a_key_and_read_back(team):
    session_id = open_desk(team, "ana")
    body = {"kind": "decision", "text": "Open gate 3 at 06:00.", "agent": "ana", "epoch": 1, "is_pinned": True}
    first, again = (_post(team, _url(session_id, "facts"), body, key="k1") for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    told = first.json()
    assert {name: told[name] for name in ("number", "kind", "text", "agent", "is_pinned", "superseded_by")} == {
        "number": 1,
        "kind": "decision",
        "text": "Open gate 3 at 06:00.",
        "agent": "ana",
        "is_pinned": True,
        "superseded_by": None,
    }
    assert team.client.get(_url(session_id, "facts", 1)).json() == told
    assert team.client.get(_url(session_id, "facts")).json()["results"] == [told]


def test_a_newer_fact_replaces_an_older_one_over_http(team):
    session_id = open_desk(team)
    _post(team, _url(session_id, "facts"), {"kind": "open", "text": "Who signs?"})
    newer = _post(team, _url(session_id, "facts", 1, "supersede"), {"text": "Ana signs.", "kind": "decision"})
    refused = _post(team, _url(session_id, "facts", 1, "supersede"), {"text": "Ben signs."})
    assert (newer.status_code, newer.json()["number"]) == (201, 2)
    assert (refused.status_code, refused.json()["code"]) == (409, "superseded")
    current = team.client.get(_url(session_id, "facts")).json()["results"]
    everything = team.client.get(_url(session_id, "facts") + "?superseded=true").json()["results"]
    assert [each["number"] for each in current] == [2]
    assert [(each["number"], each["superseded_by"]) for each in everything] == [(2, None), (1, 2)]


def test_a_pin_is_set_and_taken_over_http(team):
    session_id = open_desk(team)
    _post(team, _url(session_id, "facts"), {"kind": "constraint", "text": "Never above 12 knots."})
    pinned = team.client.patch(_url(session_id, "facts", 1), {"is_pinned": True}, format="json")
    assert (pinned.status_code, pinned.json()["is_pinned"]) == (200, True)
    listed = team.client.get(_url(session_id, "facts") + "?pinned=true").json()["results"]
    assert [each["number"] for each in listed] == [1]


@pytest.mark.parametrize(
    ("body", "field", "status"),
    [
        ({"kind": "rumour", "text": "x"}, "kind", 422),
        ({"kind": "open", "text": ""}, "text", 422),
        ({"kind": "open", "text": "x", "pinned": True}, "pinned", 422),
        ({"kind": "open", "text": "x", "supersedes": 9}, "supersedes", 404),
        ({"kind": "open", "text": "x", "agent": "nobody"}, "agent", 404),
    ],
)
def test_a_bad_fact_is_refused_by_its_field_and_not_recorded(team, body, field, status):
    session_id = open_desk(team)
    answer = _post(team, _url(session_id, "facts"), body)
    assert answer.status_code == status
    assert field in [each["field"] for each in answer.json()["errors"]]
    assert (Fact.objects.count(), session_of(session_id).head_seq) == (0, 1)


@pytest.mark.parametrize("door", ["facts", "facts/1", "memory", "similar"])
def test_a_session_of_another_team_does_not_exist(team, door):
    session_id, other = open_desk(team), make_team("Other desk")
    assert other.client.get(_url(session_id, door)).status_code == 404
    assert team.client.get(_url(session_id, door)).status_code == (404 if door == "facts/1" else 200)


def test_a_key_that_may_only_read_records_nothing(team):
    reader = make_team("Reader", scopes=["sessions:read"])
    session_id = open_desk(reader)
    answer = _post(reader, _url(session_id, "facts"), {"kind": "open", "text": "x"})
    assert (answer.status_code, Fact.objects.count()) == (403, 0)


def _patch(session_id, team, delta, now):
    base = session_of(session_id).head_seq
    writer = Writer(actor="key test")
    patch_state(
        session_id=session_id, team_id=team.team_id, base_seq=base, format="merge", delta=delta, writer=writer, now=now
    )


def _results(team, session_id, kind, **query):
    answer = team.client.get(_url(session_id, "memory"), {"kind": kind, **query})
    assert answer.status_code == 200
    return [(each["place"], each["text"]) for each in answer.json()["results"]]


def test_each_kind_of_memory_shows_its_own_and_lets_go_of_what_is_old(team):
    now, session_id = timezone.now(), open_desk(team)
    _patch(session_id, team, {"focus": "gate 3"}, now - timedelta(minutes=5))
    with_facts = [("decision", "Open gate 3.", 1), ("open", "Who pays?", 1), ("failed", "Pump 2 broke.", 400)]
    for kind, text, _days in with_facts:
        add_fact(locked(session_id), kind=kind, text=text, actor="key test", now=now)
    for _, text, days in with_facts:
        Fact.objects.filter(text=text).update(at=now - timedelta(days=days))
    append(locked(session_id), Draft(kind="proposal.made", actor="key test", facts={"number": 1}), now=now)
    assert _results(team, session_id, "working") == [("state", 'focus: "gate 3"'), ("fact", "Who pays?")]
    assert _results(team, session_id, "semantic") == [("fact", "Open gate 3.")]
    assert ("event", "proposal made: number 1") in _results(team, session_id, "episodic")
    assert _results(team, session_id, "collective") == [("state", 'focus: "gate 3"')]
    assert _results(team, session_id, "working", q="who pays the bill") == [("fact", "Who pays?")]


def test_collective_memory_brings_facts_of_sessions_that_are_alike_and_of_no_other_team(team):
    other = make_team("Other desk")
    for owner, text in ((team, "Sandbags go to Elm Street first."), (other, "Secret of the other team.")):
        past = open_desk(owner, name="Flood of the river Elbe")
        session = locked(past)
        add_fact(session, kind="decision", text=text, actor="key test", now=timezone.now())
        refresh_likeness(session, now=NOW)
    session_id = open_desk(team, name="Flood at the Elbe again")
    assert _results(team, session_id, "collective") == [("fact", "Sandbags go to Elm Street first.")]


def _ended(team, name, tokens, *, at=NOW):
    session_id = open_desk(team, name=name)
    session = locked(session_id)
    session.tokens_used = tokens
    session.save(update_fields=["tokens_used"])
    refresh_likeness(session, now=at)
    end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=at)
    return session_id


def test_sessions_that_were_alike_correct_the_estimate_of_a_new_one(team):
    alike = [_ended(team, f"Translate the flood manual into language {each}", 20_000 + each) for each in range(5)]
    _ended(team, "Reconcile invoices of the canteen", 900)
    answer = team.client.get("/api/v1/sessions/similar/", {"text": "translate a flood manual"}).json()
    estimate = answer["estimate"]
    assert {each["session"] for each in answer["results"]} == {str(each) for each in alike}
    assert estimate["basis"] == "similar_sessions"
    assert estimate["prior_expected_tokens"] < estimate["expected_tokens"] <= estimate["hold_tokens"] <= 20_004


def test_a_session_that_took_nothing_says_nothing_of_what_work_takes(team):
    _ended(team, "Translate the flood manual", 0)
    answer = team.client.get("/api/v1/sessions/similar/", {"text": "translate a flood manual"}).json()
    assert len(answer["results"]) == 1
    assert (answer["estimate"]["basis"], answer["estimate"]["precedents"]) == ("mode", 0)


def test_among_more_sessions_than_are_compared_those_that_share_words_are_found(team, monkeypatch):
    monkeypatch.setattr("sessions_app.selectors.alike.MOST_READ", 2)
    wanted = _ended(team, "Translate the flood manual", 20_000)
    for minutes, each in enumerate(("Reconcile invoices", "Paint the canteen", "Order chairs"), start=1):
        _ended(team, each, 900, at=NOW + timedelta(minutes=minutes))  # those that ended last are read
    answer = team.client.get(
        "/api/v1/sessions/similar/", {"text": "translating manuals: it's 'quoted' & | ! :*"}
    ).json()
    found = [each["session"] for each in answer["results"]]
    assert found == ([str(wanted)] if connection.vendor == "postgresql" else [])


def test_without_a_precedent_the_estimate_is_that_of_the_mode(team):
    answer = team.client.get("/api/v1/sessions/similar/", {"text": "something new", "mode": "council", "roles": 4})
    estimate = answer.json()["estimate"]
    assert (estimate["basis"], estimate["weight"], answer.json()["results"]) == ("mode", 0.0, [])
    assert estimate["expected_tokens"] == estimate["prior_expected_tokens"] > 2500


def test_a_search_without_words_is_refused_by_its_field(team):
    answer = team.client.get("/api/v1/sessions/similar/")
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, ["text"])
