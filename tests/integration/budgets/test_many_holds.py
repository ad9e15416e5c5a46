"""Holds of many asks in one transaction: each is placed or refused by itself, and what can be mended is."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from budgets import services
from budgets.domain.asks import HoldAsk, PlacedHold
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.models import Budget, EscrowLease, Hold
from budgets.selectors import list_ledger_differences
from budgets.services import escrow
from config.kernel.errors import Conflict, InvalidInput
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db):
    services.load_reference(now=NOW)
    return make_team()


def ask(budget_id, tokens=100, *, reference="", now=NOW):
    return HoldAsk(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
        reference=reference or f"test:{uuid4()}",
        lease_expires_at=now + timedelta(hours=1),
        actor="test",
    )


def place(*asks, now=NOW, are_dispatched=True):
    return services.place_holds(asks, are_dispatched=are_dispatched, now=now)


def test_each_ask_is_placed_or_refused_by_itself(team):
    small, large = make_budget(team, 150), make_budget(team, 1000, name="large")
    outcomes = place(ask(small), ask(small), ask(large), ask(uuid4()))
    assert [type(each) for each in outcomes] == [PlacedHold, BudgetExhausted, PlacedHold, InvalidInput]
    assert (outcomes[0].left, outcomes[2].left) == (50, 900)
    assert list_ledger_differences() == []


def test_holds_are_at_work_at_once_where_that_is_asked_for(team):
    budget = make_budget(team)
    [working], [waiting] = place(ask(budget)), place(ask(budget), are_dispatched=False)
    at_work, reserved = Hold.objects.get(pk=working.hold_id), Hold.objects.get(pk=waiting.hold_id)
    assert (at_work.status, at_work.fence, at_work.dispatched_at) == ("dispatched", working.fence, NOW)
    assert (reserved.status, reserved.fence, reserved.dispatched_at) == ("reserved", waiting.fence, None)


def test_a_reference_that_is_taken_leaves_its_neighbours_alone(team):
    budget = make_budget(team)
    place(ask(budget, reference="work"))
    outcomes = place(ask(budget), ask(budget, reference="work"), ask(budget))
    assert [type(each) for each in outcomes] == [PlacedHold, Conflict, PlacedHold]
    assert Budget.objects.get(pk=budget).reserved == 300


def test_an_amount_that_is_none_changes_nothing(team):
    budget = make_budget(team)
    with pytest.raises(InvalidInput):
        place(ask(budget), ask(budget, -1))
    assert not Hold.objects.exists()


def test_a_period_that_is_over_begins_anew_for_all(team):
    budget = make_budget(team, 250, period=Period.DAY)
    place(ask(budget, 200))
    services.release_hold(hold_id=Hold.objects.get().pk, actor="test", now=NOW)
    tomorrow = NOW + timedelta(days=1)
    outcomes = place(*[ask(budget, now=tomorrow) for _ in range(3)], now=tomorrow)
    assert [type(each) for each in outcomes] == [PlacedHold, PlacedHold, BudgetExhausted]
    assert list_ledger_differences() == []


def test_what_a_block_holds_free_is_called_back_for_others(team):
    above = make_budget(team, 100_000, team_id=None, level="organisation", name="above")
    hot, other = (make_budget(team, 100_000, name=name, parent_id=above) for name in ("hot", "other"))
    escrow.tend(budget_id=hot, amounts=ask(hot).amounts, asks_per_second=100.0, now=NOW)
    held = Budget.objects.get(pk=above).reserved
    assert held > 100
    outcomes = place(ask(hot), ask(other, 100_000 - held), ask(other, 100))
    assert [type(each) for each in outcomes] == [PlacedHold] * 3
    assert EscrowLease.objects.exists()
    assert list_ledger_differences() == []


def test_what_is_drawn_from_a_pool_for_nothing_goes_back(team):
    above = make_budget(
        team, 150, team_id=None, level="organisation", name="above", pool=Decimal(100), period=Period.DAY
    )
    below = make_budget(team, 100, name="below", parent_id=above, overflow_percent=100, period=Period.DAY)
    outcomes = place(ask(below, 130), ask(below, 60))
    assert [type(each) for each in outcomes] == [PlacedHold, BudgetExhausted]
    rows = {each.name: each for each in Budget.objects.all()}
    assert (rows["below"].pooled, rows["above"].pool_drawn, rows["below"].reserved) == (30, 30, 130)
    assert list_ledger_differences() == []
