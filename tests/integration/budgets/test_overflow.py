"""Drawing on the pool of the budget above."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Unit
from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from budgets.services.overflow import undo_draw
from tests.integration.budgets.work import hold, row, spend
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return make_team()


def family(team: Team, *, pool: int = 300, percent: int = 50, count: int = 1):
    parent = make_budget(team, 2000, period=Period.DAY, pool=Decimal(pool))
    children = [
        make_budget(team, 400, name=f"child {n}", period=Period.DAY, parent_id=parent, overflow_percent=percent)
        for n in range(count)
    ]
    return parent, children


def draw(budget_id, steps: int) -> bool:
    return services.draw_overflow(budget_id=budget_id, short_steps=steps, now=NOW)


def test_a_draw_raises_the_limit_by_exactly_what_is_short(team):
    parent, (child,) = family(team)
    spend(child, 400)
    assert draw(child, 70)
    state = row(child)
    assert (state.limit, state.pooled, state.base_limit) == (470, 70, 400)
    assert (row(parent).pool_drawn, row(parent).limit) == (70, 2000)
    (drawn,) = state.ledger.filter(kind="overflow")
    assert drawn.limit_delta == 70
    assert list_ledger_differences() == []


def test_draws_stay_within_the_share_that_the_policy_allows(team):
    parent, (child,) = family(team, percent=50)
    assert draw(child, 150)
    assert not draw(child, 51)
    assert draw(child, 50)
    assert not draw(child, 1)
    assert (row(child).pooled, row(parent).pool_drawn) == (200, 200)


def test_all_draws_together_stay_within_the_pool(team):
    parent, (one, other) = family(team, pool=300, count=2)
    assert draw(one, 200)
    assert not draw(other, 101)
    assert draw(other, 100)
    assert (row(other).limit, row(parent).pool_drawn) == (500, 300)
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.filter(pk=parent).update(pool_drawn=301)


def test_nobody_draws_who_may_not(team):
    parent, (child,) = family(team, percent=0)
    other_unit = make_budget(team, 100, unit=Unit.MICRO_USD, parent_id=parent)
    Budget.objects.filter(pk=other_unit).update(overflow_percent=100)
    ended = make_budget(team, 100, period=Period.DAY, parent_id=parent, overflow_percent=100)
    services.deallocate(budget_id=ended, actor="test", reason="over", now=NOW)
    for budget_id in (parent, child, other_unit, ended):
        before = row(budget_id).limit
        assert not draw(budget_id, 10)
        assert row(budget_id).limit == before
    assert row(parent).pool_drawn == 0


def test_nothing_short_draws_nothing(team):
    _, (child,) = family(team)
    assert not draw(child, 0)
    assert row(child).limit == 400


def end(budget_id, *, now=NOW) -> None:
    services.deallocate(budget_id=budget_id, actor="test", reason="over", now=now)


def test_what_was_drawn_and_not_used_goes_back_to_the_pool_when_a_budget_ends(team):
    parent, (child, other) = family(team, count=2)
    assert draw(child, 70)
    assert draw(other, 10)
    spend(child, 420)
    end(child)
    assert (row(child).limit, row(child).pooled) == (420, 0)
    assert row(parent).pool_drawn == 20 + 10
    assert list_ledger_differences() == []


def test_a_draw_of_an_earlier_period_of_the_pool_goes_back_to_nobody(team):
    parent = make_budget(team, 2000, period=Period.DAY, pool=Decimal(300))
    kept, other = (make_budget(team, 400, name=name, parent_id=parent, overflow_percent=50) for name in ("kept", "new"))
    assert draw(kept, 70)
    tomorrow = NOW + timedelta(days=1)
    assert services.draw_overflow(budget_id=other, short_steps=100, now=tomorrow)
    end(kept, now=tomorrow)
    assert row(parent).pool_drawn == 100


def pooled_below_a_small_root(team: Team):
    """A child that may draw on its parent, and a root that cannot pay for what it draws."""
    root = make_budget(team, 100)
    parent = make_budget(team, 1000, parent_id=root, pool=Decimal(300))
    return parent, make_budget(team, 60, parent_id=parent, overflow_percent=100)


def test_a_draw_for_work_that_a_level_above_refuses_is_given_back(team):
    parent, child = pooled_below_a_small_root(team)
    hold(child, 40)
    with pytest.raises(BudgetExhausted) as refused:
        hold(child, 70)
    assert refused.value.facts["limit"] == 100
    assert (row(child).limit, row(child).pooled, row(child).reserved, row(parent).pool_drawn) == (60, 0, 40, 0)
    assert list(row(child).ledger.filter(kind="overflow").values_list("limit_delta", flat=True)) in (
        [50, -50],
        [-50, 50],
    )
    assert list_ledger_differences() == []


def test_what_others_use_of_a_draw_meanwhile_stays_drawn(team):
    parent, child = pooled_below_a_small_root(team)
    assert draw(child, 40)
    hold(child, 70)
    assert undo_draw(budget_id=child, steps=40, now=NOW) == 30
    assert undo_draw(budget_id=child, steps=40, now=NOW) == 0
    assert (row(child).limit, row(child).pooled, row(parent).pool_drawn) == (70, 10, 10)
    assert list_ledger_differences() == []
