"""What still waits stands as the plan in force has it: in answers, lists, feed, figures and explanations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from climate.models import Country
from market.models import Decision, Placement
from market.selectors import (
    get_decision_row,
    get_explanation,
    get_headline,
    get_request_answer,
    get_request_detail,
    list_decisions,
    list_request_answers,
)
from market.services import deposit_to_fund, take_up
from tests.integration.market.planned_work import LATER, ask, only_room, plan_in_force, run
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def answer(request) -> dict:
    return get_request_answer(request.pk)[1]


def test_planned_work_is_answered_as_granted_with_its_place_price_and_the_plans_hold(team, budget):
    request = ask(team.principal)
    assert answer(request)["status"] == "queued"
    done = run()
    body = answer(request)
    row = Placement.objects.get(request=request)
    assert (body["status"], body["granted_tokens"], body["planned_by_run"]) == ("granted", 1000, done.run_id)
    assert body["region"]["code"]
    assert body["starts_at"]
    assert body["carbon"]["location_g"]["central"] == row.location_g
    assert body["price"]["service_usd"] == f"{row.service_micro_usd / 1_000_000:.6f}"
    assert (body["hold"]["is_shared"], body["hold"]["fence"]) == (True, None)
    assert f"plan of run {done.run_id}" in body["explanation"]
    assert request.decisions.count() == 1  # nothing was stored for it


def test_work_without_room_waits_and_says_why(team, budget):
    only_room(0)
    request = ask(team.principal)
    run()
    body = answer(request)
    assert (body["status"], body["hold"], body["planned_by_run"]) == ("queued", None, None)
    assert any("No region and hour of the plan fits" in each or "full" in each for each in body["reasons"])


def test_lists_can_be_asked_for_the_status_in_which_requests_stand(team, budget):
    only_room(1500)
    hour = NOW.replace(minute=0) + timedelta(hours=1)
    window = {"earliest": hour, "latest": hour + timedelta(minutes=59)}
    asked = [ask(team.principal, now=NOW + timedelta(seconds=each), **window) for each in range(3)]
    run(now=NOW + timedelta(minutes=1))
    listed = {}
    for status in ("granted", "queued", "partial", "denied"):
        rows = list_request_answers(team_ids=None, filters={"status": status}, offset=0, limit=10)
        listed[status] = [each["id"] for each in rows]
        assert all(each["status"] == status for each in rows)
    assert {name: len(ids) for name, ids in listed.items()} == {"granted": 1, "queued": 1, "partial": 1, "denied": 0}
    assert {each for ids in listed.values() for each in ids} == {str(each.pk) for each in asked}
    pages = [list_request_answers(team_ids=None, filters={"status": "queued"}, offset=at, limit=1) for at in range(2)]
    assert [len(page) for page in pages] == [1, 0]


def test_more_planned_work_costs_a_list_no_more_queries(team, budget, django_assert_max_num_queries):
    ask(team.principal)
    run()
    with django_assert_max_num_queries(14) as few:
        list_request_answers(team_ids=None, filters={}, offset=0, limit=50)
        list_decisions(team_ids=None)
    for _ in range(7):
        ask(team.principal)
    run()
    with django_assert_max_num_queries(len(few)):
        assert len(list_request_answers(team_ids=None, filters={}, offset=0, limit=50)) == 8
        assert {row.status for row in list_decisions(team_ids=None)} == {"granted"}


def test_the_feed_tells_where_planned_work_goes_and_keeps_its_order(team, budget):
    first = ask(team.principal)
    second = ask(team.principal, now=NOW + timedelta(minutes=1))
    run(now=NOW + timedelta(minutes=2))
    rows = list_decisions(team_ids=None)
    assert [row.request_id for row in rows] == [second.pk, first.pk]
    assert {(row.status, row.granted_tokens) for row in rows} == {("granted", 1000)}
    assert all(row.region_code and row.region_city and row.total_micro_usd is not None for row in rows)
    older = list_decisions(team_ids=None, before=(rows[0].made_at, rows[0].decision_id))
    assert [row.request_id for row in older] == [first.pk]
    here = rows[0].region_code
    assert second.pk in {row.request_id for row in list_decisions(team_ids=None, region_code=here)}
    assert list_decisions(team_ids=None, region_code="aws-sa-east-1") == []
    assert get_decision_row(first.pk).region_code == rows[1].region_code


def test_planned_work_counts_in_the_figures_of_the_day_before_and_after_it_is_taken_up(team, budget):
    request = ask(team.principal)
    before = get_headline(now=NOW, team_ids=None)
    run()
    planned = get_headline(now=NOW, team_ids=frozenset({team.team_id}))
    take_up(request_id=request.pk, actor="test", now=NOW)
    taken = get_headline(now=NOW, team_ids=None)
    assert (before.granted_tokens, before.queued) == (0, 1)
    assert (planned.granted_tokens, planned.queued, planned.requests) == (1000, 0, 1)
    assert planned.location_g > 0
    for name in ("granted_tokens", "queued", "requests"):
        assert getattr(taken, name) == getattr(planned, name)
    assert taken.location_g == pytest.approx(planned.location_g)
    assert taken.avoided_g == pytest.approx(planned.avoided_g)
    assert get_headline(now=NOW, team_ids=frozenset()).granted_tokens == 0


def test_the_story_of_planned_work_tells_each_plan_that_moved_it(team, budget):
    request = ask(team.principal, earliest=NOW + timedelta(hours=3))
    first = run()
    chosen = answer(request)["region"]["code"]
    detail = get_request_detail(request.pk)
    assert detail.status == "granted"
    assert any(f"planned by run {first.run_id} for {chosen}" in what for _, what in detail.timeline)
    assert detail.candidates[0]["reason"] == "chosen"
    only_room(10_000, "aws-eu-west-3" if chosen != "aws-eu-west-3" else "aws-eu-north-1")
    again = run(now=NOW + timedelta(minutes=5))
    words = [what for _, what in get_request_detail(request.pk).timeline]
    assert any(f"replanned by run {again.run_id}" in what for what in words)


def test_an_explanation_of_planned_work_tells_its_party_its_place_and_agrees(team, budget):
    request = ask(team.principal, earliest=NOW + timedelta(hours=1))
    done = run()
    told = get_explanation(request.pk)
    assert told["agrees"] is True, (told["stored"], told["recomputed"])
    plan = told["plan"]
    assert plan["run"]["id"] == done.run_id
    assert (plan["party"]["origin"], plan["party"]["purpose"]) == ("DE", "general_ai_research")
    assert (plan["share"]["asked_tokens"], plan["share"]["served_tokens"]) == (1000, 1000)
    (place,) = plan["places"]
    assert place["signal"]["basis"]
    assert place["signal"]["as_of"]
    assert plan["optimality"]["holds"] is True
    assert {each["freedom"] for each in plan["alternatives"]} == {"waiting 2 hours more", "one more region"}
    assert plan["price"]["total_usd"] == told["stored"]["price"]["total_usd"]
    assert told["policy"]["name"] == "default"
    assert any("would have saved" in each for each in plan["words"])


@pytest.mark.parametrize(
    "changes",
    [
        {"tokens": 900},
        {"service_micro_usd": 1},
        {"location_g": 1.0},
        {"hour": 1},
        {"verdict": 2},
        {"renewable_micro_usd": 77},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_placement_that_was_tampered_with_does_not_agree(team, budget, changes):
    request = ask(team.principal)
    run()
    rows = Placement.objects.filter(request=request)
    if "hour" in changes:
        changes = {"hour": (rows.get().hour + 5) % 12}
    assert get_explanation(request.pk)["agrees"] is True
    rows.update(**changes)
    assert get_explanation(request.pk)["agrees"] is False


@pytest.mark.parametrize(
    "changes",
    [
        {"site": 30_000},
        {"site": -1},
        {"hour": 48},
        {"hour": -3},
        {"party": 7},
        {"reason": 99},
        {"verdict": 9},
        {"verdict": 0},
        {"tokens": 0},
        {"energy_wh": 1.0},
        {"avoided_g": 1e6},
    ],
    ids=str,
)
def test_a_row_that_cannot_have_come_of_its_plan_is_read_and_does_not_agree(team, budget, changes):
    request = ask(team.principal)
    run()
    Placement.objects.filter(request=request).update(**changes)
    assert get_explanation(request.pk)["agrees"] is False
    assert get_request_detail(request.pk).id == request.pk
    assert len(list_decisions(team_ids=None)) == 1
    assert len(list_request_answers(team_ids=None, filters={}, offset=0, limit=5)) == 1


def test_what_is_learned_of_a_country_later_changes_no_plan(team, budget):
    request = ask(team.principal, origin="BD", purpose="climate_adaptation")
    run()
    before = answer(request)
    Country.objects.filter(pk="BD").update(income_group="high", vulnerability=0.1, is_ldc=False)
    told = get_explanation(request.pk)
    assert told["agrees"] is True, (told["stored"], told["recomputed"])
    assert answer(request)["price"] == before["price"]
    assert take_up(request_id=request.pk, actor="test", now=NOW).verdict == Decision.Verdict.GRANTED


def test_a_placement_in_a_region_it_may_not_use_does_not_agree(team, budget):
    request = ask(team.principal, eligible_regions=("aws-eu-north-1",))
    run()
    row = Placement.objects.filter(request=request)
    assert get_explanation(request.pk)["agrees"] is True
    row.update(site=row.get().site + 1)
    told = get_explanation(request.pk)
    assert told["agrees"] is False
    assert told["recomputed"]["is_eligible"] is False


def test_waiting_work_is_told_which_hours_it_could_have_used_and_that_they_were_full(team, budget):
    only_room(1000)
    hour = NOW.replace(minute=0) + timedelta(hours=1)
    window = {"earliest": hour, "latest": hour + timedelta(minutes=59)}
    asked = [ask(team.principal, now=NOW + timedelta(seconds=each), **window) for each in range(2)]
    run(now=NOW + timedelta(minutes=1))
    told = get_explanation(asked[1].pk)
    assert told["agrees"] is True, (told["stored"], told["recomputed"])
    assert told["stored"] == {"verdict": "queued", "granted_tokens": 0, "reason": "full"}
    waiting = told["plan"]["waiting"]
    assert waiting["could_use"][0]["region"] == "aws-eu-north-1"
    assert waiting["could_use"][0]["was_full"] is True
    assert any("aws-eu-north-1 (Stockholm) 2026-03-04 11:00 UTC" in each for each in told["plan"]["words"])
    first = get_explanation(asked[0].pk)
    assert (first["agrees"], first["stored"]["verdict"]) == (True, "granted")


def test_work_that_nothing_can_serve_says_so_and_agrees(team, budget):
    request = ask(team.principal, price_cap_micro_usd=1)
    run()
    told = get_explanation(request.pk)
    assert told["agrees"] is True
    assert told["stored"]["reason"] == "not_eligible"


def test_taken_up_work_agrees_and_still_tells_its_plan(team, budget):
    deposit_to_fund(micro_usd=10_000_000, actor="test", reason="test", now=NOW)
    request = ask(team.principal, origin="BD", purpose="climate_adaptation")
    run()
    planned = answer(request)
    decision = take_up(request_id=request.pk, actor="test", now=NOW)
    told, taken = get_explanation(request.pk), answer(request)
    assert decision.verdict == Decision.Verdict.GRANTED
    assert told["agrees"] is True
    assert told["plan"]["party"]["origin"] == "BD"
    for name in ("status", "granted_tokens", "region", "starts_at", "price", "carbon", "priority"):
        assert taken[name] == planned[name], name
    assert taken["planned_by_run"] is None
    assert taken["hold"]["is_shared"] is False


def test_work_served_in_parts_is_answered_with_its_parts(team, budget):
    only_room(600, "aws-eu-north-1", "aws-eu-west-3")
    hour = NOW.replace(minute=0) + timedelta(hours=1)
    request = ask(team.principal, may_split=True, earliest=hour, latest=hour + timedelta(minutes=59))
    run()
    body = answer(request)
    assert (body["status"], body["granted_tokens"]) == ("granted", 1000)
    assert sum(each["tokens"] for each in body["parts"]) == 1000
    assert len(body["parts"]) == 2
    told = get_explanation(request.pk)
    assert told["agrees"] is True, (told["stored"], told["recomputed"])
    assert plan_in_force() is not None
    assert hour < LATER
