"""Quota on offer: kept aside on the whole path, within what may be sold and what is free."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from budgets import services
from budgets.domain.gears import GearChoice
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, EscrowLease, Hold, LedgerEntry
from budgets.selectors import (
    count_open_holds,
    list_holds_on,
    list_ledger_differences,
    list_sellable,
    total_base_steps,
)
from budgets.services import escrow
from config.kernel.errors import Conflict, InvalidInput
from dashboard.presentation.budget import hold_row
from tests.integration.budgets.quota_work import deliver, figures, give, make_path, offer, sellable, take
from tests.integration.budgets.work import hold, row, spend
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db


def refusal(budget_id, steps, name="one", *, keep=0, now=NOW) -> Conflict:
    """Why an offer is refused; nothing has changed by it."""
    before = (figures(budget_id), LedgerEntry.objects.count(), list(Hold.objects.values_list("pk", "fence")))
    with pytest.raises(Conflict) as caught:
        offer(budget_id, steps, name, keep=keep, now=now)
    assert (figures(budget_id), LedgerEntry.objects.count(), list(Hold.objects.values_list("pk", "fence"))) == before
    return caught.value


def test_an_offer_reserves_exactly_what_it_is_set_to_at_every_level():
    leaf, root = make_path(1000, 5000)
    first = offer(leaf, 300)
    assert figures(leaf, root) == [(1000, 300, 0, 0), (5000, 300, 0, 0)]
    assert offer(leaf, 700) == offer(leaf, 120) == first
    assert figures(leaf, root) == [(1000, 120, 0, 0), (5000, 120, 0, 0)]
    assert offer(leaf, 0) is None
    assert (figures(leaf, root), Hold.objects.get().status) == ([(1000, 0, 0, 0), (5000, 0, 0, 0)], "released")
    assert list_ledger_differences() == []


def test_levels_of_another_unit_are_not_touched():
    team = make_team()
    grams = make_budget(team, 50, unit=Unit.CARBON_G, name="grams", period=Period.MONTH)
    leaf = make_budget(team, 1000, parent_id=grams, period=Period.MONTH)
    offer(leaf, 500)
    assert (row(leaf).reserved, row(grams).reserved) == (500, 0)
    deliver([give(leaf, 500, "one")], [take(make_path(10)[0], 500)])
    assert (row(leaf).limit, row(grams).limit) == (500, 50_000_000)
    assert list_ledger_differences() == []


@pytest.mark.parametrize("unit", [Unit.CARBON_G, Unit.ENERGY_WH])
def test_grams_and_watt_hours_are_offered_too(unit):
    (leaf,) = make_path(10, unit=unit)
    offer(leaf, 4_000_000)
    assert (row(leaf).reserved, sellable(leaf).on_offer, sellable(leaf).steps) == (4_000_000, 4_000_000, 6_000_000)
    assert list_ledger_differences() == []


def test_of_the_base_the_share_of_the_budget_may_be_sold_and_all_of_the_tradeable_bonus():
    (leaf,) = make_path(1000, tradeable_percent=40)
    earn(leaf, 100, tradeable=30)
    assert sellable(leaf).steps == 430
    offer(leaf, 400)
    refused = refusal(leaf, 31, "two")
    assert (refused.code, refused.facts["budget"]) == ("not_tradeable", str(leaf))
    offer(leaf, 30, "two")
    assert (sellable(leaf).on_offer, sellable(leaf).steps) == (430, 0)
    assert refusal(leaf, 401).code == "not_tradeable"


def test_what_was_sold_is_not_sold_again():
    leaf, taker = *make_path(1000, tradeable_percent=50), *make_path(1)
    offer(leaf, 400)
    deliver([give(leaf, 400, "one")], [take(taker, 400)])
    assert sellable(leaf).steps == 100
    assert refusal(leaf, 101, "two").code == "not_tradeable"


def test_what_was_bought_is_not_sold_on_and_does_not_count_to_what_stays():
    leaf, seller = *make_path(1000), *make_path(1000)
    deliver([give(seller, 500)], [take(leaf, 500)])
    spend(leaf, 700)
    assert (sellable(leaf).tradeable, sellable(leaf).free) == (300, 800)
    assert refusal(leaf, 301).code == "not_tradeable"
    assert refusal(leaf, 201, keep=100).code == "minimum_balance"
    assert offer(leaf, 200, keep=100)


def test_an_offer_may_shrink_below_any_rule():
    (leaf,) = make_path(1000)
    offer(leaf, 500)
    services.configure_budget(budget_id=leaf, actor="test", now=NOW, tradeable_percent=0)
    assert offer(leaf, 400, keep=900)
    assert refusal(leaf, 401).code == "not_tradeable"


def test_what_is_spent_or_reserved_anywhere_on_the_path_is_not_offered():
    leaf, root = make_path(1000, 1200)
    spend(leaf, 100)
    hold(root, 700)
    refused = refusal(leaf, 401)
    assert (refused.code, refused.facts["budget"]) == ("not_available", str(root))
    assert sellable(leaf).free == 400
    hold(leaf, 350)
    refused = refusal(leaf, 600)
    assert (refused.code, refused.facts["budget"]) == ("not_available", str(leaf))
    assert offer(leaf, 50)


def test_an_offer_never_draws_on_the_pool():
    team = make_team()
    root = make_budget(team, 1000, pool=Decimal(500), period=Period.MONTH)
    leaf = make_budget(
        team, 100, parent_id=root, overflow_percent=100, tradeable_percent=100, period=Period.MONTH, name="leaf"
    )
    spend(leaf, 60)
    assert refusal(leaf, 50).code == "not_available"
    assert (row(leaf).pooled, row(root).pool_drawn) == (0, 0)
    hold(leaf, 60)
    assert (row(leaf).pooled, sellable(leaf).steps) == (20, 0)


def test_who_sold_draws_so_much_less_on_the_pool():
    team = make_team()
    root = make_budget(team, 1000, pool=Decimal(500), period=Period.MONTH)
    leaf = make_budget(
        team, 100, parent_id=root, overflow_percent=50, tradeable_percent=100, period=Period.MONTH, name="leaf"
    )
    deliver([give(leaf, 30)], [take(make_path(1)[0], 30)])
    with pytest.raises(BudgetExhausted):
        hold(leaf, 70 + 21)
    hold(leaf, 70 + 20)
    assert (row(leaf).limit, row(leaf).pooled) == (90, 20)


def test_idle_blocks_in_escrow_are_called_back_for_an_offer():
    leaf, root = make_path(1000, 1000, gear=GearChoice.LEASED)
    hold(leaf, 10)
    escrow.tend(budget_id=leaf, amounts=Amounts(tokens=10, carbon_ug=0, micro_usd=0), asks_per_second=20.0, now=NOW)
    assert EscrowLease.objects.get().free_tokens > 0
    assert sellable(leaf).free == 990
    assert offer(leaf, 990)
    assert figures(leaf, root) == [(1000, 1000, 0, 0), (1000, 1000, 0, 0)]
    assert list_ledger_differences() == []


def test_who_needs_a_second_person_and_who_counts_a_window_offers_nothing():
    (two,) = make_path(1000, needs_two=True)
    (rolling,) = make_path(1000, period=Period.ROLLING, window_hours=5)
    assert (sellable(two).steps, sellable(rolling).steps) == (0, 0)
    assert refusal(two, 1).code == "needs_two"
    with pytest.raises(InvalidInput):
        offer(rolling, 1)


def test_an_offer_is_not_swept_not_released_and_no_work():
    (leaf,) = make_path(1000)
    held = offer(leaf, 300)
    later = NOW + timedelta(days=400)
    assert services.sweep_holds(now=later) == 0
    assert count_open_holds(team_ids=None) == 0
    for end in (services.release_hold, services.settle_hold):
        more = {"amounts": Amounts(tokens=300, carbon_ug=0, micro_usd=0)} if end is services.settle_hold else {}
        with pytest.raises(Conflict) as caught:
            end(hold_id=held, actor="test", now=later, **more)
        assert caught.value.code == "quota_on_offer"
    with pytest.raises(Conflict) as caught:
        services.deallocate(budget_id=leaf, actor="test", reason="over", now=NOW)
    assert caught.value.code == "quota_on_offer"
    assert row(leaf).reserved == 300


def test_the_api_says_what_a_budget_could_sell_and_its_page_what_is_on_offer():
    team = make_team()
    (leaf,) = make_path(1000, team=team, tradeable_percent=60)
    offer(leaf, 250)
    answer = team.client.get(f"/api/v1/budgets/{leaf}/").json()
    assert (answer["sellable"], answer["reserved"]) == (350, 250)
    shown = hold_row(list_holds_on(leaf)[0], Unit.TOKENS)
    assert (shown["reference"], shown["ends_at"]) == ("on offer: order:one", "")


def test_a_budget_that_is_not_there_or_has_ended_offers_nothing():
    (leaf,) = make_path(1000)
    services.deallocate(budget_id=leaf, actor="test", reason="over", now=NOW)
    assert list_sellable([leaf], now=NOW) == {}
    with pytest.raises(InvalidInput):
        offer(leaf, 1)


def test_all_the_quota_there_is_counts_the_topmost_budgets_once():
    team = make_team()
    leaf, _, _ = make_path(100, 500, 900, team=team)
    make_path(70, team=team, model_class="L")
    make_path(40, team=team, period=Period.DAY)
    ended, _ = make_path(30, 33, team=team)
    services.deallocate(budget_id=ended, actor="test", reason="over", now=NOW)
    deliver([give(leaf, 60)], [take(make_path(5)[0], 60)])
    assert total_base_steps(unit=Unit.TOKENS, period=Period.MONTH, model_class="") == 900 + 33 + 5
    assert total_base_steps(unit=Unit.TOKENS, period=Period.MONTH, model_class="L") == 70
    assert total_base_steps(unit=Unit.ENERGY_WH, period=Period.MONTH, model_class="") == 0


def test_a_bonus_that_is_on_offer_is_not_given_away_too():
    (seller,), (friend,), (buyer,) = make_path(1000, tradeable_percent=10), make_path(1), make_path(1)
    earn(seller, 200, tradeable=100)
    offer(seller, 150)

    def give_away(steps: int) -> None:
        services.transfer_quota(from_id=seller, to_id=friend, amount=Decimal(steps), actor="a", reason="b", now=NOW)

    with pytest.raises(Conflict, match="50 tokens") as refused:
        give_away(51)
    assert refused.value.code == "not_tradeable"
    assert figures(seller)[0] == (1200, 150, 0, 200)
    give_away(50)
    deliver([give(seller, 150, "one")], [take(buyer, 150)])
    left = row(seller)
    assert (left.base_limit, left.sold, left.tradeable, left.limit) == (1000, 100, 0, 1000)
    assert sellable(seller).steps == 0
    assert list_ledger_differences() == []


def earn(budget_id, bonus: int, *, tradeable: int) -> None:
    """As if its last period had been efficient."""
    before = row(budget_id)
    Budget.objects.filter(pk=budget_id).update(limit=before.limit + bonus, bonus=bonus, tradeable=tradeable)
    LedgerEntry.objects.create(
        budget_id=budget_id, kind="bonus", limit_delta=bonus, tradeable_delta=tradeable, at=NOW, actor="test"
    )
