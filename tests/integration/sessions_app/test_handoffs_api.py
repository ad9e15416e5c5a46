"""`/api/v1/sessions/{id}/handoffs/`."""

from __future__ import annotations

import pytest
from django.utils import timezone

from sessions_app.models import Handoff
from sessions_app.services.handoffs import carry_on
from sessions_app.tasks import carry_on_handoffs, tend_handoffs
from tests.integration.sessions_app.desk import instance_of, open_desk
from tests.integration.sessions_app.handing import STATE, fill
from tests.integration.world import NOW, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def session_id(team):
    opened = open_desk(team, "a1", "a2", state=STATE)
    fill(opened, "a1", now=timezone.now())
    fill(opened, "a2", now=timezone.now())
    return opened


@pytest.fixture
def here(session_id):
    return f"/api/v1/sessions/{session_id}/handoffs/"


def _post(team, path, body, key="k"):
    return team.client.post(path, body, format="json", headers={"Idempotency-Key": key})


def _begin(team, here, **changes):
    return _post(team, here, {"reason": "windows are full", **changes}, key="begin")


def _vote(team, here, agent, word="ready", **changes):
    return _post(team, f"{here}1/votes/", {"agent": agent, "epoch": 1, "vote": word, **changes}, key=f"{agent} {word}")


def test_a_handoff_from_its_beginning_to_the_successors(team, session_id, here):
    begun = _begin(team, here)
    assert (begun.status_code, begun.json()["phase"], begun.json()["number"]) == (201, "preparing", 1)
    carry_on_handoffs(session_id=str(session_id), newer="argument")
    assert team.client.get(f"{here}1/packages/a1/").json()["code"] == "not_packed"
    assert _vote(team, here, "a1").json()["phase"] == "coordinating"
    assert _vote(team, here, "a2").status_code == 200
    carry_on_handoffs(session_id=str(session_id))
    shown = team.client.get(f"{here}1/").json()
    assert (shown["phase"], shown["failure"], shown["rounds"]) == ("complete", "", 1)
    assert [(each["agent"], each["epoch_to"], each["vote"]) for each in shown["members"]] == [
        ("a1", 2, "ready"),
        ("a2", 2, "ready"),
    ]
    assert {each["name"] for each in shown["checks"]["agents"]["a1"]} == {
        "identity",
        "state",
        "roles",
        "decisions",
        "focus",
        "tokens",
        "room",
    }
    assert shown["plan"]["gain"]["tokens_all"] == 400
    assert not {"sorts", "luggage"} & set(shown["plan"])
    package = team.client.get(f"{here}1/packages/a1/").json()
    assert package["identity"]["role"] == "lead"
    assert [each["key"] for each in package["items"]["loaded"]] == ["rules", "m1"]
    assert package["state"]["value"] == STATE


def test_the_same_beginning_is_answered_once(team, here):
    first, again = _begin(team, here), _begin(team, here)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Handoff.objects.count() == 1


def test_handoffs_are_listed_newest_first(team, session_id, here):
    for number in (1, 2):
        _post(team, here, {"reason": f"reason {number}", "protocol": "emergency"}, key=f"{number}")
        carry_on(handoff_id=Handoff.objects.get(number=number).pk, now=NOW)
    listed = team.client.get(here).json()
    assert [each["number"] for each in listed["results"]] == [2, 1]
    assert [each["number"] for each in team.client.get(f"{here}?before=2").json()["results"]] == [1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "x", "protocol": "quick"}, "protocol"),
        ({"reason": "x", "votes": 3}, "votes"),
    ],
)
def test_bad_input_names_its_field_and_begins_nothing(team, here, body, field):
    answer = _post(team, here, body)
    assert answer.status_code in (400, 422)
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert not Handoff.objects.exists()


def test_refusals_of_votes_say_what_is_wrong(team, here):
    _begin(team, here)
    assert _vote(team, here, "a1", epoch=2).json()["code"] == "stale_epoch"
    assert _vote(team, here, "a1", "refused").json()["errors"][0]["field"] == "reason"
    assert _vote(team, here, "a1", "maybe").json()["errors"][0]["field"] == "vote"
    assert _vote(team, here, "nobody").status_code == 404
    assert [each["vote"] for each in team.client.get(f"{here}1/").json()["members"]] == ["", ""]


def test_an_abort_leaves_the_sources_and_can_be_read(team, session_id, here):
    _begin(team, here)
    answer = _post(team, f"{here}1/abort/", {"reason": "the flood is over"})
    assert (answer.status_code, answer.json()["phase"], answer.json()["failure"]) == (
        200,
        "aborted",
        "the flood is over",
    )
    assert instance_of(session_id, "a1").epoch == 1
    assert team.client.get(f"{here}1/packages/a1/").json()["code"] == "package_dropped"


def test_another_team_sees_and_changes_nothing(team, here):
    _begin(team, here)
    other = make_team("Other desk")
    for path in (here, f"{here}1/", f"{here}1/packages/a1/"):
        assert other.client.get(path).status_code == 404
    assert _begin(other, here).status_code == 404
    assert _vote(other, here, "a1").status_code == 404
    assert _post(other, f"{here}1/abort/", {"reason": "x"}).status_code == 404
    assert Handoff.objects.get().phase == "preparing"


def test_who_may_only_read_begins_nothing(session_id, here):
    reader = make_team("Reader", scopes=["sessions:read"])
    assert _begin(reader, here).status_code == 403
    assert not Handoff.objects.exists()


@pytest.mark.parametrize("number", [2, 2**40])
def test_an_unknown_number_is_not_found(team, here, number):
    assert team.client.get(f"{here}{number}/").status_code == 404


def test_the_tender_takes_up_what_is_under_way(team, here, settings):
    settings.CELERY_TASK_ALWAYS_EAGER = True
    _begin(team, here, protocol="emergency")
    tend_handoffs()
    carry_on_handoffs(session_id=str(Handoff.objects.get().session_id))
    assert Handoff.objects.get().phase == "complete"
