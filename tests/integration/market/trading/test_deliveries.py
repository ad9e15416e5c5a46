"""Forwards: promised within bounds and backed by money, delivered when the period begins, bought in where short."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from budgets.domain.units import LARGEST_LIMIT
from budgets.models import Budget
from budgets.services import deallocate
from config.kernel.errors import Conflict
from market.domain.trading.terms import LOT_UNITS
from market.models import Auction, BuyIn, ForwardLeg, QuotaPromise, Trade
from market.services.trading.calls import run_due_calls
from market.services.trading.changing import cancel_order
from market.services.trading.loans.deliveries import deliver_due_forwards
from market.services.trading.loans.due import run_due_loans
from market.services.trading.reversal import reverse_auction
from tests.integration.market.trading.calling import change_market
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.lending import differences, fund_account, spend, tokens_of
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
CALL = datetime(2026, 3, 4, 11, tzinfo=UTC)
PRICE, LOW = "0.000003", "0.0000015"
"""US$ for a token: what buyers pay, and the least that sellers take before their carbon adder."""


@pytest.fixture(autouse=True)
def _books(loaded_world: None, db: None) -> Iterator[None]:
    yield
    assert differences() == []


def sold_ahead(quantity: int = 10_000) -> tuple[list[Trader], list[Trader]]:
    """Five sellers and five buyers of so many tokens each of April, after the call."""
    givers = [make_trader(f"Seller {each}") for each in range(5)]
    takers = [make_trader(f"Buyer {each}") for each in range(5)]
    for giver, taker in zip(givers, takers, strict=True):
        fund_account(giver)
        fund_account(taker)
        sell(giver, quantity, LOW, delivery=APRIL)
        buy(taker, quantity, PRICE, delivery=APRIL)
    assert run_due_calls(now=CALL) == 1
    assert (Auction.objects.get().status, Auction.objects.get().price_ticks) == ("cleared", 300)
    return givers, takers


def earned(giver: Trader) -> int:
    """What a seller has in its account after the call, micro-USD: 30,000 less the carbon adder were paid."""
    income = Trade.objects.get(side="sell", team=giver.team.team_id, instrument__period_starts_at=APRIL)
    return 1_000_000 + income.money_micro_usd


def test_an_offer_of_a_later_period_is_promised_and_backed_and_a_cancelled_one_is_not():
    giver = make_trader("Seller")
    fund_account(giver)
    order = sell(giver, 50_000, PRICE, delivery=APRIL)
    promise = QuotaPromise.objects.get()
    assert (promise.promised_steps, promise.most_steps, promise.period_starts_at) == (50_000, 50_000, APRIL)
    assert giver.balance[1] == 500 * 450
    with pytest.raises(Conflict) as refused:
        sell(giver, 100, PRICE, delivery=APRIL)
    assert (refused.value.code, refused.value.facts["promised"]) == ("not_tradeable", "50000")
    cancel_order(order_id=order.id, principal=giver.team.principal, now=NOW)
    promise.refresh_from_db()
    assert (promise.promised_steps, giver.balance[1]) == (0, 0)


def test_a_fill_of_a_later_period_pays_now_and_leaves_legs_that_keep_the_collateral():
    givers, takers = sold_ahead()
    legs = ForwardLeg.objects.filter(side="gives")
    assert [each.collateral_micro_usd for each in legs] == [100 * 450] * 5
    assert {(each.lots, each.due_at) for each in ForwardLeg.objects.all()} == {(100, APRIL)}
    assert [each.balance for each in givers] == [(earned(each), 45_000) for each in givers]
    assert [each.balance for each in takers] == [(970_000, 0)] * 5
    assert deliver_due_forwards(now=APRIL - timedelta(seconds=1)) == 0


def test_when_the_period_has_begun_everything_is_delivered_at_once_and_the_collateral_is_free():
    givers, takers = sold_ahead()
    assert (deliver_due_forwards(now=APRIL), deliver_due_forwards(now=APRIL)) == (5, 0)
    assert [tokens_of(each)[0] for each in givers] == [90_000] * 5
    assert [tokens_of(each)[0] for each in takers] == [110_000] * 5
    assert [each.balance for each in givers] == [(earned(each), 0) for each in givers]
    assert set(ForwardLeg.objects.values_list("status", "delivered_lots", "closed_at")) == {("delivered", 100, APRIL)}
    assert QuotaPromise.objects.filter(promised_steps__gt=0).count() == 0


def test_who_falls_short_pays_for_the_buy_in_and_takers_share_what_came():
    givers, takers = sold_ahead()
    deliver_late(givers[0], left=4_000)
    assert deliver_due_forwards(now=APRIL) == 5
    assert sum(tokens_of(each)[0] for each in takers) == 5 * 100_000 + 44_000
    assert {tokens_of(each)[0] for each in takers} == {108_800}
    assert givers[0].balance == (earned(givers[0]), 60 * 450)
    assert [each.balance for each in givers[1:]] == [(earned(each), 0) for each in givers[1:]]
    assert sum(BuyIn.objects.values_list("lots", flat=True)) == 60
    assert ForwardLeg.objects.get(team=givers[0].team.team_id).status == "buying_in"


def deliver_late(giver: Trader, *, left: int) -> None:
    """Work of April takes all of a giver's quota but this, before the worker comes."""
    spend(giver, 100_000 - left, APRIL)


