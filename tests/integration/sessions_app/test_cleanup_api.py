"""Cleanup, archives and tiers over HTTP."""

from __future__ import annotations

import pytest

from accounts.domain.scopes import Scope
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import Archive, ContextItem, Event
from sessions_app.services.reference import load_reference
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.sessions_app.test_cleanup import put
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    load_reference(now=NOW)
    return make_team()


@pytest.fixture
def session_id(team):
    """A session with debug output of long ago."""
    session_id = open_desk(team, "ann")
    put(team, session_id, ("log", "DEBUG pump 7 started"), kind=ItemKind.DEBUG, idle=130)
    return session_id


def post(team, session_id, where, body=None, **headers):
    return team.client.post(f"/api/v1/sessions/{session_id}/{where}", body or {}, format="json", **headers)


def get(team, session_id, where, **query):
    return team.client.get(f"/api/v1/sessions/{session_id}/{where}", query)


def errors_of(answer):
    return {(each["field"], each["code"]) for each in answer.json()["errors"]}


def test_a_cleanup_says_step_by_step_what_went_and_how_to_get_it_back(team, session_id):
    answer = post(team, session_id, "cleanup/")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    (done,) = body["results"]
    (step,) = done["steps"]
    assert (body["dry_run"], body["freed_tokens"]) == (False, step["freed_tokens"])
    assert (done["agent"], done["epoch"], done["tokens_after"], done["missing_tokens"]) == ("ann", 1, 0, 0)
    assert (step["strategy"], step["action"], step["keys"]) == ("drop_debug", "unload", ["log"])
    assert step["kept"] == "The whole is in the archive."
    (archive,) = step["archives"]
    restored = post(team, session_id, f"archives/{archive}/restore/").json()
    assert (restored["to"], restored["agent"], restored["key"], restored["text"]) == (
        "window",
        "ann",
        "log",
        "DEBUG pump 7 started",
    )


def test_a_dry_run_changes_nothing(team, session_id):
    answer = post(team, session_id, "cleanup/", {"dry_run": True})
    assert answer.json()["freed_tokens"] > 0
    assert answer.json()["results"][0]["seq"] is None
    assert ContextItem.objects.get(key="log").status == "live"
    assert not Archive.objects.exists()


def test_the_same_key_cleans_up_once(team, session_id):
    first = post(team, session_id, "cleanup/", HTTP_IDEMPOTENCY_KEY="k1")
    again = post(team, session_id, "cleanup/", HTTP_IDEMPOTENCY_KEY="k1")
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Event.objects.filter(session=session_id, kind="cleanup.done").count() == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"target_tokens": -1}, ("target_tokens", "min_value")),
        ({"component": "attic"}, ("component", "invalid_choice")),
        ({"epoch": 1}, ("agent", "invalid")),
        ({"target_tokens": 1, "task": {"files": 1}}, ("task", "invalid")),
        ({"task": {"filez": 1}}, ("task.filez", "unknown_field")),
        ({"targets": 1}, ("targets", "unknown_field")),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(team, session_id, body, error):
    answer = post(team, session_id, "cleanup/", body)
    assert answer.status_code in (400, 422)
    assert error in errors_of(answer)
    assert ContextItem.objects.get(key="log").status == "live"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({"agent": "bob"}, 404, "not_found"), ({"agent": "ann", "epoch": 2}, 409, "stale_epoch")],
)
def test_an_agent_that_is_not_there_or_no_longer_is_refused(team, session_id, body, status, code):
    answer = post(team, session_id, "cleanup/", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ContextItem.objects.get(key="log").status == "live"


def test_archives_are_searched_and_read_whole(team, session_id):
    post(team, session_id, "cleanup/")
    (row,) = get(team, session_id, "archives/", q="pump -draft").json()["results"]
    assert (row["title"], row["kind"], row["strategy"], row["agent"]) == ("log", "item", "drop_debug", "ann")
    assert row["snippet"] == "DEBUG pump 7 started"
    assert get(team, session_id, "archives/", q="dam").json()["results"] == []
    assert get(team, session_id, f"archives/{row['id']}/").json()["body"] == "DEBUG pump 7 started"
    assert get(team, session_id, "archives/", kind="attic").status_code == 422


def test_a_damaged_archive_is_said_to_be(team, session_id):
    post(team, session_id, "cleanup/")
    Archive.objects.update(body=b"damaged")
    answer = get(team, session_id, f"archives/{Archive.objects.get().pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "archive_damaged")


def test_items_of_the_state_are_listed_by_tier_and_loaded(team):
    session_id = open_desk(team, "ann", state={"focus": "dam", "tasks": {"t1": {"text": "x" * 3_000}}})
    rows = get(team, session_id, "tiers/").json()["results"]
    assert {(row["key"], row["tier"]) for row in rows} == {("/focus", "hot"), ("/tasks/t1", "warm")}
    assert [row["key"] for row in get(team, session_id, "tiers/", tier="warm").json()["results"]] == ["/tasks/t1"]
    loaded = post(team, session_id, "tiers/load/", {"keys": ["/tasks/t1", "/focus"]}).json()["results"]
    assert loaded[1] == {"key": "/focus", "tier": "hot", "value": "dam"}
    assert loaded[0]["value"] == {"text": "x" * 3_000}
    missing = post(team, session_id, "tiers/load/", {"keys": ["/nothing"]})
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_item")
    assert errors_of(post(team, session_id, "tiers/load/", {"keys": []})) == {("keys", "min_length")}


def test_another_team_sees_and_changes_nothing(team, session_id):
    post(team, session_id, "cleanup/")
    archive, head = Archive.objects.get(), session_of(session_id).head_seq
    other = make_team("Other desk")
    answers = [
        post(other, session_id, "cleanup/"),
        post(other, session_id, f"archives/{archive.pk}/restore/"),
        post(other, session_id, "tiers/load/", {"keys": ["/focus"]}),
        get(other, session_id, "archives/"),
        get(other, session_id, f"archives/{archive.pk}/"),
        get(other, session_id, "tiers/"),
        get(other, open_desk(other), f"archives/{archive.pk}/"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert session_of(session_id).head_seq == head


def test_a_key_that_may_only_read_does_not_clean_up(session_id):
    reader = make_team("Reader", scopes=[Scope.SESSIONS_READ])
    assert post(reader, session_id, "cleanup/").status_code == 403


def test_a_window_that_cannot_take_an_item_back_says_what_is_missing(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("map", ""), tokens=5_000, locator="x", component=Component.KNOWLEDGE, idle=200)
    post(team, session_id, "cleanup/")
    put(team, session_id, ("new", ""), tokens=5_000, locator="y")
    answer = post(team, session_id, f"archives/{Archive.objects.get().pk}/restore/")
    assert (answer.status_code, answer.json()["code"], answer.json()["needed_tokens"]) == (409, "window_full", 5_000)
    assert ContextItem.objects.get(key="map").status == "unloaded"
