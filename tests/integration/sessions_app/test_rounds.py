"""Rounds of several agents, over the API."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions_app.models import Archive, Event, Fact, Round, Turn
from sessions_app.selectors import rounds as rounds_read
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.exports import export_session
from sessions_app.selectors.rounds import list_rounds
from sessions_app.services.rounds import archive_old_turns
from tests.integration.sessions_app.desk import open_desk
from tests.integration.world import load_world, make_team

pytestmark = pytest.mark.django_db
AGENTS = ("ana", "ben", "eve")
TOPIC = "Should the warning for Sylhet go out tonight?"
WORDS = {
    "ana": "Send it: the gauge rose by half a metre.",
    "ben": "People need a night to move their cattle.",
    "eve": "Two models out of three see the crest tomorrow.",
}


@pytest.fixture
def team():
    load_world()
    return make_team()


class Table:
    """A session with a round, spoken to over the API."""

    def __init__(self, team, *agents):
        self.client = team.client
        self.session_id = open_desk(team, *(agents or AGENTS))
        self.keys = 0
        answer = self.post(f"/api/v1/sessions/{self.session_id}/rounds/", {"topic": TOPIC})
        assert answer.status_code == 201, answer.json()
        self.url = f"/api/v1/sessions/{self.session_id}/rounds/{answer.json()['id']}/"

    def post(self, url, body):
        self.keys += 1
        return self.client.post(url, body, headers={"Idempotency-Key": f"key {self.session_id} {self.keys}"})

    def read(self, agent=None):
        return self.client.get(self.url, {"agent": agent} if agent else {}).json()

    def say(self, agent, stance="agree", confidence=0.8, text=None, **more):
        reason = "" if stance == "agree" else "The last warning was false."
        body = {"agent": agent, "epoch": 1, "stance": stance, "confidence": confidence, "reason": reason}
        return self.post(f"{self.url}turns/", {**body, "text": text or WORDS[agent], **more})

    def close(self, **body):
        return self.post(f"{self.url}close/", body)


def test_the_first_cycle_is_blind_until_all_have_answered(team):
    table = Table(team)
    table.say("ana", "dissent")
    table.say("ben")
    assert (table.read()["turns"], table.read()["is_blind"]) == ([], True)
    (own,) = table.read("ana")["turns"]
    assert (own["agent"], own["marks"]) == ("ana", [])
    assert (table.read()["waiting_for"], table.read()["next_agent"]) == (["eve"], None)
    told = Event.objects.filter(kind="round.turn").values_list("facts", flat=True)
    assert all("stance" not in facts for facts in told)
    table.say("eve")
    body = table.read()
    assert (body["cycle"], body["is_blind"], len(body["turns"]), len(body["heard"])) == (2, False, 3, 3)


def test_later_the_least_sure_speaks_first(team):
    table = Table(team)
    for agent, stance, confidence in (("ana", "agree", 0.9), ("ben", "dissent", 0.4), ("eve", "dissent", 0.7)):
        table.say(agent, stance, confidence)
    assert table.read()["waiting_for"] == ["ben", "eve", "ana"]
    refused = table.say("ana", text="Now I would speak.")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_your_turn")
    assert refused.json()["next_agent"] == "ben"
    assert Turn.objects.count() == 3
    assert table.say("ben", text="The cattle are safe by now.").status_code == 201
    assert table.read()["next_agent"] == "eve"


def test_a_round_closes_by_quorum_and_keeps_the_dissent_with_its_reason(team):
    table = Table(team)
    table.say("ana")
    table.say("ben", "dissent", 0.2)
    table.say("eve")
    body = table.read()
    assert (body["status"], body["outcome"]["decision"], body["outcome"]["why"]) == ("closed", "agree", "quorum")
    assert body["outcome"]["dissents"] == [
        {"agent": "ben", "cycle": 1, "confidence": 0.2, "reason": "The last warning was false."}
    ]
    facts = dict(Fact.objects.values_list("kind", "text"))
    assert facts["dissent"].endswith("The last warning was false.")
    assert TOPIC in facts["decision"]
    refused = table.say("ana")
    assert (refused.status_code, refused.json()["code"]) == (409, "round_closed")


def test_an_unmarked_dissent_keeps_a_round_open_and_is_raised(team):
    table = Table(team, "ana", "ben")
    table.say("ana", text="The levee at Sylhet holds until Thursday noon.")
    table.say("ben", text="The levee at Sylhet never holds until Thursday noon.")
    body = table.read()
    assert (body["status"], body["cycle"]) == ("open", 2)
    assert [[mark["kind"] for mark in turn["marks"]] for turn in body["turns"]] == [["negation"], ["negation"]]
    assert body["turns"][0]["marks"][0]["agent"] == "ben"


def test_a_repeat_is_kept_but_not_read_out_again(team):
    table = Table(team, "ana", "ben")
    table.say("ana", "dissent", text=WORDS["ana"])
    table.say("ben", text=WORDS["ana"])
    body = table.read()
    assert len(body["turns"]) == 2
    assert [turn["agent"] for turn in body["heard"]] == ["ana"]


def test_a_round_in_which_nobody_moves_any_more_closes_as_stalled(team):
    table = Table(team, "ana", "ben")
    for confidence in (0.5, 0.5):
        table.say("ana", "dissent", confidence)
        table.say("ben", "agree", confidence)
    assert table.read()["outcome"]["why"] == "stalled"
    assert table.read()["outcome"]["decision"] == "none"


def test_a_round_ends_after_the_most_cycles_of_its_policy(team):
    table = Table(team, "ana", "ben")
    for doubt, hope in zip(("gauge", "crest", "wind", "moon"), ("boats", "radio", "school", "road"), strict=True):
        table.say("ana", "dissent", 0.5, text=f"The {doubt} speaks against it")
        table.say("ben", "agree", 0.5, text=f"A {hope} is ready now")
    outcome = table.read()["outcome"]
    assert (outcome["why"], outcome["cycles"]) == ("most_cycles", 4)


def test_what_was_right_calibrates_the_next_round(team):
    for _ in range(4):
        table = Table(team, "ana", "ben")
        table.say("ana", "agree", 0.95)
        table.say("ben", "dissent", 0.6)
        assert table.close(verdict="dissent", reason="The crest came two days later.").status_code == 200
    table = Table(team, "ana", "ben")
    table.say("ana", "agree", 0.95)
    table.say("ben", "dissent", 0.6)
    ana, ben = table.read()["speakers"]
    assert (ana["answers"], ana["brier"]) == (4, pytest.approx(0.95**2))
    assert (ana["calibration"], ana["confidence"]) == (0.0, 0.5)
    assert ben["confidence"] > 0.6
    assert table.read()["waiting_for"] == ["ana", "ben"]


def test_a_round_that_closed_by_itself_can_be_given_its_verdict_once(team):
    table = Table(team, "ana", "ben")
    table.say("ana")
    table.say("ben")
    assert table.close().json()["code"] == "round_closed"
    assert table.close(verdict="agree").json()["errors"][0]["field"] == "reason"
    assert table.close(verdict="agree", reason="The flood came.").json()["outcome"]["verdict"] == "agree"
    assert table.close(verdict="dissent", reason="No.").status_code == 409
    assert Round.objects.get().outcome["verdict"] == "agree"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"stance": "maybe"}, "stance"),
        ({"confidence": 1.5}, "confidence"),
        ({"text": "  "}, "text"),
        ({"stance": "dissent", "reason": " "}, "reason"),
        ({"stance": "abstain"}, "reason"),
        ({"epoch": 2}, "epoch"),
        ({"agent": "zoe"}, "agent"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_malformed_turn_names_its_field_and_is_not_stored(team, change, field):
    table = Table(team)
    body = {"agent": "ana", "epoch": 1, "stance": "agree", "confidence": 0.5, "text": "x", **change}
    answer = table.post(f"{table.url}turns/", body)
    assert answer.status_code in (400, 404, 409, 422)
    assert field in str(answer.json())
    assert not Turn.objects.exists()


@pytest.mark.parametrize("agents", [["ana"], ["ana", "zoe"], ["ana", "ana"]])
def test_a_round_needs_two_agents_of_the_session(team, agents):
    session_id = open_desk(team, "ana", "ben")
    body = {"topic": TOPIC, "agents": agents}
    answer = team.client.post(f"/api/v1/sessions/{session_id}/rounds/", body, headers={"Idempotency-Key": "k"})
    assert answer.json()["errors"][0]["field"] == "agents"
    assert not Round.objects.exists()


def test_who_has_spoken_waits_for_the_next_cycle(team):
    table = Table(team)
    table.say("ana")
    refused = table.say("ana", text="One more thing.")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_spoken")
    assert Turn.objects.count() == 1


def test_the_same_turn_sent_twice_is_one(team):
    table = Table(team)
    body = {"agent": "ana", "epoch": 1, "stance": "agree", "confidence": 0.5, "text": "x"}
    answers = [table.client.post(f"{table.url}turns/", body, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert Turn.objects.count() == 1


def test_another_teams_rounds_do_not_exist(team):
    table, other = Table(team), make_team("Others").client
    assert other.get(table.url).status_code == 404
    body = {"agent": "ana", "epoch": 1, "stance": "agree", "confidence": 0.5, "text": "x"}
    assert other.post(f"{table.url}turns/", body, headers={"Idempotency-Key": "k"}).status_code == 404


def test_old_turns_leave_for_an_archive_and_their_reasons_stay(team):
    table = Table(team, "ana", "ben")
    table.say("ana", "dissent", 0.5)
    table.say("ben", "agree", 0.5)
    later = timezone.now() + timedelta(minutes=6)
    assert archive_old_turns(now=later) == 2
    turn, archive = Turn.objects.get(agent="ana"), Archive.objects.get(kind="turn", agent="ana")
    assert (turn.text, turn.archive_id, read_body(archive)) == ("", archive.pk, WORDS["ana"])
    assert turn.reason == "The last warning was false."
    assert Event.objects.filter(kind="tier.moved").count() == 1
    assert archive_old_turns(now=later) == 0
    table.say("ana", "dissent", 0.5, text=WORDS["ana"])
    assert [mark["kind"] for mark in table.read()["turns"][2]["marks"]] == ["repeat"]
    assert [turn["agent"] for turn in table.read()["heard"]] == ["ana"]


def test_what_was_said_blind_stays_out_of_archives_until_all_have_answered(team):
    table = Table(team)
    table.say("ana", "dissent")
    assert archive_old_turns(now=timezone.now() + timedelta(minutes=6)) == 0
    assert not Archive.objects.exists()


def test_what_was_said_blind_is_in_no_export_until_all_have_answered(team):
    table = Table(team, "ana", "ben")
    table.say("ana", "dissent", text="The gauge is broken.")
    assert "gauge is broken" not in json.dumps(export_session(table.session_id, now=timezone.now()))
    table.say("ben", "agree")
    assert "gauge is broken" in json.dumps(export_session(table.session_id, now=timezone.now()))


def test_rounds_are_listed_newest_first_in_pages(team):
    table = Table(team)
    for _ in range(21):
        answer = table.post(f"/api/v1/sessions/{table.session_id}/rounds/", {"topic": "Another"})
        if answer.status_code == 409:
            break
    assert answer.json()["code"] == "too_many_rounds"
    listed = table.client.get(f"/api/v1/sessions/{table.session_id}/rounds/").json()
    assert (len(listed["results"]), listed["next"]) == (20, None)
    closed = table.client.get(f"/api/v1/sessions/{table.session_id}/rounds/", {"status": "closed"}).json()
    assert closed["results"] == []


def test_a_round_closed_before_most_have_spoken_decides_nothing(team):
    table = Table(team)
    table.say("ana")
    assert table.close().status_code == 200
    outcome = table.read()["outcome"]
    assert (outcome["decision"], outcome["agree"], outcome["why"]) == ("none", 1, "closed")
    assert not Fact.objects.filter(kind="decision").exists()


def test_many_rounds_are_listed_with_the_statements_of_one(team, django_assert_num_queries):
    table = Table(team)
    url = f"/api/v1/sessions/{table.session_id}/rounds/"
    session_id = UUID(str(table.session_id))
    table.say("ana")
    with CaptureQueriesContext(connection) as of_one:
        list_rounds(session_id, page=1, limit=20)
    statements = len(of_one)
    for number in range(5):
        table.post(url, {"topic": f"Matter {number}"})
    with django_assert_num_queries(statements):
        found = list_rounds(session_id, page=1, limit=20)
    assert [each.topic for each in found][-1] == TOPIC
    assert [each.topic for each in found[:5]] == [f"Matter {number}" for number in range(4, -1, -1)]
    assert found[-1].waiting_for == ["ben", "eve"]


def test_an_agent_is_calibrated_by_its_own_newest_answers_however_much_others_said(team, monkeypatch):
    monkeypatch.setattr(rounds_read, "MOST_PAST_TURNS", 2)
    for _ in range(3):
        table = Table(team, "ana", "ben")
        table.say("ana")
        table.say("ben")
        table.close(verdict="agree", reason="It came.")
    past = rounds_read.answers_of(team.team_id, ["ana", "ben", "eve"])
    assert {agent: len(answers) for agent, answers in past.items()} == {"ana": 2, "ben": 2}
