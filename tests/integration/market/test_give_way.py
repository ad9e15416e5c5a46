"""In an emergency promises that have not begun give way to lifted work that was left waiting, and to nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from budgets.models import Hold
from budgets.selectors import list_budget_alerts
from climate.services import emergencies
from config.kernel.errors import Conflict
from market.models import AllocationRequest, AllocationRun, Placement, Policy, RegionHour
from market.selectors.answers import explain_again
from market.services import dispatch, settle
from market.services.passes import give_way, passing, storing
from market.services.take_up import take_up
from tests.integration.market.planned_work import ask, only_room, plan_differences, reserved, run, standing
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
NEXT_HOUR = {"earliest": NOW + timedelta(hours=1), "latest": NOW + timedelta(minutes=90)}
LIFTED = {"purpose": "disaster_response", "origin": "BD"}
LUXURY = {"purpose": "luxury_applications"}


@pytest.fixture
def budget(team):
    only_room(1000)
    return make_budget(team, 100_000, is_default=True)


def flood(**changes) -> int:
    values = {
        "kind": "flood",
        "title": "Brahmaputra",
        "country_codes": ["BD"],
        "purposes": ["disaster_response"],
        "multiplier": 5.0,
        "reason": "GloFAS",
    }
    return emergencies.declare_emergency(emergencies.NewEmergency(**{**values, **changes}), by="test", now=NOW)


def promised(team, tokens=900, **changes) -> AllocationRequest:
    """A grant of its own in the next hour that nobody has dispatched."""
    request = ask(team.principal, tokens=tokens, **{**LUXURY, **NEXT_HOUR, **changes})
    run()
    take_up(request_id=request.pk, actor="test", now=NOW)
    request.refresh_from_db()
    assert request.status == "granted"
    return request


def tokens_of(request) -> int:
    return standing(request).decision.granted_tokens


def test_a_luxury_promise_gives_way_and_the_lifted_work_gets_its_room(team, budget):
    luxury = promised(team)
    lifted = ask(team.principal, tokens=800, **LIFTED, **NEXT_HOUR)
    flood()
    done = run()
    assert done.gave_way == 1
    assert standing(lifted).decision.granted_tokens == 800
    assert luxury.decisions.latest("sequence").verdict == "queued"
    assert standing(luxury).decision.granted_tokens == 200  # what is left of the hour
    assert reserved(budget) <= 1000
    assert plan_differences() == []


def test_what_gave_way_is_promised_nothing_by_the_plan_that_was_made_while_it_was_taken_up(team, budget, monkeypatch):
    luxury = ask(team.principal, tokens=900, **LUXURY, **NEXT_HOUR)
    run()
    ask(team.principal, tokens=800, **LIFTED, **NEXT_HOUR)
    flood()
    own_plan, take_back, seen = storing.own_plan, passing.give_way, []

    def taken_up_meanwhile():
        monkeypatch.setattr(storing, "own_plan", own_plan)
        take_up(request_id=luxury.pk, actor="test", now=NOW)
        return own_plan()

    def looking_before_the_next_plan(*args, **kwargs):
        gave_way = take_back(*args, **kwargs)
        row = Placement.objects.get(run__is_current=True, request=luxury.pk)
        seen.append((gave_way, row.tokens, plan_differences()))
        return gave_way

    monkeypatch.setattr(storing, "own_plan", taken_up_meanwhile)
    monkeypatch.setattr(passing, "give_way", looking_before_the_next_plan)
    assert run().gave_way == 1
    assert seen[0] == (1, 0, [])
    assert plan_differences() == []


def test_its_owner_is_told_why_and_the_decision_can_be_computed_again(team, budget, django_capture_on_commit_callbacks):
    luxury = promised(team)
    ask(team.principal, tokens=800, **LIFTED, **NEXT_HOUR)
    flood()
    run()
    notice = luxury.decisions.latest("sequence")
    assert notice.verdict == "queued"
    assert notice.explanation.startswith("Given back for an emergency: Brahmaputra (BD).")
    assert "waits again until 2026-03-04 11:50 UTC" in notice.explanation
    assert explain_again(notice)["agrees"] is True
    hold = Hold.objects.get(reference=f"request:{luxury.pk}")
    assert hold.status == "released"
    (alert,) = list_budget_alerts(team_ids=frozenset({team.team_id}))
    assert (alert.kind, alert.notice, alert.hold_id) == ("notice", notice.explanation, hold.pk)
    assert (alert.amount, alert.percent) == (None, None)


def test_only_as_much_gives_way_as_the_lifted_work_needs_lightest_first(team, budget):
    kept = promised(team, tokens=500)
    given = promised(team, tokens=400, purpose="cryptocurrency_mining")
    lifted = ask(team.principal, tokens=450, **LIFTED, **NEXT_HOUR)
    flood()
    assert run().gave_way == 1
    given.refresh_from_db()
    kept.refresh_from_db()
    assert (given.status, kept.status) == ("queued", "granted")
    assert standing(lifted).decision.granted_tokens == 450


def test_work_that_has_begun_never_gives_way(team, budget):
    luxury = promised(team)
    dispatch(request_id=luxury.pk, fence=None, actor="test", now=NOW)
    lifted = ask(team.principal, tokens=800, **LIFTED, **NEXT_HOUR)
    flood()
    assert run().gave_way == 0
    luxury.refresh_from_db()
    assert luxury.status == "granted"
    assert standing(lifted).decision.granted_tokens == 100


@pytest.mark.parametrize(
    "case", ["no emergency", "another country", "drill", "research holds it", "another hour", "nobody by policy"]
)
def test_nobody_gives_way_without_need_right_or_use(team, budget, case):
    purpose = "general_ai_research" if case == "research holds it" else "luxury_applications"
    hour = timedelta(hours=case == "another hour")
    window = {name: moment + hour for name, moment in NEXT_HOUR.items()}
    luxury = promised(team, purpose=purpose, **window)
    if case == "another hour":
        promised(team, purpose="general_ai_research")
    if case == "nobody by policy":
        body = {**Policy.objects.get(is_default=True).body, "allocation": None}
        body.pop("allocation")
        Policy.objects.filter(is_default=True).update(body=body)
    ask(team.principal, tokens=800, **LIFTED, **NEXT_HOUR)
    if case == "drill":
        values = {"kind": "flood", "title": "Exercise", "country_codes": ["BD"], "purposes": ["disaster_response"]}
        drill = emergencies.NewEmergency(**values, multiplier=5.0, reason="r", ends_at=NOW + timedelta(days=1))
        emergencies.start_drill(drill, by="test", now=NOW)
    elif case != "no emergency":
        flood(country_codes=["IN"] if case == "another country" else ["BD"])
    assert run().gave_way == 0
    luxury.refresh_from_db()
    assert luxury.status == "granted"


def test_a_promise_whose_window_is_over_is_refused_and_cannot_be_settled(team, budget):
    later = NOW + timedelta(hours=1)
    luxury = promised(team)
    window = {"earliest": NOW + timedelta(minutes=50), "latest": later + timedelta(minutes=30)}
    lifted = ask(team.principal, tokens=800, **LIFTED, **window)
    promised_hour = RegionHour.objects.get(promised_tokens=900)
    flood()
    run(now=later)
    luxury.refresh_from_db()
    assert luxury.status == "denied"
    assert "cannot wait for another" in luxury.decisions.latest("sequence").explanation
    with pytest.raises(Conflict):
        settle(request_id=luxury.pk, used_tokens=10, quality=None, collaboration=None, actor="test", now=later)
    lifted.refresh_from_db()
    assert lifted.status == "granted"  # in its last hour it takes the room at once
    promised_hour.refresh_from_db()
    assert promised_hour.promised_tokens == 800


def test_the_old_weights_return_with_the_next_pass_after_the_end(team, budget):
    flood(ends_at=NOW + timedelta(minutes=30))
    window = {"earliest": NOW + timedelta(hours=2), "latest": NOW + timedelta(minutes=150)}
    lifted = ask(team.principal, tokens=600, **LIFTED, **window)
    weightier = ask(team.principal, tokens=600, purpose="climate_adaptation", origin="BD", **window)
    run()
    assert tokens_of(lifted) > tokens_of(weightier)
    run(now=NOW + timedelta(minutes=31))
    assert tokens_of(lifted) < tokens_of(weightier)


def test_a_dispatch_that_comes_between_keeps_its_grant(team, budget, monkeypatch):
    luxury = promised(team)
    ask(team.principal, tokens=800, **LIFTED, **NEXT_HOUR)
    flood()
    choose = give_way.who_gives_way

    def dispatched_meanwhile(*args):
        chosen = choose(*args)
        dispatch(request_id=luxury.pk, fence=None, actor="test", now=NOW)
        return chosen

    monkeypatch.setattr(give_way, "who_gives_way", dispatched_meanwhile)
    assert run().gave_way == 0
    luxury.refresh_from_db()
    assert (luxury.status, Hold.objects.get(reference=f"request:{luxury.pk}").status) == ("granted", "dispatched")
    assert AllocationRun.objects.count() == 2
