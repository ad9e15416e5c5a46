from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, BudgetAlert, EscrowLease, Hold, LedgerEntry
from budgets.selectors import get_budget, list_ledger, list_ledger_differences, list_overdue_holds
from budgets.services import escrow
from config.kernel.errors import Conflict, InvalidInput, NotFound
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    services.load_reference(now=NOW)
    return make_team()


def hold(budget_id: UUID, tokens: int = 1000, *, carbon_ug: int = 0, micro_usd: int = 0, now=NOW, reference=None):
    return services.place_hold(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=carbon_ug, micro_usd=micro_usd),
        reference=reference or f"test:{uuid4()}",
        lease_expires_at=now + timedelta(hours=1),
        actor="test",
        now=now,
    )


def settle(hold_id: UUID, tokens: int, now=NOW):
    amounts = Amounts(tokens=tokens, carbon_ug=0, micro_usd=0)
    return services.settle_hold(hold_id=hold_id, amounts=amounts, actor="test", now=now)


def figures(budget_id: UUID) -> tuple[int, int, int, int]:
    row = Budget.objects.get(pk=budget_id)
    return row.limit, row.spent, row.reserved, row.overdraft


def test_a_hold_charges_every_level_in_its_own_unit(team):
    money = make_budget(team, 5_000_000, unit=Unit.MICRO_USD)
    carbon = make_budget(team, 100, unit=Unit.CARBON_G, parent_id=money)
    tokens = make_budget(team, 10_000, parent_id=carbon)
    hold(tokens, 1000, carbon_ug=2_500_000, micro_usd=70)
    assert figures(tokens)[2] == 1000
    assert figures(carbon)[2] == 2_500_000
    assert figures(money)[2] == 70
    assert list_ledger_differences() == []


def test_a_refusal_names_the_level_unit_and_what_is_left_and_changes_nothing(team):
    top = make_budget(team, 500, name="top", period=Period.DAY)
    leaf = make_budget(team, 10_000, name="leaf", parent_id=top)
    with pytest.raises(BudgetExhausted) as refused:
        hold(leaf, 501)
    assert refused.value.facts == {
        "budget": str(top),
        "unit": "tokens",
        "limit": 500,
        "remaining": 500,
        "needed": 501,
        "resets_at": "2026-03-05T00:00:00+00:00",
        "level": "team",
    }
    assert figures(leaf) == (10_000, 0, 0, 0)
    assert not Hold.objects.exists()
    assert not LedgerEntry.objects.filter(kind="hold").exists()


def test_exactly_what_fits_is_held(team):
    budget = make_budget(team, 2500)
    hold(budget)
    hold(budget)
    with pytest.raises(BudgetExhausted):
        hold(budget)
    hold(budget, 500)
    assert figures(budget) == (2500, 0, 2500, 0)


def test_settling_spends_what_was_used_and_frees_the_rest(team):
    budget = make_budget(team)
    settle(hold(budget, 1000).hold_id, 700)
    assert figures(budget) == (10_000, 700, 0, 0)
    assert list_ledger_differences() == []


def test_more_than_was_held_is_spent_where_there_is_room_and_else_overdrawn(team):
    budget = make_budget(team, 1000)
    settle(hold(budget, 800).hold_id, 1300)
    assert figures(budget) == (1000, 1000, 0, 300)
    assert list_ledger_differences() == []


def test_an_overdraft_is_paid_first_from_the_next_period(team):
    budget = make_budget(team, 1000, period=Period.DAY)
    settle(hold(budget, 800).hold_id, 1300)
    tomorrow = NOW + timedelta(days=1)
    hold(budget, 100, now=tomorrow)
    assert figures(budget) == (1000, 300, 100, 0)
    assert get_budget(budget).period_ends_at == tomorrow.replace(hour=0, minute=0) + timedelta(days=1)
    assert list_ledger_differences() == []


