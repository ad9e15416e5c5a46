"""`/api/v1/alerts/` and `/emergencies/`: read by all, decided by those whom the administration trusts with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.alerts import AlertLevel, DisasterKind
from climate.models import Emergency
from climate.selectors import list_active_emergencies, list_alerts
from climate.services.alerts import keep_alerts
from tests.integration.climate.alert_examples import BODY, FLOOD, ORANGE
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
URL = "/api/v1/emergencies/"


@pytest.fixture(autouse=True)
def world(db, time_machine):
    time_machine.move_to(NOW, tick=False)
    load_world()


def fields_of(answer):
    assert answer.status_code == 422, answer.json()
    return {error["field"] for error in answer.json()["errors"]}


# --- reading ---------------------------------------------------------------------------------


def test_alerts_are_listed_with_what_became_of_them(owner):
    keep_alerts(source="gdacs", alerts=[FLOOD], is_complete=True, now=NOW)
    body = owner.get("/api/v1/alerts/").json()
    assert (body["next"], body["previous"]) == (None, None)
    row = body["results"][0]
    assert (row["source"], row["external_id"], row["level"], row["countries"]) == ("gdacs", "FL1103999", "red", ["BD"])
    assert (row["emergency_state"], row["emergency"]) == ("active", Emergency.objects.get().pk)
    assert row["last_seen_at"] == "2026-03-04T10:20:00Z"


def test_alerts_are_filtered(owner):
    others = [
        replace(ORANGE, external_id="EQ1", kind=DisasterKind.EARTHQUAKE, level=AlertLevel.GREEN, places=("ID", "IN")),
        replace(ORANGE, external_id="FL2", is_current=False, places=("IN",)),
    ]
    keep_alerts(source="gdacs", alerts=[FLOOD, *others], is_complete=True, now=NOW)

    def ids(query):
        return {row["external_id"] for row in owner.get(f"/api/v1/alerts/{query}").json()["results"]}

    assert ids("") == {"FL1103999", "EQ1"}
    assert ids("?current=true") == ids("")
    assert ids("?current=false") == {"FL2"}
    assert ids("?kind=earthquake") == {"EQ1"}
    assert ids("?level=red") == {"FL1103999"}
    assert ids("?country=IN") == {"EQ1"}
    assert ids("?country=IN&current=false") == {"FL2"}


def test_lists_come_a_page_at_a_time_and_none_is_cut_off(owner):
    events = [replace(FLOOD, external_id=f"FL{number}") for number in range(3)]
    keep_alerts(source="gdacs", alerts=events, is_complete=True, now=NOW)
    for name in ("alerts/?page_size=2", "emergencies/?page_size=2", "emergencies/?state=active&page_size=2"):
        first = owner.get(f"/api/v1/{name}").json()
        assert (len(first["results"]), first["previous"]) == (2, None)
        second = owner.get(first["next"]).json()
        assert (len(second["results"]), second["next"]) == (1, None)
        assert len({row["id"] for row in first["results"] + second["results"]}) == 3


def test_the_last_decided_comes_first(owner, trusted, time_machine):
    keep_alerts(source="gdacs", alerts=[ORANGE], is_complete=True, now=NOW)
    time_machine.move_to(NOW + timedelta(hours=1), tick=False)
    trusted.post(URL, BODY)

    def titles():
        return [row["title"] for row in owner.get(f"{URL}?state=proposed,active").json()["results"]]

    assert titles() == ["Flood in Sylhet", "Flood in Bangladesh"]
    time_machine.move_to(NOW + timedelta(hours=2), tick=False)
    proposed = Emergency.objects.get(state="proposed").pk
    assert trusted.post(f"{URL}{proposed}/confirm/", {"reason": "Yes."}).status_code == 200
    assert titles() == ["Flood in Bangladesh", "Flood in Sylhet"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("alerts/?kind=plague", "kind"),
        ("alerts/?level=purple", "level"),
        ("alerts/?country=XX", "country"),
        ("alerts/?current=maybe", "current"),
        ("emergencies/?state=over", "state"),
        ("emergencies/?state=", "state"),
        ("emergencies/?drills=2", "drills"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused_by_name(owner, query, field):
    answer = owner.get(f"/api/v1/{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_without_a_state_only_what_is_in_force_is_listed(owner, trusted, proposed):
    trusted.post(URL, BODY)
    trusted.post(URL, {**BODY, "title": "Drill", "is_drill": True, "ends_at": "2026-03-04T12:00:00Z"})

    def titles(query):
        return {row["title"] for row in owner.get(f"{URL}{query}").json()["results"]}

    assert titles("") == {"Flood in Sylhet"}
    assert titles("?drills=true") == {"Flood in Sylhet", "Drill"}
    assert titles("?state=proposed") == {"Flood in Bangladesh"}
    assert titles("?state=proposed,active") == {"Flood in Bangladesh", "Flood in Sylhet"}
    assert titles("?state=active&drills=true") == {"Flood in Sylhet", "Drill"}


def test_one_is_read_with_its_history_and_names_nobody(owner, trusted, proposed):
    trusted.post(f"{URL}{proposed}/confirm/", {"reason": "Seen from the bridge."})
    body = owner.get(f"{URL}{proposed}/").json()
    assert (body["state"], body["reason"], body["decided_by"]) == ("active", "Seen from the bridge.", "person")
    assert [(each["state"], each["by"]) for each in body["history"]] == [("active", "person"), ("proposed", "policy")]
    assert "key cw_" not in str(body)
    assert body["policy_version"] == 1


@pytest.mark.parametrize("number", [0, 999_999, 10**25])
def test_one_that_is_not_there_is_not_found(owner, trusted, number):
    assert owner.get(f"{URL}{number}/").status_code == 404
    assert trusted.post(f"{URL}{number}/lift/", {"reason": "x"}).status_code == 404


# --- deciding --------------------------------------------------------------------------------


def test_declaring_lifts_weights_from_now_on(trusted):
    answer = trusted.post(URL, BODY)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["state"], body["starts_at"], body["ends_at"]) == ("active", "2026-03-04T10:20:00Z", None)
    assert (body["decided_by"], body["alert"], body["policy_version"]) == ("person", None, None)
    assert [each.multiplier for each in list_active_emergencies(now=NOW)] == [5.0]
    assert Emergency.objects.get().decided_by.startswith("key cw_")


def test_a_drill_is_shown_as_one_and_lifts_nothing(trusted):
    answer = trusted.post(URL, {**BODY, "is_drill": True, "ends_at": "2026-03-04T12:00:00Z"})
    assert (answer.status_code, answer.json()["is_drill"]) == (201, True)
    assert list_active_emergencies(now=NOW) == []
    assert trusted.post(f"{URL}{answer.json()['id']}/lift/", {"reason": "Done."}).json()["state"] == "ended"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "plague"}, "kind"),
        ({"title": " "}, "title"),
        ({"countries": ["XX"]}, "countries"),
        ({"countries": ["bd"]}, "countries.0"),
        ({"countries": []}, "countries"),
        ({"purposes": ["disaster_respones"]}, "purposes"),
        ({"purposes": []}, "purposes"),
        ({"multiplier": 0.5}, "multiplier"),
        ({"multiplier": 101}, "multiplier"),
        ({"multiplier": True}, "multiplier"),
        ({"multiplier": "5"}, "multiplier"),
        ({"multiplier": 10**400}, "multiplier"),
        ({"title": "Flood \u202ecod.exe"}, "title"),
        ({"title": "Flood\u0007"}, "title"),
        ({"reason": "It is \u2066so"}, "reason"),
        ({"starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
        ({"starts_at": "2026-03-03T10:19:00Z"}, "starts_at"),
        ({"starts_at": "9000-01-01T00:00:00Z"}, "starts_at"),
        ({"ends_at": "9998-12-31T00:00:00Z"}, "ends_at"),
        ({"is_drill": True, "ends_at": "9998-12-31T00:00:00Z"}, "ends_at"),
        ({"starts_at": "2026-03-03T10:20:00Z", "ends_at": "2028-03-07T10:20:00Z"}, "ends_at"),
        ({"reason": ""}, "reason"),
        ({"ends_at": "2026-03-04T10:20:00Z"}, "ends_at"),
        ({"ends_at": "2026-03-05T10:20:00Z", "starts_at": "2026-03-06T10:20:00Z"}, "ends_at"),
        ({"is_drill": True}, "ends_at"),
        ({"drill": True}, "drill"),
        ({"state": "active"}, "state"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_and_declares_nothing(trusted, change, field):
    assert fields_of(trusted.post(URL, {**BODY, **change})) == {field}
    assert Emergency.objects.count() == 0


def test_lifting_keeps_why_it_was_declared_and_adds_why_it_was_lifted(trusted):
    declared = trusted.post(URL, BODY).json()
    lifted = trusted.post(f"{URL}{declared['id']}/lift/", {"reason": "The water fell."}).json()
    assert lifted["reason"] == f"{declared['reason']} Lifted: The water fell."
    assert [each["reason"] for each in lifted["history"]] == [lifted["reason"], declared["reason"]]


def test_a_proposal_is_confirmed_dismissed_or_left(trusted, proposed):
    assert trusted.post(f"{URL}{proposed}/lift/", {"reason": "x"}).status_code == 409
    answer = trusted.post(f"{URL}{proposed}/confirm/", {"reason": "Yes.", "keep": True})
    assert (answer.status_code, answer.json()["state"], answer.json()["is_kept_by_person"]) == (200, "active", True)
    assert trusted.post(f"{URL}{proposed}/dismiss/", {"reason": "x"}).status_code == 409
    answer = trusted.post(f"{URL}{proposed}/lift/", {"reason": "The water fell."})
    assert (answer.json()["state"], answer.json()["ends_at"]) == ("ended", "2026-03-04T10:20:00.000001Z")
    for action in ("lift", "confirm", "dismiss"):
        refused = trusted.post(f"{URL}{proposed}/{action}/", {"reason": "Again."})
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert Emergency.objects.get().reason == "Yes. Lifted: The water fell."


def test_a_dismissed_proposal_says_so(trusted, proposed):
    answer = trusted.post(f"{URL}{proposed}/dismiss/", {"reason": "A test of the feed."})
    assert (answer.status_code, answer.json()["state"]) == (200, "dismissed")
    assert list_alerts()[0].emergency_state == "dismissed"


def test_a_persons_own_emergency_needs_no_confirmation(trusted):
    emergency_id = trusted.post(URL, BODY).json()["id"]
    assert trusted.post(f"{URL}{emergency_id}/confirm/", {"reason": "x"}).status_code == 409


@pytest.mark.parametrize("body", [{}, {"reason": "  "}, {"reason": "x", "force": True}])
@pytest.mark.parametrize("action", ["confirm", "dismiss", "lift"])
def test_every_decision_has_a_reason_and_nothing_unknown(trusted, proposed, action, body):
    assert fields_of(trusted.post(f"{URL}{proposed}/{action}/", body)) <= {"reason", "force"}
    assert Emergency.objects.get().state == "proposed"


def test_one_that_has_not_begun_is_not_lifted(trusted):
    emergency_id = trusted.post(URL, {**BODY, "starts_at": "2026-03-05T00:00:00Z"}).json()["id"]
    assert trusted.post(f"{URL}{emergency_id}/lift/", {"reason": "x"}).status_code == 409
