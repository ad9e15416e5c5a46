"""Planned work becomes a grant of its own with exactly what the plan promised, or goes out of the plan."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps

from budgets import services as budget_services
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.resizing import plan_reference
from budgets.domain.units import COLUMN_OF, Amounts, Unit
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.domain.ladder import floor_hour
from climate.models import RegionCapacity, RegionOutage
from config.kernel.errors import Conflict
from market.models import AllocationRequest, AllocationRun, Decision, Fund, FundEntry, Placement, RegionHour
from market.selectors import get_explanation, list_fund_differences, list_plan_differences
from market.services import cancel, deposit_to_fund, dispatch, expire_overdue, release, settle, take_up, take_up_due
from market.services.capacity import HourFull, promise
from tests.integration.market.planned_work import LATER, ask, only_room, run, standing
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
NEXT_HOUR = floor_hour(NOW) + timedelta(hours=1)
POOR = {"purpose": "climate_adaptation", "origin": "BD", "policy": "seed-2025"}


@pytest.fixture
def budget(team):
    return make_budget(team, 1_000_000, is_default=True)


def ask_later(team, **changes) -> AllocationRequest:
    """Work that may not begin in this hour: the pass plans it and takes nothing up."""
    return ask(team.principal, earliest=NEXT_HOUR, **changes)


def books() -> list[str]:
    return [*list_ledger_differences(), *list_fund_differences(), *list_plan_differences()]


def state() -> tuple:
    """Everything that taking up may move."""
    return (
        sorted(RegionHour.objects.values_list("region", "starts_at", "promised_tokens", "planned_tokens")),
        sorted(Hold.objects.values_list("reference", "status", *COLUMN_OF.values())),
        sorted(Budget.objects.values_list("pk", "reserved", "spent")),
        list(Fund.objects.values_list("balance_micro_usd", "reserved_micro_usd")),
        FundEntry.objects.count(),
        Decision.objects.count(),
        sorted(AllocationRequest.objects.values_list("pk", "status")),
        list(AllocationRun.objects.filter(is_current=True).values_list("fund_promised_micro_usd", flat=True)),
    )


def hour_of(request) -> RegionHour:
    row = standing(request).decision
    return RegionHour.objects.get(region=row.region_id, starts_at=floor_hour(row.starts_at), model_class="L")


# --- taking up -------------------------------------------------------------------


def test_a_planned_request_gets_the_grant_that_the_plan_showed(team, budget):
    request = ask_later(team)
    run()
    shown = standing(request).decision
    made = take_up(request_id=request.pk, actor="test", now=NOW)
    request.refresh_from_db()
    assert (request.status, made.verdict, made.granted_tokens, made.sequence) == ("granted", "granted", 1000, 2)
    for column in ("region_id", "starts_at", "total_micro_usd", "location_g_central", "avoided_g", "weight"):
        assert getattr(made, column) == getattr(shown, column)
    assert made.made_at == NOW
    assert made.run.is_current
    assert f"plan of run {made.run_id}" in made.explanation
    assert books() == []


def test_its_hold_is_a_part_of_the_plans_and_its_budget_has_no_more_reserved(team, budget):
    first, second = ask_later(team), ask_later(team, tokens=400)
    run()
    made = take_up(request_id=first.pk, actor="test", now=NOW)
    work, plan = Hold.objects.get(pk=made.hold_id), Hold.objects.get(reference=plan_reference(budget))
    assert (work.tokens, plan.tokens, Budget.objects.get(pk=budget).reserved) == (1000, 400, 1400)
    assert (work.reference, work.lease_expires_at) == (f"request:{first.pk}", made.hold_expires_at)
    assert made.hold_expires_at > made.starts_at
    hour = hour_of(second)
    assert sum(row.promised_tokens for row in RegionHour.objects.all()) == 1000
    assert hour.planned_tokens == 400
    assert books() == []


def test_a_stored_verdict_of_a_plan_is_computed_again_and_agrees(team, budget):
    deposit_to_fund(micro_usd=10**9, actor="test", reason="test", now=NOW)
    request = ask_later(team, **POOR)
    run()
    take_up(request_id=request.pk, actor="test", now=NOW)
    explained = get_explanation(request.pk)
    assert explained["agrees"], (explained["stored"], explained["recomputed"])


def test_what_the_plan_kept_of_the_fund_becomes_a_promise_to_the_request(team, budget):
    deposit_to_fund(micro_usd=10**9, actor="test", reason="test", now=NOW)
    request = ask_later(team, **POOR, tokens=1_000_000 - 1)
    run()
    plan = AllocationRun.objects.get(is_current=True)
    promised, kept = plan.fund_promised_micro_usd, Fund.objects.get().reserved_micro_usd
    assert promised == kept > 0
    made = take_up(request_id=request.pk, actor="test", now=NOW)
    plan.refresh_from_db()
    assert (made.fund_reserved_micro_usd, plan.fund_promised_micro_usd) == (promised, 0)
    assert Fund.objects.get().reserved_micro_usd == kept
    pair = FundEntry.objects.order_by("-pk")[:2]
    assert {(each.request_id, each.reserved_delta_micro_usd) for each in pair} == {
        (None, -promised),
        (request.pk, promised),
    }
    assert books() == []


def test_what_is_not_planned_is_not_taken_up(team, budget):
    request = ask_later(team)
    before = state()
    with pytest.raises(Conflict) as early:
        take_up(request_id=request.pk, actor="test", now=NOW)
    assert (early.value.code, state()) == ("not_planned", before)
    run()
    take_up(request_id=request.pk, actor="test", now=NOW)
    before = state()
    with pytest.raises(Conflict) as twice:
        take_up(request_id=request.pk, actor="test", now=NOW)
    assert (twice.value.code, state()) == ("not_open", before)


def test_an_hour_that_was_cut_takes_nothing_up_and_nothing_changes(team, budget):
    request = ask_later(team)
    run()
    RegionCapacity.objects.all().update(tokens_per_hour=999)
    before = state()
    with pytest.raises(HourFull):
        take_up(request_id=request.pk, actor="test", now=NOW)
    assert (take_up_due(now=standing(request).decision.starts_at), state()) == (0, before)
    RegionCapacity.objects.all().update(tokens_per_hour=10**9)
    take_up(request_id=request.pk, actor="test", now=NOW)
    assert books() == []


def test_an_outage_cuts_an_hour_too(team, budget):
    request = ask_later(team)
    run()
    planned = standing(request).decision
    RegionOutage.objects.create(
        region_id=planned.region_id, starts_at=NOW, ends_at=LATER, capacity_share=0.0, created_at=NOW, author="test"
    )
    with pytest.raises(HourFull):
        take_up(request_id=request.pk, actor="test", now=NOW)
    assert books() == []


def test_a_plan_hold_that_is_gone_is_made_up_for_by_the_budget(team, budget):
    request = ask_later(team)
    run()
    _lose_plan_hold(budget)
    made = take_up(request_id=request.pk, actor="test", now=NOW)
    assert (Hold.objects.get(pk=made.hold_id).tokens, Budget.objects.get(pk=budget).reserved) == (1000, 1000)
    assert books() == []


def test_a_plan_hold_that_is_gone_and_a_budget_that_is_spent_change_nothing(team, budget):
    request = ask_later(team)
    run()
    _lose_plan_hold(budget)
    budget_services.consume(
        budget_id=budget,
        amounts=Amounts(tokens=999_500, carbon_ug=0, micro_usd=0),
        reference="test:all",
        actor="test",
        now=NOW,
    )
    before = state()
    with pytest.raises(BudgetExhausted):
        take_up(request_id=request.pk, actor="test", now=NOW)
    assert state() == before


def _lose_plan_hold(budget) -> None:
    nothing = Amounts(tokens=0, carbon_ug=0, micro_usd=0)
    budget_services.resize_hold(
        reference=plan_reference(budget),
        budget_id=budget,
        amounts=nothing,
        lease_expires_at=LATER,
        actor="test",
        now=NOW,
    )


def test_interactive_work_does_not_get_what_is_planned(team, budget):
    only_room(1500)
    request = ask_later(team, latest=NEXT_HOUR + timedelta(minutes=50))
    run()
    hour = hour_of(request)
    cell = {"region_code": hour.region_id, "model_class": "L", "starts_at": hour.starts_at, "capacity_tokens": 1500}
    with pytest.raises(HourFull):
        promise(**cell, tokens=501)
    promise(**cell, tokens=500)
    take_up(request_id=request.pk, actor="test", now=NOW)
    hour.refresh_from_db()
    assert (hour.promised_tokens, hour.planned_tokens) == (1500, 0)


def test_an_interactive_grant_sees_planned_room_as_taken(team, budget):
    only_room(1500)
    planned = ask(team.principal, tokens=1000, earliest=NEXT_HOUR, latest=NEXT_HOUR + timedelta(minutes=50))
    run()
    asked = ask(team.principal, tokens=800, latest=None, now=NEXT_HOUR)
    assert (asked.status, asked.decisions.get().granted_tokens) == ("partial", 500)
    assert take_up_due(now=NEXT_HOUR) == 1
    planned.refresh_from_db()
    assert planned.status == "granted"
    assert books() == []


# --- when its hour begins --------------------------------------------------------


def test_work_is_taken_up_two_minutes_before_its_hour_and_not_earlier(team, budget):
    request = ask_later(team)
    run()
    starts_at = standing(request).decision.starts_at
    assert take_up_due(now=starts_at - timedelta(minutes=3)) == 0
    assert take_up_due(now=starts_at - timedelta(minutes=2)) == 1
    assert take_up_due(now=starts_at) == 0
    assert books() == []


def test_work_whose_hour_is_over_waits_for_the_next_plan(team, budget):
    request = ask_later(team, latest=NEXT_HOUR + timedelta(hours=9))
    run()
    starts_at = standing(request).decision.starts_at
    assert take_up_due(now=starts_at + timedelta(hours=1)) == 0
    request.refresh_from_db()
    assert request.status == "queued"


def test_work_past_its_deadline_is_not_taken_up(team, budget):
    request = ask_later(team, latest=NEXT_HOUR + timedelta(minutes=5))
    run()
    assert take_up_due(now=NEXT_HOUR + timedelta(minutes=6)) == 0
    assert expire_overdue(now=NEXT_HOUR + timedelta(minutes=6)) == 1
    request.refresh_from_db()
    assert (request.status, books()) == ("expired", [])


def test_many_are_taken_up_in_batches_and_one_that_fails_costs_the_others_nothing(team, budget, monkeypatch):
    requests = [ask_later(team, tokens=100 + each, latest=NEXT_HOUR + timedelta(minutes=50)) for each in range(7)]
    other = make_budget(team, 1000, name="other")
    lost = ask_later(team, tokens=900, latest=NEXT_HOUR + timedelta(minutes=50), budget_id=other)
    run()
    _lose_plan_hold(other)
    budget_services.consume(
        budget_id=other,
        amounts=Amounts(tokens=500, carbon_ug=0, micro_usd=0),
        reference="test:half",
        actor="test",
        now=NOW,
    )
    monkeypatch.setattr(import_module("market.services.take_up"), "AT_ONCE", 3)
    told = []
    assert take_up_due(now=NEXT_HOUR, progress=lambda done, total: told.append((done, total))) == 7
    assert told == [(3, 8), (6, 8), (8, 8)]
    assert {AllocationRequest.objects.get(pk=each.pk).status for each in requests} == {"granted"}
    lost.refresh_from_db()
    assert (lost.status, Budget.objects.get(pk=budget).reserved) == ("queued", sum(100 + each for each in range(7)))
    assert list_ledger_differences() == []


def test_what_is_taken_up_stays_where_it_is_when_others_are_planned_anew(team, budget):
    first = ask_later(team)
    run()
    made = take_up(request_id=first.pk, actor="test", now=NOW)
    second = ask_later(team)
    run(now=NOW + timedelta(minutes=5))
    assert standing(first).decision.pk == made.pk
    assert standing(second).is_planned
    assert not Placement.objects.filter(request=first, run__is_current=True).exists()
    assert books() == []


# --- its owner ------------------------------------------------------------------


def test_dispatching_planned_work_takes_it_up_whatever_number_the_plan_hold_showed(team, budget):
    request = ask_later(team)
    run()
    dispatch(request_id=request.pk, fence=17, actor="test", now=NOW)
    hold = Hold.objects.get(reference=f"request:{request.pk}")
    assert (hold.status, hold.fence) == ("dispatched", 2)
    assert hold.lease_expires_at > standing(request).decision.starts_at
    assert books() == []


def test_settling_planned_work_takes_it_up_and_charges_what_was_used(team, budget):
    deposit_to_fund(micro_usd=10**9, actor="test", reason="test", now=NOW)
    request = ask_later(team, **POOR)
    run()
    settle(request_id=request.pk, used_tokens=600, quality=None, collaboration=None, actor="test", now=NOW)
    request.refresh_from_db()
    row = Budget.objects.get(pk=budget)
    assert (request.status, row.spent, row.reserved) == ("settled", 600, 0)
    assert sum(hour.promised_tokens for hour in RegionHour.objects.all()) == 600
    assert books() == []


def test_work_that_waits_without_a_place_is_neither_dispatched_nor_settled_nor_released(team, budget):
    request = ask_later(team)
    before = state()
    for work in (
        lambda: dispatch(request_id=request.pk, fence=None, actor="test", now=NOW),
        lambda: settle(request_id=request.pk, used_tokens=1, quality=None, collaboration=None, actor="t", now=NOW),
        lambda: release(request_id=request.pk, actor="test", now=NOW),
    ):
        with pytest.raises(Conflict) as refusal:
            work()
        assert (refusal.value.code, state()) == ("not_open", before)


@pytest.mark.parametrize("withdraw", [cancel, release])
def test_withdrawn_planned_work_gives_its_part_back_at_once(team, budget, withdraw):
    deposit_to_fund(micro_usd=10**9, actor="test", reason="test", now=NOW)
    request, other = ask_later(team, **POOR), ask_later(team, tokens=400)
    run()
    withdraw(request_id=request.pk, actor="test", now=NOW)
    request.refresh_from_db()
    assert (request.status, Budget.objects.get(pk=budget).reserved) == ("cancelled", 400)
    assert sum(hour.planned_tokens for hour in RegionHour.objects.all()) == 400
    assert standing(other).is_planned
    assert books() == []


def test_planned_work_past_its_deadline_gives_its_part_back(team, budget):
    request = ask_later(team)
    run()
    assert expire_overdue(now=LATER + timedelta(minutes=1)) == 1
    request.refresh_from_db()
    assert (request.status, Budget.objects.get(pk=budget).reserved) == ("expired", 0)
    assert not any(hour.planned_tokens for hour in RegionHour.objects.all())
    assert books() == []


def test_a_plan_that_nobody_renews_for_days_breaks_nothing(team, budget):
    request = ask_later(team, latest=NOW + timedelta(days=20))
    run()
    later = NOW + timedelta(days=9)
    budget_services.sweep_holds(now=later)
    assert (expire_overdue(now=later), Budget.objects.get(pk=budget).reserved) == (0, 1000)
    assert books() == []
    run(now=later)
    assert standing(request).is_planned
    assert books() == []


def test_levels_of_all_units_are_given_back_exactly(team):
    root = make_budget(team, 1000, unit=Unit.CARBON_G, name="grams")
    hall = make_budget(team, 1000, unit=Unit.ENERGY_WH, parent_id=root, name="energy")
    leaf = make_budget(team, 10_000_000, unit=Unit.MICRO_USD, parent_id=hall, name="money", is_default=True)
    first, second = ask_later(team, tokens=777), ask_later(team, tokens=1333)
    run()
    assert all(each.reserved for each in Budget.objects.filter(pk__in=[root, hall, leaf]))
    take_up(request_id=first.pk, actor="test", now=NOW)
    cancel(request_id=second.pk, actor="test", now=NOW)
    assert books() == []
    cancel(request_id=first.pk, actor="test", now=NOW)
    assert [each.reserved for each in Budget.objects.filter(pk__in=[root, hall, leaf])] == [0, 0, 0]


def test_a_plan_of_before_energy_was_counted_holds_it_after_the_upgrade(team, budget):
    ask_later(team, tokens=777)
    planned = ask_later(team, tokens=1333)
    run()
    held = Hold.objects.filter(reference__startswith="plan:")
    before = held.values_list("energy_uwh", flat=True)[0]
    held.update(energy_uwh=0)
    import_module("market.migrations.0006_plans_hold_energy").hold_energy(apps, None)
    assert held.values_list("energy_uwh", flat=True)[0] == before > 0
    take_up(request_id=planned.pk, actor="test", now=NOW)
    assert books() == []


# --- parts ----------------------------------------------------------------------


@pytest.fixture
def split(team, budget) -> AllocationRequest:
    """1,000 tokens that fit nowhere whole: 600 an hour in one region."""
    only_room(600)
    request = ask_later(team, may_split=True, latest=NEXT_HOUR + timedelta(hours=1, minutes=50))
    run()
    return request


def test_a_split_request_is_taken_up_with_all_its_parts(split, budget):
    made = take_up(request_id=split.pk, actor="test", now=NOW)
    rows = Placement.objects.filter(request=split).order_by("part")
    assert (made.verdict, made.granted_tokens, len(made.parts)) == ("granted", 1000, 2)
    assert sum(each["tokens"] for each in made.parts) == 1000
    assert made.location_g_central == pytest.approx(sum(row.location_g for row in rows))
    assert made.service_micro_usd == sum(row.service_micro_usd for row in rows)
    assert made.hold_expires_at > NEXT_HOUR + timedelta(hours=1)
    assert get_explanation(split.pk)["agrees"]
    assert books() == []


def test_a_split_grant_fills_its_parts_in_the_order_of_their_hours(split, budget):
    take_up(request_id=split.pk, actor="test", now=NOW)
    parts = [hour.promised_tokens for hour in RegionHour.objects.order_by("starts_at")]
    settle(
        request_id=split.pk, used_tokens=parts[0] + 50, quality=None, collaboration=None, actor="test", now=NEXT_HOUR
    )
    assert sum(parts) == 1000 > max(parts)
    assert [hour.promised_tokens for hour in RegionHour.objects.order_by("starts_at")] == [parts[0], 50]
    assert Budget.objects.get(pk=budget).spent == parts[0] + 50
    assert books() == []


def test_a_split_grant_that_is_given_back_frees_every_hour(split, budget):
    take_up(request_id=split.pk, actor="test", now=NOW)
    cancel(request_id=split.pk, actor="test", now=NOW)
    assert [(hour.promised_tokens, hour.planned_tokens) for hour in RegionHour.objects.all()] == [(0, 0), (0, 0)]
    assert Budget.objects.get(pk=budget).reserved == 0
    assert books() == []