def test_a_new_period_is_whole_again_but_keeps_open_holds(team):
    budget = make_budget(team, 1000, period=Period.HOUR)
    settle(hold(budget, 600).hold_id, 600)
    hold(budget, 400)
    with pytest.raises(BudgetExhausted):
        hold(budget, 1, now=NOW + timedelta(minutes=5))
    hold(budget, 600, now=NOW + timedelta(hours=1))
    assert figures(budget) == (1000, 0, 1000, 0)
    assert list_ledger_differences() == []


def test_a_hold_resolves_once(team):
    budget = make_budget(team)
    hold_id = hold(budget).hold_id
    settle(hold_id, 10)
    with pytest.raises(Conflict):
        settle(hold_id, 10)
    with pytest.raises(Conflict):
        services.release_hold(hold_id=hold_id, actor="test", now=NOW)
    with pytest.raises(Conflict):
        services.expire_hold(hold_id=hold_id, now=NOW)
    assert figures(budget) == (10_000, 10, 0, 0)
    with pytest.raises(NotFound):
        settle(uuid4(), 10)


def test_releasing_gives_everything_back(team):
    budget = make_budget(team)
    services.release_hold(hold_id=hold(budget).hold_id, actor="test", now=NOW)
    assert figures(budget) == (10_000, 0, 0, 0)


def test_an_expired_hold_is_given_back_and_can_still_be_settled_once(team):
    budget = make_budget(team)
    hold_id = hold(budget).hold_id
    assert list_overdue_holds(now=NOW + timedelta(minutes=59)) == []
    late = NOW + timedelta(hours=1)
    assert [each.hold_id for each in list_overdue_holds(now=late)] == [hold_id]
    services.expire_hold(hold_id=hold_id, now=late)
    assert figures(budget) == (10_000, 0, 0, 0)
    settle(hold_id, 250, now=late)
    assert figures(budget) == (10_000, 250, 0, 0)
    with pytest.raises(Conflict):
        settle(hold_id, 250, now=late)
    assert list_ledger_differences() == []


def test_each_threshold_is_recorded_once_per_period(team):
    budget = make_budget(team, 1000, period=Period.HOUR)
    assert hold(budget, 700).warning_percent is None
    placed = hold(budget, 160)
    assert placed.warning_percent == 85
    settle(placed.hold_id, 160)
    services.release_hold(hold_id=hold(budget, 10).hold_id, actor="test", now=NOW)
    assert list(BudgetAlert.objects.order_by("level").values_list("level", flat=True)) == [75, 85]
    assert get_budget(budget).crossed == (75, 85)
    hold(budget, 60, now=NOW + timedelta(hours=1))
    assert get_budget(budget).crossed == (75,)  # 700 of the first hour are still reserved


