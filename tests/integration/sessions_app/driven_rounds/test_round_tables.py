"""Round tables and driven rounds over the API."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from config.kernel.errors import Unavailable
from sessions_app import tasks
from sessions_app.models import Deployment, Event, Instance, Round, RoundRun, RoundTable
from sessions_app.services.gateway.reference import load_deployments
from sessions_app.services.rounds import running
from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.driven_rounds.panel import MEMBERS, Panel, chosen
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db
TABLES = "/api/v1/round-tables/"
VALUES = {"safety": 0.6, "speed": 0.4}
TABLE = {"name": "flood-desk", "members": [{**MEMBERS[0], "serves": ["safety"]}, MEMBERS[1]], "values": VALUES}
QUESTION = "Should the warning for Sylhet go out tonight?"


@pytest.fixture
def url(team):
    return f"/api/v1/sessions/{open_desk(team)}/rounds/"


def post(team, url, body, key="one"):
    return team.client.post(url, body, format="json", headers={"Idempotency-Key": key})


def test_a_table_is_set_read_and_removed(team):
    answer = post(team, TABLES, TABLE)
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert [each["priority"] for each in body["members"]] == [0.6, 0.0]
    assert body["reflective_model"] == "wise"
    assert team.client.get(TABLES).json()["results"] == [body]
    assert team.client.get(f"{TABLES}flood-desk/").json() == body
    assert team.client.delete(f"{TABLES}flood-desk/").status_code == 204
    assert team.client.get(f"{TABLES}flood-desk/").status_code == 404
    assert team.client.delete(f"{TABLES}flood-desk/").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"members": [MEMBERS[0]]}, "members"),
        ({"members": [MEMBERS[0], MEMBERS[0]]}, "members"),
        ({"members": [MEMBERS[0], {"name": "ben", "model": "unheard"}]}, "members"),
        ({"members": [MEMBERS[0], {"name": "ben"}]}, "members"),
        ({"reflective_model": "unheard"}, "reflective_model"),
        ({"values": {"safety": 0.5}}, "values"),
        ({"values": {"safety": "nan", "speed": 1}}, "values"),
        ({"values": {"safety": 1, "sp\0eed": 0}}, "values"),
        ({"name": "no slug"}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_table_that_cannot_be_set_names_what_is_wrong_and_is_not_kept(team, change, field):
    answer = post(team, TABLES, {**TABLE, **change})
    assert answer.status_code == 422, answer.json()
    assert field in str(answer.json())
    assert not RoundTable.objects.exists()


def test_a_name_is_taken_once_in_a_team(team):
    post(team, TABLES, TABLE)
    again = post(team, TABLES, {**TABLE, "values": {}, "members": MEMBERS}, key="two")
    assert (again.status_code, again.json()["code"]) == (409, "name_in_use")
    assert len(RoundTable.objects.get().members) == 2
    assert post(make_team("Others"), TABLES, TABLE).status_code == 201


def test_the_table_of_another_team_is_not_there(team, url):
    post(make_team("Others"), TABLES, TABLE)
    assert team.client.get(TABLES).json()["results"] == []
    assert team.client.get(f"{TABLES}flood-desk/").status_code == 404
    assert team.client.delete(f"{TABLES}flood-desk/").status_code == 404
    refused = post(team, url, {"question": QUESTION, "table": "flood-desk", "run": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_table")
    assert RoundTable.objects.count() == 1
    assert not Round.objects.exists()


def test_a_question_to_a_table_is_accepted_and_then_driven(team, url, django_capture_on_commit_callbacks):
    post(team, TABLES, TABLE, key="table")
    with patch.object(tasks.drive_round, "apply_async") as sent, django_capture_on_commit_callbacks(execute=True):
        answer = post(team, url, {"question": QUESTION, "table": "flood-desk", "run": True, "most_tokens": 50_000})
        again = post(team, url, {"question": QUESTION, "table": "flood-desk", "run": True, "most_tokens": 50_000})
    assert answer.status_code == 202, answer.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    body = answer.json()
    assert (body["status"], body["run"]["status"], body["run"]["most_tokens"]) == ("open", "queued", 50_000)
    assert [call.kwargs["kwargs"] for call in sent.call_args_list] == [{"round_id": body["id"]}]
    panel = Panel({"choice": chosen("ben")})
    at_once = patch("sessions_app.tasks.threads.set_off", side_effect=lambda work: work())
    with patch("sessions_app.tasks.line_of_gateway", return_value=panel), at_once:
        tasks.drive_round(round_id=body["id"])
    done = team.client.get(f"{url}{body['id']}/").json()
    run = done["run"]
    assert (done["status"], run["status"], run["chosen_agent"], run["answer"]) == (
        "closed",
        "finished",
        "ben",
        "Send it.",
    )
    assert (run["spent"]["tokens"], run["single"]["tokens"], run["times_single"]) == (360, 120, 3.0)
    assert run["single"]["g"] == "0.5"
    assert done["outcome"]["choice"]["reason"] == "It names the gauge."
    assert team.client.get(url).json()["results"] == [done]


def test_the_echo_gets_no_seat_and_nothing_begins(team, url):
    load_deployments(now=NOW)
    echoes = [{**each, "model": "echo"} for each in MEMBERS]
    for where, body in (
        (TABLES, {"name": "desk", "members": echoes}),
        (TABLES, {**TABLE, "reflective_model": "echo"}),
        (url, {"question": QUESTION, "members": [MEMBERS[0], echoes[1]], "run": True}),
    ):
        refused = post(team, where, body, key=str(body))
        assert (refused.status_code, refused.json()["code"]) == (422, "no_model"), refused.json()
        assert "takes no stance" in refused.json()["detail"]
    assert not RoundTable.objects.exists()
    assert not Round.objects.exists()


def test_a_question_says_where_its_words_may_go_and_that_is_kept(team, url):
    country = Deployment.objects.get(served_name="wise").region.country_id
    body = {"question": QUESTION, "members": MEMBERS, "run": True}
    said = {"residency": [country, country], "latency_class": "regional"}
    answer = post(team, url, body | said)
    assert answer.status_code == 202, answer.json()
    run = answer.json()["run"]
    assert (run["residency"], run["latency_class"]) == ([country], "regional")
    plain = post(team, url, body, key="two").json()["run"]
    assert (plain["residency"], plain["latency_class"]) == (None, "anywhere")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"residency": ["de"]}, "residency", "invalid"),
        ({"residency": []}, "residency", "empty"),
        ({"residency": "DE"}, "residency", "not_a_list"),
        ({"residency": ["ZZ"]}, "residency", "no_model_there"),
        ({"latency_class": "near"}, "latency_class", "invalid_choice"),
    ],
)
def test_where_words_may_not_go_is_refused_by_its_field_and_nothing_begins(team, url, change, field, code):
    answer = post(team, url, {"question": QUESTION, "members": MEMBERS, "run": True, **change})
    assert answer.status_code == 422, answer.json()
    assert [(each["field"].split(".")[0], each["code"]) for each in answer.json()["errors"]] == [(field, code)]
    assert not Round.objects.exists()


def test_a_topic_has_no_words_that_the_gateway_sends_anywhere(team, url):
    answer = post(team, url, {"topic": QUESTION, "residency": ["DE"], "latency_class": "regional"})
    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == {"residency", "latency_class"}


def test_whoever_watches_a_round_learns_that_it_began_and_that_it_failed(team, url, django_capture_on_commit_callbacks):
    post(team, url, {"question": QUESTION, "members": MEMBERS, "run": True})
    round_id = RoundRun.objects.get().pk
    down = Panel({f"{cycle}:{each['name']}": Unavailable("down") for cycle in (1, 2) for each in MEMBERS})
    with django_capture_on_commit_callbacks() as committed:
        running.carry_on_run(round_id=round_id, call=down, clock=lambda: NOW)
    for told in (committed[0], committed[-1]):  # claimed; failed, which no line of the session's log says
        with patch("dashboard.subscribers.push") as push:
            told()
        assert (push.call_args.args[1]["sections"], push.call_args.args[1]["team_id"]) == (["sessions"], team.team_id)
    assert RoundRun.objects.get().error.startswith("Nobody gave an answer.")


def test_members_can_be_named_without_a_table(team, url):
    body = {"question": QUESTION, "members": TABLE["members"], "values": VALUES, "run": True}
    assert post(team, url, body).status_code == 202
    assert RoundRun.objects.get().table["name"] == ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"run": True, "members": MEMBERS}, "question"),
        ({"run": True, "question": QUESTION}, "table"),
        ({"run": True, "question": QUESTION, "table": "flood-desk", "members": MEMBERS}, "table"),
        ({"run": True, "question": QUESTION, "values": VALUES}, "members"),
        ({"run": True, "question": QUESTION, "members": MEMBERS, "topic": "x"}, "topic"),
        ({"run": True, "question": QUESTION, "members": MEMBERS, "most_tokens": 5}, "most_tokens"),
        ({"run": True, "question": QUESTION, "members": MEMBERS, "purpose": "fun"}, "purpose"),
        ({"question": QUESTION}, "topic"),
        ({"topic": QUESTION, "members": MEMBERS}, "members"),
        ({"topic": QUESTION, "most_tokens": 5}, "most_tokens"),
    ],
)
def test_a_round_that_is_neither_one_kind_nor_the_other_begins_nothing(team, url, body, field):
    answer = post(team, url, body)
    assert answer.status_code == 422, answer.json()
    assert field in str(answer.json())
    assert not Round.objects.exists()
    assert not Instance.objects.exists()


def test_a_driven_round_needs_the_scope_to_spend(team):
    poor = make_team("Readers", scopes=["sessions:read", "sessions:write"])
    url = f"/api/v1/sessions/{open_desk(poor)}/rounds/"
    answer = post(poor, url, {"question": QUESTION, "members": MEMBERS, "run": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert not Round.objects.exists()


def test_the_session_of_another_team_is_not_there(team, url):
    answer = post(make_team("Others"), url, {"question": QUESTION, "members": MEMBERS, "run": True})
    assert answer.status_code == 404
    assert not Round.objects.exists()
    assert not Event.objects.filter(kind="round.begun").exists()


def test_rounds_that_nobody_drives_are_taken_up(team, url):
    post(team, url, {"question": QUESTION, "members": MEMBERS, "run": True})
    run = RoundRun.objects.get()
    with patch.object(tasks.drive_round, "apply_async") as sent:
        tasks.tend_rounds()
        RoundRun.objects.update(created_at=run.created_at.replace(year=2020))
        assert not sent.called
        tasks.tend_rounds()
    assert sent.call_args.kwargs["kwargs"] == {"round_id": str(run.pk)}
