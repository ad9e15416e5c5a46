"""`/api/v1/allocation/`: runs, the plan in force, its fairness and savings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from climate.models import CarbonReading, GridZone
from market.models import AllocationRun
from market.selectors import get_fairness, get_run_savings, get_savings
from market.services import settle, take_up
from tests.integration.market.planned_work import ask, only_room, run
from tests.integration.server.test_schema import check
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
HOUR = NOW.replace(minute=0) + timedelta(hours=1)
RUNS = "/api/v1/allocation/runs/"


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


@pytest.fixture
def planned(team, budget):
    """Two parties that ask for more than there is, and a plan for them."""
    only_room(1000)
    window = {"earliest": HOUR, "latest": HOUR + timedelta(minutes=59)}
    asked = [ask(team.principal, **window), ask(team.principal, purpose="climate_adaptation", **window)]
    return asked, run(now=NOW + timedelta(minutes=1))


def test_runs_are_listed_newest_first_with_misses_beside_grams(team, planned):
    run(now=NOW + timedelta(minutes=2))
    body = team.client.get(RUNS).json()
    first, second = body["results"]
    assert (body["next"], body["previous"]) == (None, None)
    assert (first["id"] > second["id"], second["is_current"]) == (True, True)
    assert second["planned_tokens"] + second["missed_tokens"] == second["asked_tokens"] == 2000
    assert second["planned_g"] > 0
    assert second["reference"] == "run now at home region, as far as it has room"
    older = team.client.get(RUNS, {"before": first["id"]}).json()
    assert [each["id"] for each in older["results"]] == [second["id"]]


def test_a_run_has_its_record_and_its_bound_is_labelled_as_none_to_claim(team, planned):
    _, done = planned
    body = team.client.get(f"{RUNS}{done.run_id}/").json()
    assert len(body["fingerprint"]) == 64
    assert body["solver"]
    assert body["seconds"]
    assert body["hour_count"] == 48
    assert body["bound_label"] == "ignores capacity: a bound, never a saving"
    assert body["label"] == "estimated, unverified"
    assert body["record"]["misses"]["full"]["tokens"] == body["missed_tokens"]
    assert body["savings"]["measured"]["tokens"] == 0


def test_the_plan_in_force_is_told_cell_by_cell_and_can_be_narrowed(team, planned):
    body = team.client.get("/api/v1/allocation/plan/", {"region": "aws-eu-north-1", "model_class": "L"}).json()
    assert len(body["cells"]) == 48
    cell = next(each for each in body["cells"] if each["starts_at"] == "2026-03-04T11:00:00Z")
    assert (cell["capacity_tokens"], cell["promised_tokens"], cell["city"]) == (1000, 0, "Stockholm")
    assert cell["planned_tokens"] + cell["kept_tokens"] + cell["free_tokens"] == 1000
    assert cell["planned_tokens"] > 900
    assert cell["intensity_g_per_kwh"] > 0
    assert cell["basis"]
    hour = {"since": "2026-03-04T11:00:00Z", "until": "2026-03-04T12:00:00Z", "model_class": "L"}
    narrow = team.client.get("/api/v1/allocation/plan/", hour).json()
    assert {each["starts_at"] for each in narrow["cells"]} == {"2026-03-04T11:00:00Z"}


def test_fairness_tells_each_party_with_the_policy_and_without(team, planned):
    _, done = planned
    body = team.client.get("/api/v1/allocation/fairness/").json()
    assert body == team.client.get(f"{RUNS}{done.run_id}/fairness/").json()
    parties = {each["purpose"]: each for each in body["parties"]}
    heavy, light = parties["climate_adaptation"], parties["general_ai_research"]
    assert heavy["weight"] > light["weight"]
    assert heavy["service_tokens"] > light["service_tokens"] > 0
    assert heavy["served_per_weight"] == pytest.approx(light["served_per_weight"], rel=0.05)
    assert body["with_policy"]["minimum_share"] == pytest.approx(light["served_share"])
    assert body["with_policy"]["weighted_jain"] == pytest.approx(1.0, abs=0.01)
    assert body["without_policy"]["service_tokens"] >= 0
    assert any(
        "aws-eu-north-1 (Stockholm) 2026-03-04 11:00 UTC was full" in each["bottleneck"] for each in body["levels"]
    )


def test_a_run_that_kept_the_plan_before_tells_its_fairness(team, planned):
    again = run(now=NOW + timedelta(minutes=2))
    assert again.is_kept
    assert get_fairness(again.run_id).parties == get_fairness().parties


def test_teams_see_aggregates_and_no_request_of_another(planned):
    stranger = make_team("Other")
    for address in ("runs/", "fairness/", "plan/", "savings/"):
        body = stranger.client.get(f"/api/v1/allocation/{address}")
        assert body.status_code == 200
        assert not any(str(request.pk) in body.content.decode() for request in planned[0])
    assert stranger.client.get(f"/api/v1/requests/{planned[0][0].pk}/explain/").status_code == 404


@pytest.mark.parametrize("address", ["runs/", "runs/1/", "fairness/", "plan/", "savings/"])
def test_who_may_not_read_requests_may_not_read_plans(db, team, address):
    blind = make_team("Blind", scopes=["climate:read"])
    assert blind.client.get(f"/api/v1/allocation/{address}").status_code == 403
    assert APIClient().get(f"/api/v1/allocation/{address}").status_code == 401


@pytest.mark.parametrize(
    "address", ["runs/0/", "runs/99999999999999999999999/", "runs/abc/", "runs/77/fairness/", "fairness/", "plan/"]
)
def test_what_is_not_there_is_not_found(team, address):
    assert team.client.get(f"/api/v1/allocation/{address}").status_code == 404


@pytest.mark.parametrize(
    ("address", "field", "value"),
    [
        ("runs/", "before", "x"),
        ("plan/", "model_class", "XXXL"),
        ("plan/", "since", "yesterday"),
        ("savings/", "since", "2020-01-01T00:00:00Z"),
        ("savings/", "until", "1999"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_named(team, address, field, value):
    answer = team.client.get(f"/api/v1/allocation/{address}", {field: value})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_the_list_takes_the_same_queries_however_many_runs_there_are(team, planned, django_assert_max_num_queries):
    with django_assert_max_num_queries(8) as few:
        team.client.get(RUNS)
    for minute in range(2, 6):
        run(now=NOW + timedelta(minutes=minute))
    with django_assert_max_num_queries(len(few)):
        assert len(team.client.get(RUNS).json()["results"]) == 5


def measured(zone: str, hour, grams: float) -> None:
    CarbonReading.objects.create(
        zone=GridZone.objects.get(pk=zone),
        source="entsoe",
        starts_at=hour,
        period_minutes=60,
        intensity_g_per_kwh=grams,
        received_at=hour + timedelta(hours=1),
    )


@pytest.fixture
def settled(team, budget):
    """Work of a German origin that ran in Sweden, an hour later than it might have at home."""
    only_room(10_000, "aws-eu-north-1", "aws-eu-central-1")
    request = ask(team.principal, earliest=HOUR, latest=HOUR + timedelta(minutes=59))
    done = run(now=NOW + timedelta(minutes=1))
    decision = take_up(request_id=request.pk, actor="test", now=HOUR)
    settle(request_id=request.pk, used_tokens=800, quality=None, collaboration=None, actor="test", now=HOUR)
    return decision, done


def test_savings_are_told_as_expected_until_hours_are_measured(settled):
    decision, done = settled
    told = get_savings(since=HOUR - timedelta(hours=1), until=HOUR + timedelta(hours=1), now=HOUR + timedelta(hours=1))
    assert (told.expected.tokens, told.measured.tokens, told.unmeasured_tokens) == (800, 0, 800)
    assert told.expected.saved_g == pytest.approx(0.8 * decision.avoided_g)
    assert told.expected.reference_g - told.expected.compared_g == pytest.approx(told.expected.saved_g)
    assert get_run_savings(done.run_id, now=HOUR + timedelta(hours=1)).expected == told.expected


def test_measured_hours_tell_the_same_work_again_apart_from_what_was_expected(settled):
    decision, _ = settled
    home = decision.inputs["facts"]["home"]
    measured(decision.zone_code, HOUR, 2 * decision.intensity_g_per_kwh)
    measured(home["zone"], NOW.replace(minute=0), home["intensity_g_per_kwh"])
    later = HOUR + timedelta(hours=2)
    told = get_savings(since=HOUR - timedelta(hours=1), until=later, now=later)
    assert told.unmeasured_tokens == 0
    assert told.expected_of_measured == told.expected
    assert told.measured.location_g == pytest.approx(2 * told.expected.location_g)
    assert told.measured.reference_g == pytest.approx(told.expected.reference_g)
    assert told.measured.saved_g < told.expected.saved_g


def test_the_reference_saves_nothing_where_home_has_no_room(settled):
    decision, _ = settled
    decision.inputs["facts"]["home"]["capacity_tokens"] = 200
    decision.save()
    later = HOUR + timedelta(hours=1)
    told = get_savings(since=HOUR - timedelta(hours=1), until=later, now=later).expected
    assert told.reference_missed_tokens == 600
    assert told.saved_g == pytest.approx(0.25 * 0.8 * decision.avoided_g)


def test_misses_stand_beside_savings(team, budget):
    only_room(0)
    ask(team.principal, earliest=HOUR, latest=HOUR + timedelta(minutes=10))
    later = HOUR + timedelta(hours=1)
    told = get_savings(since=HOUR, until=later, now=later)
    assert (told.missed_tokens, told.expected.tokens, told.expected.saved_share) == (1000, 0, None)
    assert AllocationRun.objects.count() == 0


def test_the_document_promises_what_plans_answer(team, planned, client):
    document = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    root = "/api/v1/allocation/"
    for path in ("runs/", "fairness/", "plan/", "savings/"):
        check(document, root + path, "get", team.client.get(root + path))
    for path in ("runs/{run_id}/", "runs/{run_id}/fairness/"):
        check(document, root + path, "get", team.client.get(root + path.format(run_id=planned[1].run_id)))
    for request in planned[0]:
        for path in ("/api/v1/requests/{request_id}/", "/api/v1/requests/{request_id}/explain/"):
            check(document, path, "get", team.client.get(path.format(request_id=request.pk)))