def test_the_database_itself_refuses_to_overspend(team):
    budget = make_budget(team, 100)
    for change in ({"spent": 101}, {"reserved": -1}, {"spent": -1}, {"overdraft": -1}, {"limit": F("limit") - 101}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Budget.objects.filter(pk=budget).update(**change)
    assert figures(budget) == (100, 0, 0, 0)


def test_one_piece_of_work_has_one_open_hold(team):
    budget = make_budget(team)
    hold(budget, 10, reference="request:1")
    with pytest.raises(Conflict) as refused:
        hold(budget, 10, reference="request:1")
    assert refused.value.code == "reference_in_use"
    assert figures(budget)[2] == 10


def test_a_limit_can_be_raised_and_lowered_to_what_is_used(team):
    budget = make_budget(team, 1000)
    hold(budget, 600)
    services.allot(budget_id=budget, limit=Decimal(600), actor="test", reason="less", now=NOW)
    with pytest.raises(Conflict):
        services.allot(budget_id=budget, limit=Decimal(599), actor="test", reason="too little", now=NOW)
    services.allot(budget_id=budget, limit=Decimal(2000), actor="test", reason="more", now=NOW)
    assert figures(budget) == (2000, 0, 600, 0)
    assert list_ledger_differences() == []


def test_an_ended_budget_pays_no_more_and_keeps_its_ledger(team):
    budget = make_budget(team, 1000)
    hold_id = hold(budget, 600).hold_id
    with pytest.raises(Conflict):
        services.deallocate(budget_id=budget, actor="test", reason="over", now=NOW)
    settle(hold_id, 600)
    services.deallocate(budget_id=budget, actor="test", reason="over", now=NOW)
    with pytest.raises(InvalidInput):
        hold(budget, 1)
    assert figures(budget) == (600, 600, 0, 0)
    assert [line.kind for line in list_ledger(budget)] == ["deallocate", "settle", "hold", "allot"]
    assert list_ledger_differences() == []


def test_a_parent_with_children_cannot_end(team):
    top = make_budget(team, 1000)
    make_budget(team, 100, parent_id=top)
    with pytest.raises(Conflict):
        services.deallocate(budget_id=top, actor="test", reason="over", now=NOW)


@pytest.mark.parametrize("limit", ["0", "-5", "0.5", "1e19"])
def test_a_limit_that_cannot_be_is_refused(team, limit):
    with pytest.raises(InvalidInput) as refused:
        make_budget(team, limit)
    assert refused.value.field == "limit"
    assert not Budget.objects.exists()


def test_a_parent_of_another_organisation_is_refused(team):
    foreign = make_budget(make_team("Other"), 1000)
    with pytest.raises(InvalidInput) as refused:
        make_budget(team, 100, parent_id=foreign)
    assert refused.value.field == "parent"


def test_a_tree_has_a_greatest_depth(team):
    parent = None
    for _ in range(8):
        parent = make_budget(team, 1000, parent_id=parent)
    with pytest.raises(InvalidInput):
        make_budget(team, 1000, parent_id=parent)


def test_a_changed_ledger_is_noticed(team):
    budget = make_budget(team, 1000)
    hold(budget, 100)
    Budget.objects.filter(pk=budget).update(reserved=90)
    assert len(list_ledger_differences()) == 2


def test_a_budget_that_nobody_asks_is_whole_again_in_its_new_period(team):
    budget = make_budget(team, 1000, period=Period.DAY)
    settle(hold(budget, 990).hold_id, 990)
    make_budget(team, 1000, period=Period.ONE_OFF)
    tomorrow = NOW + timedelta(days=1)
    assert services.begin_due_periods(now=NOW) == 0
    assert services.begin_due_periods(now=tomorrow) == 1
    state = get_budget(budget)
    assert (state.spent, state.status, state.crossed) == (0, "ok", ())
    assert list_ledger_differences() == []


def test_a_limit_is_compared_with_the_use_of_the_present_period(team):
    budget = make_budget(team, 1000, period=Period.DAY)
    settle(hold(budget, 990).hold_id, 990)
    tomorrow = NOW + timedelta(days=1)
    services.allot(budget_id=budget, limit=Decimal(500), actor="test", reason="less", now=tomorrow)
    assert figures(budget) == (500, 0, 0, 0)
    assert list_ledger_differences() == []


def test_a_final_refusal_does_not_queue_for_blocks_of_which_nothing_is_idle(team, monkeypatch):
    top = make_budget(team, 10_000)
    leaf = make_budget(team, 100_000, parent_id=top)
    escrow.tend(budget_id=leaf, amounts=Amounts(tokens=5, carbon_ug=0, micro_usd=0), asks_per_second=50.0, now=NOW)
    in_block = EscrowLease.objects.get(budget=leaf).free_tokens
    assert 0 < in_block < 10_000
    hold(leaf, in_block)
    hold(leaf, 10_000 - in_block)
    with monkeypatch.context() as patched:
        patched.setattr(escrow, "recall_under", lambda **_: pytest.fail("every lease was locked for nothing"))
        with pytest.raises(BudgetExhausted):
            hold(leaf, 1)
    assert figures(top) == (10_000, 0, 10_000, 0)