def test_what_is_missing_is_bought_at_the_next_call():
    givers, takers = sold_ahead()
    deliver_late(givers[0], left=4_000)
    deliver_due_forwards(now=APRIL)
    for each in range(5):
        sell(make_trader(f"Late seller {each}"), 2_000, LOW, now=APRIL)
        buy(make_trader(f"Late buyer {each}"), 100, PRICE, now=APRIL)
    call = APRIL + timedelta(hours=1)
    run_due_calls(now=call)
    run_due_loans(now=call)
    assert {tokens_of(each)[0] for each in takers} == {110_000}
    assert set(ForwardLeg.objects.values_list("status", flat=True)) == {"delivered"}
    price = Auction.objects.get(instrument__period_starts_at=APRIL, closed_at=call).price_ticks
    assert givers[0].balance == (earned(givers[0]) - 60 * (price or 0), 0)


def test_what_cannot_be_bought_is_paid_in_money_to_who_was_promised_it():
    givers, takers = sold_ahead()
    deliver_late(givers[0], left=4_000)
    deliver_due_forwards(now=APRIL)
    for hour in range(1, 25):
        run_due_calls(now=APRIL + timedelta(hours=hour))
    assert run_due_loans(now=APRIL + timedelta(hours=24)) == 5
    assert givers[0].balance == (earned(givers[0]) - 60 * 450, 0)
    assert sum(each.balance[0] for each in takers) == 5 * 970_000 + 60 * 450
    assert {tokens_of(each)[0] for each in takers} == {108_800}
    late = ForwardLeg.objects.get(team=givers[0].team.team_id)
    assert (late.status, late.delivered_lots, late.paid_out_lots) == ("paid_out", 40, 60)


def test_givers_below_one_parent_that_lacks_what_both_need_are_delivered_one_by_one():
    givers, takers = sold_ahead()
    root = make_budget(givers[0].team, 15_000, name="root", period="month", now=NOW)
    for each in givers[:2]:  # two budgets of one tree, whose root has 15,000 tokens for both
        Budget.objects.filter(pk=each.tokens).update(parent_id=root, depth=1, path_ids=[str(each.tokens), str(root)])
    assert deliver_due_forwards(now=APRIL) == 5
    first, second = (ForwardLeg.objects.get(team=each.team.team_id) for each in givers[:2])
    assert {first.delivered_lots, second.delivered_lots} == {100, 50}
    assert sum(tokens_of(each)[0] for each in takers) == 5 * 100_000 + 45_000


def test_a_taker_whose_budget_has_ended_gets_its_price_back_and_the_others_their_quota():
    givers, takers = sold_ahead()
    deallocate(budget_id=takers[0].tokens, actor="test", reason="test", now=NOW)
    assert deliver_due_forwards(now=APRIL) == 5
    assert takers[0].balance == (1_000_000, 0)
    assert {tokens_of(each)[0] for each in takers[1:]} == {110_000}
    assert sum(tokens_of(each)[0] for each in givers) == 5 * 100_000 - 40_000
    assert sum(each.balance[0] for each in givers) == sum(earned(each) for each in givers) - 30_000
    assert {each.balance[1] for each in givers} == {0}


def test_what_is_missing_when_lots_are_counted_otherwise_is_paid_in_money():
    givers, takers = sold_ahead()
    deliver_late(givers[0], left=4_000)
    may = datetime(2026, 5, 1, tzinfo=UTC)
    change_market(lot_tokens={**LOT_UNITS, "any": 1_000})
    spend(givers[0], 96_000, may)
    assert deliver_due_forwards(now=may) == 5
    assert not BuyIn.objects.exists()
    assert givers[0].balance == (earned(givers[0]) - 60 * 300, 0)
    assert sum(each.balance[0] for each in takers) == 5 * 970_000 + 60 * 300
    assert ForwardLeg.objects.filter(closed_at=None).count() == 0


def test_an_instrument_that_cannot_be_delivered_waits_without_keeping_the_worker_from_others():
    _, takers = sold_ahead()
    top = LARGEST_LIMIT - 105_000  # the limit of a taker cannot grow by what comes
    Budget.objects.filter(pk=takers[0].tokens).update(limit=F("limit") + top)
    assert deliver_due_forwards(now=APRIL) == 0
    assert set(ForwardLeg.objects.values_list("status", "delivered_lots")) == {("due", 0)}
    Budget.objects.filter(pk=takers[0].tokens).update(limit=F("limit") - top)
    assert deliver_due_forwards(now=APRIL) == 5


def test_a_reversal_closes_the_legs_and_frees_promise_and_collateral_until_they_are_delivered():
    givers, takers = sold_ahead()
    auction = Auction.objects.get()
    reverse_auction(auction_id=auction.pk, reason="test", actor="test", now=CALL)
    assert set(ForwardLeg.objects.values_list("status", "collateral_micro_usd")) == {("reversed", 0)}
    assert {each.balance for each in (*givers, *takers)} == {(1_000_000, 0)}
    assert QuotaPromise.objects.filter(promised_steps__gt=0).count() == 0
    assert deliver_due_forwards(now=APRIL) == 0


def test_what_was_delivered_is_not_taken_back():
    sold_ahead()
    deliver_due_forwards(now=APRIL)
    with pytest.raises(Conflict) as refused:
        reverse_auction(auction_id=Auction.objects.get().pk, reason="test", actor="test", now=APRIL)
    assert refused.value.code == "delivered"
