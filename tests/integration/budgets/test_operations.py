"""Allot, configure, reset, rebalance, trade and end: what an operator does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from budgets import services
from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level
from budgets.domain.periods import Period
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, BudgetAlert, LedgerEntry, PeriodRecord, Threshold
from budgets.selectors import get_budget, list_ledger_differences
from budgets.services.escrow import tend
from config.kernel.errors import Conflict, InvalidInput, NotFound
from tests.integration.budgets.work import hold, row, settle, spend
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    services.load_reference(now=NOW)
    return make_team()


def with_tradeable(budget_id, steps: int) -> None:
    """As if so much of a bonus had been earned that may be sold."""
    budget = row(budget_id)
    Budget.objects.filter(pk=budget_id).update(limit=budget.limit + 2 * steps, bonus=2 * steps, tradeable=steps)
    LedgerEntry.objects.create(
        budget=budget, kind="bonus", limit_delta=2 * steps, tradeable_delta=steps, at=NOW, actor="test"
    )


def test_quota_of_one_class_stays_within_it(team):
    every, large, small = (make_budget(team, 1000, model_class=each) for each in ("", "L", "S"))
    for giver in (every, large):
        with_tradeable(giver, 100)
    for giver, taker in ((large, small), (large, every)):
        with pytest.raises(InvalidInput) as refused:
            services.transfer_quota(
                from_id=giver, to_id=taker, amount=Decimal(50), actor="test", reason="step", now=NOW
            )
        assert (refused.value.field, refused.value.code) == ("to", "wrong_class")
    services.transfer_quota(from_id=every, to_id=large, amount=Decimal(50), actor="test", reason="step", now=NOW)
    assert [row(each).limit for each in (every, large, small)] == [1150, 1250, 1000]
    assert list_ledger_differences() == []


def test_rebalancing_leaves_classes_apart(team):
    above = make_budget(team, 4000)
    large, small = (make_budget(team, 1000, parent_id=above, model_class=each) for each in ("L", "S"))
    spend(small, 900)
    lines = services.rebalance(parent_id=above, actor="test", reason="step", now=NOW)
    assert [(line.before, line.after) for line in lines] == [(1000, 1000), (1000, 1000)]
    assert [row(each).limit for each in (large, small)] == [1000, 1000]


@pytest.mark.parametrize("percent", [80, 20])
def test_how_much_may_be_sold_of_a_budget_takes_two_people_where_its_limit_does(team, percent):
    budget = make_budget(team, 1000, needs_two=True)
    with pytest.raises(Conflict) as refused:
        services.configure_budget(budget_id=budget, actor="test", now=NOW, tradeable_percent=percent)
    assert refused.value.code == "needs_two"
    assert row(budget).tradeable_percent == 50


def test_what_was_sold_of_a_budget_that_ends_is_not_its_base_any_more(team):
    budget = make_budget(team, 1000)
    Budget.objects.filter(pk=budget).update(limit=700, sold=300)
    LedgerEntry.objects.create(budget_id=budget, kind="trade", limit_delta=-300, at=NOW, actor="test")
    services.deallocate(budget_id=budget, actor="test", reason="over", now=NOW)
    assert (row(budget).limit, row(budget).sold, row(budget).base_limit) == (0, 0, 0)
    assert list_ledger_differences() == []


def test_a_budget_is_made_with_all_its_knobs_and_says_them(team):
    parent = make_budget(team, 5000)
    budget = make_budget(
        team,
        1000,
        parent_id=parent,
        period=Period.WEEK,
        level=Level.PHASE,
        rollover_percent=30,
        rollover_cap_percent=40,
        overflow_percent=20,
        pool=Decimal(200),
        floor=Decimal(100),
        warning_amounts=[Decimal(500), Decimal(900)],
        needs_two=True,
        gear=GearChoice.DIRECT,
    )
    state = get_budget(budget)
    assert (state.level, state.rollover_percent, state.rollover_cap_percent) == ("phase", 30, 40)
    assert (state.overflow_percent, state.pool, state.floor) == (20, 200, 100)
    assert (state.warning_amounts, state.needs_two, state.gear_choice) == ((500, 900), True, "direct")


def test_a_knob_that_cannot_be_makes_no_budget(team):
    for field, knobs in {
        "pool": {"pool": Decimal(1001)},
        "floor": {"floor": Decimal(1001)},
        "window_hours": {"window_hours": 4},
        "overflow_percent": {"overflow_percent": 10},
    }.items():
        with pytest.raises(InvalidInput) as refused:
            make_budget(team, 1000, **knobs)
        assert refused.value.field == field
    assert not Budget.objects.exists()


def test_knobs_are_turned_and_the_history_keeps_who_did(team):
    budget = make_budget(team, 1000, period=Period.DAY)
    services.configure_budget(
        budget_id=budget, actor="person ada", now=NOW, name="renamed", floor=Decimal(10), rollover_percent=5
    )
    assert (row(budget).name, row(budget).floor, row(budget).rollover_percent) == ("renamed", 10, 5)
    assert row(budget).history.first().history_change_reason == "person ada"
    count = row(budget).history.count()
    services.configure_budget(budget_id=budget, actor="person ada", now=NOW, name="renamed")
    assert row(budget).history.count() == count
    with pytest.raises(InvalidInput):
        services.configure_budget(budget_id=budget, actor="person ada", now=NOW, floor=Decimal(1001), name="no")
    assert row(budget).name == "renamed"


def test_an_amount_that_warns_is_noticed_at_once_if_it_is_passed_already(team):
    budget = make_budget(team, 1000)
    spend(budget, 600)
    services.configure_budget(budget_id=budget, actor="test", now=NOW, warning_amounts=[Decimal(500), Decimal(700)])
    assert get_budget(budget).warnings_passed == (500,)
    assert BudgetAlert.objects.get(kind="amount").level == 500


def test_allotting_sets_the_base_and_leaves_what_is_on_top(team):
    budget = make_budget(team, 1000, floor=Decimal(100))
    with_tradeable(budget, 50)
    services.allot(budget_id=budget, limit=Decimal(500), actor="test", reason="less", now=NOW)
    assert (row(budget).limit, row(budget).base_limit, row(budget).bonus) == (600, 500, 100)
    with pytest.raises(Conflict) as refused:
        services.allot(budget_id=budget, limit=Decimal(99), actor="test", reason="too little", now=NOW)
    assert refused.value.code == "limit_below_floor"
    assert row(budget).base_limit == 500
    assert list_ledger_differences() == []


def test_lowering_a_limit_is_noticed_where_that_passes_a_threshold(team):
    budget = make_budget(team, 1000)
    spend(budget, 500)
    services.allot(budget_id=budget, limit=Decimal(600), actor="test", reason="less", now=NOW)
    assert get_budget(budget).crossed == (75,)


def test_a_reset_begins_a_new_period_and_keeps_reservations(team):
    budget = make_budget(team, 1000, period=Period.DAY)
    spend(budget, 1300, held=500)
    services.reset_budget(budget_id=budget, actor="person ada", reason="a new plan", now=NOW + timedelta(hours=1))
    state = row(budget)
    assert (state.limit, state.spent, state.overdraft) == (1000, 300, 0)
    assert (state.period_starts_at, state.period_ends_at.hour) == (NOW + timedelta(hours=1), 0)
    (record,) = PeriodRecord.objects.filter(budget=budget)
    assert (record.spent, record.overdraft, record.ended_at) == (1000, 300, NOW + timedelta(hours=1))
    last = state.ledger.first()
    assert (last.kind, last.actor, last.reason) == ("reset", "person ada", "a new plan")
    hold(budget, 700, now=NOW + timedelta(hours=1))
    services.reset_budget(budget_id=budget, actor="person ada", reason="again", now=NOW + timedelta(hours=2))
    assert (row(budget).spent, row(budget).reserved) == (0, 700)
    assert list_ledger_differences() == []


def test_a_threshold_can_be_passed_again_after_a_reset(team):
    budget = make_budget(team, 1000)
    spend(budget, 800)
    services.reset_budget(budget_id=budget, actor="test", reason="test", now=NOW + timedelta(minutes=1))
    assert get_budget(budget).crossed == ()
    spend(budget, 800, now=NOW + timedelta(minutes=2))
    assert BudgetAlert.objects.filter(level=75).count() == 2


def test_two_resets_in_one_moment_are_one_record(team):
    budget = make_budget(team, 1000)
    for _ in range(3):
        services.reset_budget(budget_id=budget, actor="test", reason="test", now=NOW)
    assert PeriodRecord.objects.count() == 1


def family(team: Team):
    parent = make_budget(team, 10_000)
    busy, idle, floored = (
        make_budget(team, 1000, name=name, parent_id=parent, **knobs)
        for name, knobs in (("busy", {}), ("idle", {}), ("kept", {"floor": Decimal(400)}))
    )
    spend(busy, 700)
    hold(busy, 200)
    return parent, busy, idle, floored


def rebalance(parent, **how):
    return services.rebalance(parent_id=parent, actor="test", reason="it is needed there", now=NOW, **how)


def test_unused_allotment_flows_to_where_it_is_used(team):
    parent, busy, idle, floored = family(team)
    lines = rebalance(parent)
    assert [(line.name, line.before, line.after, line.used) for line in lines] == [
        ("busy", 1000, 2450, 900),
        ("idle", 1000, 150, 0),
        ("kept", 1000, 400, 0),
    ]
    assert [row(each).limit for each in (busy, idle, floored)] == [2450, 150, 400]
    assert row(busy).ledger.first().reason == "it is needed there"
    assert list_ledger_differences() == []
    assert [line.after for line in rebalance(parent)] == [2450, 150, 400]


def test_what_an_unused_budget_keeps_is_a_threshold_and_never_more_than_it_has(team):
    parent, busy, idle, floored = family(team)
    small = make_budget(team, 100, name="small", parent_id=parent)
    Threshold.objects.filter(pk="share-least").update(value=20)
    rebalance(parent)
    assert [row(each).limit for each in (busy, idle, floored, small)] == [1760, 620, 620, 100]
    assert list_ledger_differences() == []


def test_how_far_rebalancing_looks_back_is_a_threshold(team):
    parent = make_budget(team, 10_000)
    before, lately = (make_budget(team, 1000, name=name, parent_id=parent) for name in ("before", "lately"))
    spend(before, 300)
    spend(lately, 100, now=NOW + timedelta(hours=5))

    def after(hours: int) -> list[Decimal]:
        Threshold.objects.filter(pk="rebalance-recent").update(value=hours)
        now = NOW + timedelta(hours=6)
        trial = services.rebalance(parent_id=parent, actor="test", reason="test", now=now, is_trial=True)
        return [line.after for line in trial]

    assert after(168) == [1500, 500]
    assert after(3) == [300, 1700]


def test_a_trial_changes_nothing_and_says_the_same(team):
    parent, *children = family(team)
    entries = LedgerEntry.objects.count()
    trial = rebalance(parent, is_trial=True)
    assert [row(each).limit for each in children] == [1000, 1000, 1000]
    assert LedgerEntry.objects.count() == entries
    assert rebalance(parent) == trial


def test_only_what_means_the_same_is_shared(team):
    parent = make_budget(team, 10_000)
    spent_daily = make_budget(team, 1000, name="a", parent_id=parent, period=Period.DAY)
    spend(spent_daily, 500)
    money = make_budget(team, 1000, name="b", parent_id=parent, period=Period.DAY, unit=Unit.MICRO_USD)
    monthly = make_budget(team, 1000, name="c", parent_id=parent, period=Period.MONTH)
    guarded = make_budget(team, 1000, name="d", parent_id=parent, period=Period.DAY, needs_two=True)
    assert [line.name for line in rebalance(parent)] == ["a", "b", "c"]
    assert {row(each).limit for each in (spent_daily, money, monthly, guarded)} == {1000}


def test_a_rebalance_of_nothing_is_refused_or_does_nothing(team):
    with pytest.raises(NotFound):
        rebalance(uuid4())
    assert rebalance(make_budget(team, 10)) == []


def trade(giver, taker, amount, **how):
    services.transfer_quota(
        from_id=giver, to_id=taker, amount=Decimal(amount), actor="test", reason="sold", now=NOW, **how
    )


def test_a_trade_moves_quota_and_makes_none(team):
    giver, taker = make_budget(team, 1000), make_budget(team, 500)
    with_tradeable(giver, 100)
    trade(giver, taker, 60)
    sold, bought = row(giver), row(taker)
    assert (sold.limit, sold.tradeable, sold.bonus, sold.base_limit) == (1140, 40, 140, 1000)
    assert (bought.limit, bought.tradeable, bought.bonus, bought.base_limit) == (560, 0, 60, 500)
    assert [
        (each.kind, each.limit_delta, each.tradeable_delta) for each in (sold.ledger.first(), bought.ledger.first())
    ] == [
        ("trade", -60, -60),
        ("trade", 60, 0),
    ]
    assert list_ledger_differences() == []


def test_quota_that_was_bought_ends_with_the_period(team):
    giver, taker = make_budget(team, 1000, period=Period.DAY), make_budget(team, 500, period=Period.DAY)
    with_tradeable(giver, 100)
    trade(giver, taker, 100)
    services.begin_due_periods(now=NOW + timedelta(days=1))
    assert (row(giver).limit, row(giver).tradeable, row(taker).limit) == (1000, 0, 500)
    assert list_ledger_differences() == []


def test_only_what_may_be_sold_and_is_free_is_traded(team):
    giver, taker = make_budget(team, 1000), make_budget(team, 500)
    money = make_budget(team, 500, unit=Unit.MICRO_USD)
    guarded = make_budget(team, 500, needs_two=True)
    with_tradeable(giver, 100)
    hold(giver, 1150)
    refusals = [
        (giver, taker, "101", "not_tradeable"),
        (giver, taker, "51", "not_available"),
        (giver, money, "10", "invalid"),
        (giver, giver, "10", "invalid"),
        (giver, taker, "0", "invalid"),
        (giver, taker, "0.5", "invalid"),
        (giver, uuid4(), "10", "not_found"),
        (giver, guarded, "10", "needs_two"),
    ]
    for one, other, amount, code in refusals:
        with pytest.raises((Conflict, InvalidInput, NotFound)) as refused:
            trade(one, other, amount)
        assert refused.value.code == code
    assert (row(giver).limit, row(taker).limit) == (1200, 500)


def test_what_ends_gives_everything_on_top_back_too(team):
    budget = make_budget(team, 1000)
    with_tradeable(budget, 100)
    spend(budget, 1100)
    services.deallocate(budget_id=budget, actor="test", reason="over", now=NOW)
    state = row(budget)
    assert (state.limit, state.spent, state.tradeable, state.bonus) == (1100, 1100, 0, 0)
    assert list_ledger_differences() == []


def leased_family(team: Team):
    """A parent with a busy child whose block in escrow holds more at the parent than the child uses."""
    parent = make_budget(team, 10_000)
    child = make_budget(team, 8000, parent_id=parent, gear=GearChoice.LEASED)
    amounts = Amounts(tokens=100, carbon_ug=0, micro_usd=0)
    tend(budget_id=child, amounts=amounts, asks_per_second=20.0, now=NOW)
    settle(hold(child, 100), 80)
    assert row(parent).reserved > 100
    return parent, child


def test_what_is_idle_in_escrow_stands_in_nobodys_way(team):
    parent, _ = leased_family(team)
    services.allot(budget_id=parent, limit=Decimal(80), actor="test", reason="no more", now=NOW)
    assert (row(parent).limit, row(parent).spent, row(parent).reserved) == (80, 80, 0)
    assert list_ledger_differences() == []


def test_ending_a_budget_returns_its_block_first(team):
    parent, child = leased_family(team)
    services.deallocate(budget_id=child, actor="test", reason="over", now=NOW)
    assert (row(parent).spent, row(parent).reserved) == (80, 0)
    services.deallocate(budget_id=parent, actor="test", reason="over", now=NOW)
    assert list_ledger_differences() == []


def test_a_reset_counts_what_a_block_had_spent_before_it(team):
    parent, _ = leased_family(team)
    services.reset_budget(budget_id=parent, actor="test", reason="test", now=NOW + timedelta(minutes=1))
    assert PeriodRecord.objects.get(budget=parent).spent == 80
    assert (row(parent).spent, row(parent).reserved) == (0, 0)
    assert list_ledger_differences() == []
