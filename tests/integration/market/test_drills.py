"""A drill shows what an emergency would change, and changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps

from accounts.domain.scopes import Scope
from config.kernel.errors import Conflict, InvalidInput
from market.models import AllocationRun, Placement, RunInputs
from market.services import run_drill
from market.services.take_up import take_up
from tests.integration.market.planned_work import ask, only_room, plan_in_force, run, standing
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
NEXT_HOUR = {"earliest": NOW + timedelta(hours=1), "latest": NOW + timedelta(minutes=90)}
URL = "/api/v1/drills/"


@pytest.fixture
def budget(team):
    only_room(1000)
    return make_budget(team, 100_000, is_default=True)


def drill(**changes):
    return run_drill(**{"kind": "flood", "country_codes": ["BD"], "actor": "test", "now": NOW, **changes})


def everything():
    """All rows of all tables that a plan or an emergency could change, but of the runs themselves."""
    of_apps = [model for name in ("market", "budgets", "climate") for model in apps.get_app_config(name).get_models()]
    models = [model for model in of_apps if model not in (AllocationRun, RunInputs, Placement)]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


@pytest.fixture
def crowd(team, budget):
    """A luxury promise that has not begun, and work from Bangladesh that has no room beside it."""
    luxury = ask(team.principal, tokens=900, purpose="luxury_applications", **NEXT_HOUR)
    run()
    take_up(request_id=luxury.pk, actor="test", now=NOW)
    lifted = ask(team.principal, tokens=800, purpose="disaster_response", origin="BD", **NEXT_HOUR)
    other = ask(team.principal, tokens=800, purpose="climate_science_research", **NEXT_HOUR)
    run(now=NOW + timedelta(minutes=1))
    return luxury, lifted, other


def test_a_drill_compares_with_the_plan_in_force_and_changes_nothing(crowd):
    _, lifted, other = crowd
    before, plan = everything(), plan_in_force()
    served = {each.pk: standing(each).decision.granted_tokens for each in (lifted, other)}
    report = drill(now=NOW + timedelta(minutes=2))
    assert everything() == before
    assert plan_in_force().pk == plan.pk == report.before_run_id
    assert {each.pk: standing(each).decision.granted_tokens for each in (lifted, other)} == served
    of_party = {(each.origin, each.purpose): each for each in report.parties}
    gains = of_party["BD", "disaster_response"]
    assert gains.after_tokens > gains.before_tokens == served[lifted.pk]
    assert gains.weight_after == 5 * gains.weight_before
    assert of_party["DE", "climate_science_research"].loses
    gives = of_party["DE", "luxury_applications"]
    assert (gives.gives_back_tokens, gives.loses, report.would_give_back) == (900, True, 1)


def test_the_report_is_kept_with_its_run_without_naming_a_request(crowd):
    report = drill(now=NOW + timedelta(minutes=2))
    row = AllocationRun.objects.get(pk=report.run_id)
    assert (row.kind, row.is_current, row.state) == ("drill", False, "finished")
    assert row.record["drill"]["parties"][0]["purpose"] == "disaster_response"
    assert not any(str(each.pk) in str(row.record) for each in crowd)


def test_the_policys_terms_count_where_nothing_else_is_said(crowd):
    report = drill(now=NOW + timedelta(minutes=2))
    assert report.multiplier == 5.0
    assert "disaster_response" in report.purposes
    stronger = drill(multiplier=20.0, purposes=["climate_adaptation"], now=NOW + timedelta(minutes=3))
    assert (stronger.multiplier, stronger.purposes) == (20.0, ("climate_adaptation",))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "meteor"}, "kind"),
        ({"country_codes": ["ZZ"]}, "countries"),
        ({"country_codes": []}, "countries"),
        ({"purposes": ["gardening"]}, "purposes"),
        ({"purposes": []}, "purposes"),
        ({"multiplier": 0.5}, "multiplier"),
        ({"multiplier": 101.0}, "multiplier"),
    ],
)
def test_a_drill_that_cannot_be_meant_is_refused_by_name_and_runs_nothing(team, budget, change, field):
    run()
    with pytest.raises(InvalidInput) as refused:
        drill(**change)
    assert refused.value.field == field
    assert AllocationRun.objects.count() == 1


def test_without_a_plan_in_force_there_is_nothing_to_compare_with(team, budget):
    with pytest.raises(Conflict):
        drill()
    assert not AllocationRun.objects.exists()


def test_a_drill_needs_the_power_over_emergencies(crowd, time_machine):
    time_machine.move_to(NOW + timedelta(minutes=2), tick=False)
    body = {"kind": "flood", "countries": ["BD"]}
    assert make_team("Others").client.post(URL, body).status_code == 403
    trusted = make_team("Disaster desk", scopes=[Scope.EMERGENCIES_WRITE]).client
    answer = trusted.post(URL, body)
    assert answer.status_code == 201
    assert answer.json()["would_give_back"] == 1
    assert trusted.post(URL, {**body, "multiplier": 0}).status_code == 422


def test_the_administration_runs_a_drill_and_says_what_came_of_it(crowd, admin_client, time_machine):
    time_machine.move_to(NOW + timedelta(minutes=2), tick=False)
    before = everything()
    form = {"kind": "flood", "countries": ["BD"], "purposes": [], "multiplier": ""}
    page = admin_client.post("/admin/market/allocationrun/run_drill/", form, follow=True).content.decode()
    assert "nothing was changed" in page
    assert "disaster_response from BD" in page
    assert "would be taken back: 1. Who would get their room is not counted here." in page
    assert everything() == before
