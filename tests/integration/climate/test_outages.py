"""Outages and maintenance: who may enter them, what they change, and how they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.scopes import ALL_SCOPES, SCOPES_OF_ROLE, Scope
from climate.events import OutageChanged
from climate.models import LatencyBand, LatencyFigure, RegionOutage
from climate.selectors import get_outage, list_entered_reach_km, list_outages, list_reach_km
from climate.services.outages import NewOutage, add_outage, end_outage
from config.kernel.errors import Conflict
from config.kernel.events import subscribe
from tests.integration.world import NOW, load_world, make_team

pytestmark = pytest.mark.django_db
URL = "/api/v1/outages/"
BODY = {"region": "aws-eu-north-1", "kind": "outage", "capacity_share": 0.25, "reason": "Cooling failed (status page)"}
HOUR = NOW.replace(minute=0)


@pytest.fixture(autouse=True)
def world(db, time_machine):
    time_machine.move_to(NOW, tick=False)
    load_world()


@pytest.fixture
def operator():
    return make_team("Operators", scopes=[Scope.CLIMATE_READ, Scope.CAPACITY_WRITE]).client


def in_force(hour=HOUR):
    return [each.id for each in list_outages(start=hour, end=hour + timedelta(hours=1))]


def test_the_power_over_capacity_is_in_no_role(owner):
    assert Scope.CAPACITY_WRITE not in ALL_SCOPES
    assert all(Scope.CAPACITY_WRITE not in scopes for scopes in SCOPES_OF_ROLE.values())
    assert owner.post(URL, BODY).status_code == 403
    assert not RegionOutage.objects.exists()
    assert owner.get(URL).status_code == 200


def test_an_outage_is_entered_told_and_kept_with_its_author(operator, django_capture_on_commit_callbacks):
    told = []
    subscribe(OutageChanged, told.append)
    with django_capture_on_commit_callbacks(execute=True):
        made = operator.post(URL, BODY)
    assert made.status_code == 201
    body = made.json()
    assert (body["region"], body["model_class"], body["ends_at"]) == ("aws-eu-north-1", None, None)
    assert (body["starts_at"], body["capacity_share"]) == ("2026-03-04T10:20:00Z", 0.25)
    assert in_force() == [body["id"]]
    assert get_outage(body["id"]).author.startswith("key")
    assert [(each.outage_id, each.region) for each in told] == [(body["id"], "aws-eu-north-1")]
    assert RegionOutage.history.get().history_change_reason.startswith("entered: Cooling failed")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"region": "atlantis-1"}, "region"),
        ({"model_class": "XXXL"}, "model_class"),
        ({"kind": "strike"}, "kind"),
        ({"capacity_share": 1}, "capacity_share"),
        ({"capacity_share": -0.1}, "capacity_share"),
        ({"capacity_share": "half"}, "capacity_share"),
        ({"reason": " "}, "reason"),
        ({"starts_at": "2025-01-01T00:00:00Z"}, "starts_at"),
        ({"starts_at": "2030-01-01T00:00:00Z"}, "starts_at"),
        ({"ends_at": "2026-03-04T10:20:00Z"}, "ends_at"),
        ({"ends_at": "2030-01-01T00:00:00Z"}, "ends_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_and_stores_nothing(operator, change, field):
    answer = operator.post(URL, {**BODY, **change})
    assert answer.status_code == 422, answer.json()
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not RegionOutage.objects.exists()


def test_ending_it_frees_the_hours_to_come_and_only_once(operator, time_machine):
    outage_id = operator.post(URL, BODY).json()["id"]
    time_machine.move_to(NOW + timedelta(hours=1), tick=False)
    ended = operator.post(f"{URL}{outage_id}/end/", {"reason": "Mended"})
    assert (ended.status_code, ended.json()["ends_at"]) == (200, "2026-03-04T11:20:00Z")
    assert in_force(HOUR + timedelta(hours=1)) == [outage_id]
    assert in_force(HOUR + timedelta(hours=2)) == []
    again = operator.post(f"{URL}{outage_id}/end/", {"reason": "Mended"})
    assert again.status_code == 409
    assert get_outage(outage_id).ends_at == NOW + timedelta(hours=1)


def test_maintenance_that_has_not_begun_is_withdrawn_and_never_counts(operator):
    later = (NOW + timedelta(hours=5)).isoformat()
    made = operator.post(URL, {**BODY, "kind": "maintenance", "starts_at": later}).json()
    assert in_force(HOUR + timedelta(hours=5)) == [made["id"]]
    ended = operator.post(f"{URL}{made['id']}/end/", {"reason": "Postponed"}).json()
    assert ended["is_withdrawn"] is True
    assert in_force(HOUR + timedelta(hours=5)) == []
    with pytest.raises(Conflict):
        end_outage(outage_id=made["id"], reason="again", by="test", now=NOW)


def test_the_list_shows_what_is_not_over_by_region(operator):
    first = add_outage(NewOutage(**BODY, ends_at=NOW + timedelta(hours=1)), by="test", now=NOW - timedelta(hours=1))
    over = add_outage(NewOutage(**BODY, ends_at=NOW), by="test", now=NOW - timedelta(hours=1))

    def ids(query=""):
        return {row["id"] for row in operator.get(f"{URL}{query}").json()["results"]}

    assert ids() == ids("?region=aws-eu-north-1") == {first}
    assert ids("?current=false") == {first, over}
    assert ids("?region=aws-us-east-1") == set()
    assert operator.get(f"{URL}?region=atlantis").status_code == 404


def test_reach_is_the_distance_until_somebody_enters_a_time():
    plain = list_reach_km(["BD", "DE"])
    assert plain["DE", "aws-eu-central-1"] < plain["BD", "aws-eu-central-1"]
    assert list_entered_reach_km(["BD", "DE"]) == {}
    LatencyFigure.objects.create(country_id="BD", region_id="aws-eu-central-1", round_trip_ms=72, source="ping")
    entered = list_reach_km(["BD", "DE"])
    assert entered["BD", "aws-eu-central-1"] == 4000
    assert {pair for pair in plain if plain[pair] != entered[pair]} == {("BD", "aws-eu-central-1")}


def test_without_a_table_an_entered_time_changes_nothing():
    LatencyFigure.objects.create(country_id="BD", region_id="aws-eu-central-1", round_trip_ms=72, source="ping")
    LatencyBand.objects.all().delete()
    assert list_entered_reach_km(["BD"]) == {}
