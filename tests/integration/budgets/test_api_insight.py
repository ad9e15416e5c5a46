"""What budgets tell by REST: the global picture, advice, estimates, value of work, proposals, alerts, channels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import responses
from django.utils import timezone

from accounts.models import IdempotentAnswer
from accounts.services.keys import create_api_key
from budgets import services
from budgets.domain.units import Unit
from budgets.models import AlertChannel, Budget, PeriodRecord
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
URL = "/api/v1/budgets/"
HOOK = {"name": "Ops", "kind": "webhook", "address": "https://93.184.216.34/hook"}


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


def test_the_global_picture_sums_each_unit_over_its_own_uppermost_budgets(team):
    top = make_budget(team, 300_000, name="top")
    make_budget(team, 100_000, parent_id=top)
    make_budget(team, 5, unit=Unit.CARBON_G, parent_id=top)
    team.client.post(f"{URL}{top}/consume/", {"tokens": 160_000})
    team.client.post(f"{URL}{top}/reserve/", {"tokens": 100_000})
    status = team.client.get(f"{URL}status/").json()
    tokens, grams = status["roots"]["tokens"], status["roots"]["carbon_g"]
    assert (tokens["limit"], tokens["spent"], tokens["reserved"], tokens["available"]) == (
        300_000,
        160_000,
        100_000,
        40_000,
    )
    assert (tokens["utilisation"], tokens["warnings_passed"]) == ("high", [150_000, 180_000])
    assert (grams["limit"], grams["utilisation"], grams["warnings_passed"]) == (5, "low", [])
    assert status["warning_amounts"] == [150_000, 180_000]
    assert (status["open_holds"], status["open_leases"], sum(status["gears"].values())) == (1, 0, 2)
    assert [each["name"] for each in status["attention"]] == ["top"]
    assert status["as_of"]


def test_advice_warns_before_work_would_cross_a_threshold(team):
    budget = make_budget(team, 10_000)
    calm = team.client.get(f"{URL}{budget}/advice/?tokens=1000").json()
    warned = team.client.get(f"{URL}{budget}/advice/?tokens=7100").json()
    assert (calm["should_warn"], warned["should_warn"]) == (False, True)
    assert warned["path"][0]["crosses"] == [75]
    assert warned["margin_tokens"] == 500
    shaped = team.client.get(f"{URL}{budget}/advice/?mode=council&roles=3").json()
    assert shaped["estimate_tokens"] == team.client.get("/api/v1/estimates/?mode=council&roles=3").json()["p95_tokens"]
    for query, field in (("", "tokens"), ("tokens=0", "tokens"), ("tokens=x", "tokens"), ("mode=choir", "mode")):
        answer = team.client.get(f"{URL}{budget}/advice/?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_an_estimate_says_where_it_comes_from(team):
    answer = team.client.get("/api/v1/estimates/?mode=express&model_class=L&purpose=climate_adaptation").json()
    assert (answer["p50_tokens"], answer["p95_tokens"], answer["basis"]) == (800, 1300, "cold_start")
    assert answer["kind"]["purpose"] == "climate_adaptation"
    assert team.client.get("/api/v1/estimates/accuracy/").json()["results"] == []
    for query, field in (("complexity=nan", "complexity"), ("roles=0", "roles"), ("colour=green", "colour")):
        refused = team.client.get(f"/api/v1/estimates/?{query}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


def test_the_value_of_finished_work_is_unknown_until_somebody_reports_its_quality(team):
    budget = make_budget(team)
    empty = team.client.get(f"{URL}{budget}/economy/").json()
    assert (empty["totals"]["efficiency"], empty["totals"]["work_count"], empty["results"]) == (None, 0, [])
    values = {"held_tokens": 100, "used_tokens": 80, "quality": 0.9, "collaboration": 0.5}
    services.record_value(budget_id=budget, reference="api:1:x", at=timezone.now() - timedelta(hours=1), **values)
    told = team.client.get(f"{URL}{budget}/economy/").json()
    assert told["totals"]["work_count"] == 1
    assert told["totals"]["market_value"] == pytest.approx(80 * 0.9 * 1.5)
    assert {each["reference"] for each in told["results"]} == {"api:1:x"}


def histories(parent, team):
    """Three children: one used up and refusing, one hardly used, one just right; two ended periods each."""
    for name, spent, hours_refused in (("busy", 400, 5), ("idle", 40, 0), ("right", 300, 0)):
        child = make_budget(team, 400, name=name, parent_id=parent)
        for number in (1, 2):
            starts_at = NOW - timedelta(days=number)
            figures = {"base_limit": 400, "limit": 400, "spent": spent, "reserved": 0, "overdraft": 0}
            PeriodRecord.objects.create(
                budget_id=child,
                starts_at=starts_at,
                ended_at=starts_at + timedelta(days=1),
                hours_refused=hours_refused,
                refusals=hours_refused,
                **figures,
            )


def test_a_proposal_is_made_read_and_accepted_once(team):
    parent = make_budget(team, 1200)
    nothing = team.client.post(f"{URL}{parent}/proposals/", {})
    assert (nothing.status_code, nothing.json()) == (200, {"proposal": None})
    histories(parent, team)
    made = team.client.post(f"{URL}{parent}/proposals/", {})
    assert made.status_code == 201, made.content
    proposal = made.json()["proposal"]
    assert team.client.get(f"{URL}{parent}/proposals/?status=open").json()["results"] == [proposal]
    accept = f"{URL}proposals/{proposal['id']}/accept/"
    assert team.client.post(accept, {}).json()["errors"][0]["field"] == "reason"
    assert make_team("Other").client.post(accept, {"reason": "mine"}).status_code == 404
    accepted = team.client.post(accept, {"reason": "as proposed"}).json()
    assert accepted["status"] == "accepted"
    for line in accepted["lines"]:
        assert Budget.objects.get(pk=line["budget"]).limit == line["base_after"]
    again = team.client.post(f"{URL}proposals/{proposal['id']}/reject/", {"reason": "late"})
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")


def test_alerts_of_the_teams_budgets_are_listed_with_their_figures(team):
    budget = make_budget(team, 1000)
    other = make_team("Other")
    foreign = make_budget(other, 1000)
    for whose, which in ((team, budget), (other, foreign)):
        whose.client.post(f"{URL}{which}/reserve/", {"tokens": 800})
    alerts = team.client.get(f"{URL}alerts/").json()["results"]
    assert [(each["budget"], each["kind"], each["percent"], each["limit"]) for each in alerts] == [
        (str(budget), "percent", 75, 1000)
    ]
    assert team.client.get(f"{URL}alerts/?budget={budget}").json()["results"] == alerts
    assert team.client.get(f"{URL}alerts/?budget={foreign}").status_code == 404


def test_the_secret_of_a_channel_is_shown_once_and_kept_nowhere_in_the_clear(team):
    made = team.client.post(f"{URL}channels/", HOOK, headers={"Idempotency-Key": "hook-1"})
    assert made.status_code == 201, made.content
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    again = team.client.post(f"{URL}channels/", HOOK, headers={"Idempotency-Key": "hook-1"})
    assert (again["Idempotent-Replayed"], again.json()["secret"]) == ("true", None)
    assert AlertChannel.objects.count() == 1
    assert secret not in str(IdempotentAnswer.objects.values_list("body", flat=True))
    channel = team.client.get(f"{URL}channels/{made.json()['id']}/")
    assert "secret" not in channel.json()
    fresh = team.client.post(f"{URL}channels/{made.json()['id']}/secret/", {}).json()["secret"]
    assert fresh.startswith("whsec_")
    assert fresh != secret


def test_a_key_in_the_address_of_a_channel_is_for_those_who_may_change_it(team):
    made = team.client.post(f"{URL}channels/", {**HOOK, "address": "https://hooks.example.org/hunter2?key=1"}).json()
    mail = {**HOOK, "name": "mail", "kind": "email", "address": "ada@example.org"}
    team.client.post(f"{URL}channels/", mail)
    reading = replace(team, secret=create_api_key(team_id=team.team_id, name="read", scopes=["budgets:read"])[1])
    listed = {each["name"]: each["address"] for each in reading.client.get(f"{URL}channels/").json()["results"]}

    assert made["address"] == "https://hooks.example.org/hunter2?key=1"
    assert listed == {HOOK["name"]: "https://hooks.example.org/…", "mail": "ada@example.org"}
    assert "hunter2" not in str(reading.client.get(f"{URL}channels/{made['id']}/").json())
    assert team.client.get(f"{URL}channels/{made['id']}/").json()["address"] == made["address"]


def test_a_channel_is_changed_tried_and_removed(team):
    made = team.client.post(f"{URL}channels/", HOOK).json()
    one = f"{URL}channels/{made['id']}/"
    changed = team.client.patch(one, {"least_percent": 85, "alert_kinds": ["percent"]}).json()
    assert (changed["least_percent"], changed["alert_kinds"], changed["address"]) == (85, ["percent"], HOOK["address"])
    with responses.RequestsMock() as outside:
        outside.post(HOOK["address"], status=500)
        tried = team.client.post(f"{one}test/", {})
    assert tried.status_code == 200, tried.content
    assert tried.json()["attempts"][0]["status_code"] == 500
    assert [each["id"] for each in team.client.get(f"{one}deliveries/").json()["results"]] == [tried.json()["id"]]
    assert team.client.delete(one).status_code == 204
    assert team.client.get(one).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"address": "http://127.0.0.1/"}, "address"),
        ({"alert_kinds": ["percent", "x"]}, "alert_kinds.1"),
        ({"least_percent": 101}, "least_percent"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_by_name(team, change, field):
    answer = team.client.post(f"{URL}channels/", {**HOOK, **change})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert not AlertChannel.objects.exists()


def test_the_channels_of_another_team_do_not_exist(team):
    one = f"{URL}channels/{make_team('Other').client.post(f'{URL}channels/', HOOK).json()['id']}/"
    assert team.client.get(f"{URL}channels/").json()["results"] == []
    for ask in (team.client.get, team.client.delete):
        assert ask(one).status_code == 404
    assert team.client.get(f"{one}deliveries/").status_code == 404
    for path in ("test/", "secret/"):
        assert team.client.post(f"{one}{path}", {}).status_code == 404
    assert team.client.patch(one, {"name": "mine"}).status_code == 404
    assert AlertChannel.objects.get().name == "Ops"
