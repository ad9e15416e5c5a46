"""Quota that is delivered: what moves at which level, that none is made or lost, and what the turn makes of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import LARGEST_AMOUNT, Unit
from budgets.events import BudgetsChanged
from budgets.models import Budget, BudgetAlert, Hold, HoldLine, LedgerEntry
from budgets.selectors import list_headrooms, list_ledger_differences
from budgets.services.quota import delivering
from config.kernel.errors import Conflict, InvalidInput
from tests.integration.budgets.quota_work import deliver, figures, give, make_path, offer, sellable, take
from tests.integration.budgets.work import hold, row, settle, spend
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
NEXT_MONTH = NOW + timedelta(days=31)


def refuse(error: type[Exception], gives, takes) -> Exception:
    """The delivery fails, and nothing has moved."""
    before = list(Budget.objects.order_by("pk").values()), list(Hold.objects.order_by("pk").values())
    entries = LedgerEntry.objects.count()
    with pytest.raises(error) as caught:
        deliver(gives, takes)
    assert (list(Budget.objects.order_by("pk").values()), list(Hold.objects.order_by("pk").values())) == before
    assert LedgerEntry.objects.count() == entries
    return caught.value


def test_quota_leaves_the_givers_path_and_comes_to_the_takers():
    seller, seller_root = make_path(1000, 5000)
    buyer, buyer_root = make_path(200, 900)
    offer(seller, 300)
    deliver([give(seller, 300, "one")], [take(buyer, 300)])
    assert figures(seller, seller_root) == [(700, 0, 300, 0), (4700, 0, 300, 0)]
    assert figures(buyer, buyer_root) == [(500, 0, 0, 300), (1200, 0, 0, 300)]
    assert Hold.objects.get().status == "released"
    assert list_ledger_differences() == []


def test_part_of_an_offer_leaves_the_rest_on_offer():
    seller, root = make_path(1000, 5000)
    (buyer,) = make_path(1)
    offer(seller, 300)
    deliver([give(seller, 100, "one"), give(seller, 50, "one")], [take(buyer, 150)])
    assert figures(seller, root) == [(850, 150, 150, 0), (4850, 150, 150, 0)]
    kept = Hold.objects.get()
    assert (kept.status, kept.tokens, kept.fence) == ("reserved", 150, 2)
    assert set(HoldLine.objects.values_list("reserved", flat=True)) == {150}
    assert offer(seller, 0) is None
    assert figures(seller, root) == [(850, 0, 150, 0), (4850, 0, 150, 0)]
    assert list_ledger_differences() == []


def test_where_paths_meet_only_the_difference_moves():
    team = make_team()
    root = make_budget(team, 5000, name="root", period=Period.MONTH)
    one, two, three = [
        make_budget(team, 1000, name=f"{n}", parent_id=root, period=Period.MONTH, tradeable_percent=100)
        for n in range(3)
    ]
    (outside,) = make_path(10)
    offer(one, 300)
    deliver([give(one, 300, "one"), give(two, 200)], [take(three, 400), take(outside, 100)])
    assert figures(one, two, three) == [(700, 0, 300, 0), (800, 0, 200, 0), (1400, 0, 0, 400)]
    assert figures(root) == [(4900, 0, 100, 0)]
    entries = LedgerEntry.objects.filter(budget=root, kind="trade")
    assert list(entries.values_list("limit_delta", "reserved_delta")) == [(-100, -300)]
    assert list_ledger_differences() == []


def test_the_tradeable_bonus_goes_first():
    (seller,), (buyer,) = make_path(1000), make_path(1)
    Budget.objects.filter(pk=seller).update(limit=1100, bonus=100, tradeable=60)
    LedgerEntry.objects.create(
        budget_id=seller, kind="bonus", limit_delta=100, tradeable_delta=60, at=NOW, actor="test"
    )
    offer(seller, 50)
    offer(seller, 40, "two")
    deliver([give(seller, 50, "one"), give(seller, 40, "two")], [take(buyer, 90)])
    found = row(seller)
    assert (found.limit, found.bonus, found.tradeable, found.sold, found.base_limit) == (1010, 40, 0, 30, 1000)
    deltas = LedgerEntry.objects.filter(kind="trade", budget=seller).order_by("limit_delta")
    assert sum(each.tradeable_delta for each in deltas) == -60
    assert list_ledger_differences() == []


def test_what_is_lent_and_comes_back_leaves_everything_as_it_was():
    lender, lender_root = make_path(1000, 5000)
    borrower, borrower_root = make_path(200, 900)
    before = figures(lender, lender_root, borrower, borrower_root)
    deliver([give(lender, 300)], [take(borrower, 300)])
    spend(borrower, 100)
    deliver([give(borrower, 300, bought_first=True)], [take(lender, 300, sold_first=True)])
    assert figures(lender, lender_root, borrower, borrower_root) == before
    assert sellable(lender).steps == 1000
    assert list_ledger_differences() == []


def test_what_was_bought_and_is_used_up_is_given_back_out_of_the_base():
    (borrower,), (lender,) = make_path(500), make_path(500)
    deliver([give(lender, 100)], [take(borrower, 100)])
    deliver([give(borrower, 150, bought_first=True)], [take(lender, 150, sold_first=True)])
    assert figures(borrower, lender) == [(450, 0, 50, 0), (550, 0, 0, 50)]
    assert list_ledger_differences() == []


def test_who_gives_without_an_offer_must_have_it_free_at_every_level():
    leaf, root = make_path(1000, 1200)
    (buyer,) = make_path(1)
    hold(root, 900)
    refused = refuse(Conflict, [give(leaf, 301)], [take(buyer, 301)])
    assert (refused.code, refused.facts["budget"]) == ("not_available", str(root))
    spend(leaf, 250)
    assert refuse(Conflict, [give(leaf, 51)], [take(buyer, 51)]).facts["budget"] == str(root)
    deliver([give(leaf, 50)], [take(buyer, 50)])
    assert row(root).limit == 1150


@pytest.mark.parametrize("name", ["a,b", 'say "so"', "back\\slash", "{}", "NULL", "it's"])
def test_an_offer_may_have_any_name(name):
    (leaf,), (buyer,) = make_path(1000), make_path(1)
    offer(leaf, 100, name)
    deliver([give(leaf, 60, name)], [take(buyer, 60)])
    assert row(leaf).reserved == 40


def test_more_than_an_offer_holds_is_not_delivered():
    (leaf,), (buyer,) = make_path(1000), make_path(1)
    offer(leaf, 100)
    refused = refuse(Conflict, [give(leaf, 60, "one"), give(leaf, 50, "one")], [take(buyer, 110)])
    assert (refused.code, refused.facts["budget"]) == ("not_available", str(leaf))
    assert refuse(Conflict, [give(leaf, 10, "none")], [take(buyer, 10)]).code == "not_available"


def test_a_delivery_that_does_not_add_up_is_a_mistake():
    (leaf,), (buyer,), (grams,) = make_path(1000), make_path(1), make_path(1, unit=Unit.CARBON_G)
    refuse(ValueError, [give(leaf, 10)], [take(buyer, 11)])
    refuse(ValueError, [give(leaf, 0)], [take(buyer, 0)])
    refuse(ValueError, [give(leaf, 10)], [take(grams, 10)])
    offer(buyer, 1)
    refuse(ValueError, [give(leaf, 1, "one")], [take(buyer, 1)])
    deliver([], [])


def test_a_taker_that_has_ended_is_named():
    (leaf,), (buyer,) = make_path(1000), make_path(5)
    services.deallocate(budget_id=buyer, actor="test", reason="over", now=NOW)
    refused = refuse(InvalidInput, [give(leaf, 10)], [take(buyer, 10)])
    assert refused.facts["budget"] == str(buyer)
    (rolling,) = make_path(5, period=Period.ROLLING, window_hours=5)
    refuse(InvalidInput, [give(leaf, 10)], [take(rolling, 10)])


def test_a_budget_of_the_largest_amount_takes_what_it_bought_so_that_it_holds_up_nobody_else():
    (giver,), (full,) = make_path(1_000), make_path(LARGEST_AMOUNT)
    offer(giver, 400)
    deliver([give(giver, 400, "one")], [take(full, 400)])
    assert (row(full).limit, row(full).bonus) == (LARGEST_AMOUNT + 400, 400)
    assert list_ledger_differences() == []


def test_a_limit_that_no_column_holds_is_refused_and_nothing_moves():
    (giver,), (full,) = make_path(LARGEST_AMOUNT), make_path(LARGEST_AMOUNT)
    with pytest.raises(InvalidInput, match="too large"):
        deliver([give(giver, LARGEST_AMOUNT)], [take(full, LARGEST_AMOUNT)])
    assert row(giver).limit == row(full).limit == LARGEST_AMOUNT


def test_the_base_is_whole_again_in_the_next_period():
    seller, root = make_path(1000, 5000, rollover_percent=50)
    (buyer,) = make_path(100)
    deliver([give(seller, 300)], [take(buyer, 300)])
    spend(seller, 200)
    levels = list_headrooms([seller], now=NEXT_MONTH)[seller]
    services.begin_due_periods(now=NEXT_MONTH)
    # 1000 - 300 - 200 were left, half of it goes on.
    assert figures(seller) == [(1250, 0, 0, 0)]
    assert figures(root) == [(5000 + (5000 - 300 - 200) // 2, 0, 0, 0)]
    assert figures(buyer) == [(100, 0, 0, 0)]
    assert [each.remaining for each in levels] == [row(seller).limit, row(root).limit]
    assert list_ledger_differences() == []


def test_an_offer_outlives_the_turn_and_is_delivered_out_of_the_new_period():
    (seller,), (buyer,) = make_path(1000), make_path(100)
    offer(seller, 600)
    deliver([give(seller, 100, "one")], [take(buyer, 100)])
    deliver([give(seller, 200, "one")], [take(buyer, 200)], now=NEXT_MONTH)
    assert figures(seller, buyer) == [(800, 300, 200, 0), (300, 0, 0, 200)]
    assert sellable(seller, now=NEXT_MONTH).steps == 500
    assert list_ledger_differences() == []


def test_what_can_be_offered_of_a_period_that_is_over_is_what_the_next_one_has():
    (seller,), (buyer,) = make_path(1000, tradeable_percent=50), make_path(100)
    deliver([give(seller, 400)], [take(buyer, 400)])
    assert (sellable(seller).steps, sellable(seller, now=NEXT_MONTH).steps) == (100, 500)


def test_a_reset_leaves_sold_what_was_sold():
    (seller,), (buyer,) = make_path(1000), make_path(100)
    deliver([give(seller, 400)], [take(buyer, 400)])
    spend(seller, 500)
    services.reset_budget(budget_id=seller, actor="test", reason="again", now=NOW)
    assert figures(seller) == [(600, 0, 400, 0)]
    assert list_ledger_differences() == []


def test_nobody_is_allotted_less_than_was_sold_and_a_larger_base_stays_less_what_was_sold():
    (seller,), (buyer,) = make_path(1000), make_path(100)
    deliver([give(seller, 400)], [take(buyer, 400)])
    deliver([give(buyer, 50)], [take(seller, 50)])
    with pytest.raises(Conflict) as caught:
        services.allot(budget_id=seller, limit=Decimal(399), actor="test", reason="less", now=NOW)
    assert caught.value.code == "limit_below_sold"
    services.allot(budget_id=seller, limit=Decimal(1500), actor="test", reason="more", now=NOW)
    assert (row(seller).limit, row(seller).base_limit) == (1150, 1500)
    assert list_ledger_differences() == []


def test_rebalancing_keeps_what_was_sold():
    team = make_team()
    root = make_budget(team, 2000, name="root", period=Period.MONTH)
    seller, busy = [
        make_budget(team, 1000, name=name, parent_id=root, period=Period.MONTH, tradeable_percent=100)
        for name in ("seller", "busy")
    ]
    deliver([give(seller, 600)], [take(make_path(1)[0], 600)])
    spend(busy, 900)
    services.rebalance(parent_id=root, actor="test", reason="flow", now=NOW)
    assert (row(seller).base_limit, row(seller).limit, row(busy).base_limit) == (600, 0, 1400)
    assert list_ledger_differences() == []


def test_a_seller_that_is_ended_gives_the_rest_back():
    (seller,), (buyer,) = make_path(1000), make_path(100)
    deliver([give(seller, 400)], [take(buyer, 400)])
    spend(seller, 100)
    services.deallocate(budget_id=seller, actor="test", reason="over", now=NOW)
    assert figures(seller) == [(100, 0, 0, 0)]
    assert list_ledger_differences() == []


def test_a_seller_that_comes_close_to_its_limit_is_warned():
    (seller,), (buyer,) = make_path(1000), make_path(100)
    spend(seller, 700)
    assert not BudgetAlert.objects.exists()
    deliver([give(seller, 290)], [take(buyer, 290)])
    assert set(BudgetAlert.objects.values_list("budget", flat=True)) == {seller}


def test_settling_late_after_a_sale_overdraws_and_overspends_nothing():
    (seller,), (buyer,) = make_path(1000), make_path(100)
    held = hold(seller, 300)
    deliver([give(seller, 700)], [take(buyer, 700)])
    settle(held, 450)
    found = row(seller)
    assert (found.limit, found.spent, found.overdraft) == (300, 300, 150)
    assert list_ledger_differences() == []


def test_the_apps_above_hear_of_a_delivery_once(monkeypatch):
    (seller, root), (buyer,) = make_path(1000, 5000), make_path(100)
    heard: list[BudgetsChanged] = []
    monkeypatch.setattr(delivering, "publish", heard.append)
    deliver([give(seller, 10)], [take(buyer, 10)])
    assert [set(each.budget_ids) for each in heard] == [{seller, root, buyer}]


def test_money_leaves_a_budget_for_the_market_and_comes_back_from_there():
    leaf, root = make_path(1_000_000, 3_000_000, unit=Unit.MICRO_USD, tradeable_percent=0)
    move = {"budget_id": leaf, "actor": "ada", "now": NOW}
    services.take_money(micro_usd=600_000, reason="top up", **move)
    assert figures(leaf, root) == [(400_000, 0, 600_000, 0), (2_400_000, 0, 600_000, 0)]
    with pytest.raises(BudgetExhausted) as caught:
        services.take_money(micro_usd=400_001, reason="top up", **move)
    assert (caught.value.facts["budget"], caught.value.facts["remaining"]) == (str(leaf), 400_000)
    services.give_money(micro_usd=100_000, reason="pay out", **move)
    assert figures(leaf, root) == [(500_000, 0, 600_000, 100_000), (2_500_000, 0, 600_000, 100_000)]
    kinds = LedgerEntry.objects.filter(budget=leaf).order_by("pk").values_list("kind", "limit_delta", "reason")
    assert list(kinds)[1:] == [("trade", -600_000, "top up"), ("trade", 100_000, "pay out")]
    assert list_ledger_differences() == []


def test_money_moves_only_where_it_is_counted_and_free():
    (tokens,) = make_path(1000)
    money, root = make_path(1000, 1000, unit=Unit.MICRO_USD)
    with pytest.raises(InvalidInput):
        services.take_money(budget_id=tokens, micro_usd=1, actor="ada", reason="top up", now=NOW)
    with pytest.raises(ValueError, match="money"):
        services.give_money(budget_id=money, micro_usd=0, actor="ada", reason="none", now=NOW)
    services.take_money(budget_id=root, micro_usd=700, actor="ada", reason="top up", now=NOW)
    with pytest.raises(BudgetExhausted) as caught:
        services.take_money(budget_id=money, micro_usd=301, actor="ada", reason="top up", now=NOW)
    assert caught.value.facts["budget"] == str(root)
    assert figures(money, root) == [(1000, 0, 0, 0), (300, 0, 700, 0)]
