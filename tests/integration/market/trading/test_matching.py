"""Trading at once: what a call has left, at its price; and the open book, where a policy has one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from budgets.services import deallocate
from config.kernel.errors import Conflict
from market.domain.trading.orders import OrderKind, TradeSession
from market.models import Auction, Instrument, Order, Trade
from market.selectors import get_auction
from market.services import replay_auction, reverse_auction, run_due_calls
from tests.integration.market.trading.calling import (
    CALL,
    HIGH,
    LOW,
    assert_sound,
    change_market,
    make_buyers,
    make_sellers,
    tokens_of,
)
from tests.integration.market.trading.desk import buy, make_trader, sell
from tests.integration.world import NOW, load_world

pytestmark = pytest.mark.django_db
LATER = CALL + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _world(db) -> None:
    load_world()


def in_window(trader, quantity=1_000, limit=HIGH, **changes) -> Order:
    return buy(trader, quantity, limit, session=TradeSession.WINDOW, now=LATER, **changes)


def test_in_the_window_a_new_order_takes_what_the_call_left_at_its_price_without_need():
    sellers = make_sellers(quantity=2_000)
    make_buyers()
    run_due_calls(now=CALL)
    price = Auction.objects.get().price_ticks
    late = make_trader("Late", country_code="BD")
    order = in_window(late, 2_000)
    window = Auction.objects.get(kind="window")
    assert (order.status, order.filled_lots, window.price_ticks, window.volume_lots) == ("filled", 20, price, 20)
    bought = Trade.objects.get(order=order)
    assert (bought.justice_micro_usd, bought.money_micro_usd) == (0, 20 * price)
    first = min(each.number for each in sellers.orders)
    assert Trade.objects.filter(auction=window, side="sell").order_by("order_id").first().order_id == first
    assert tokens_of(late) == 102_000
    assert Instrument.objects.get().last_traded_at == CALL
    assert replay_auction(window.pk).agrees
    assert get_auction(window.pk).curve is None
    assert_sound()


def test_what_was_placed_after_the_call_is_sealed_to_the_window_and_the_rest_is_not_kept():
    make_sellers(), make_buyers()
    run_due_calls(now=CALL)
    sell(make_trader("New seller"), 5_000, LOW, now=CALL + timedelta(minutes=1))
    late = make_trader("Late")
    order = in_window(late)
    assert (order.status, order.filled_lots) == ("cancelled", 0)
    assert not Auction.objects.filter(kind="window").exists()
    assert late.balance[1] == 0
    assert_sound()


def test_a_limit_that_the_last_price_does_not_reach_takes_nothing():
    make_sellers(quantity=2_000), make_buyers()
    run_due_calls(now=CALL)
    Order.objects.filter(side="sell").update(limit_ticks=149)
    assert in_window(make_trader("Late"), limit=LOW).filled_lots == 0


def test_after_the_call_was_taken_back_there_is_no_window():
    make_sellers(quantity=2_000), make_buyers()
    run_due_calls(now=CALL)
    Instrument.objects.update(last_price_ticks=300)
    code = Instrument.objects.get().code
    reverse_auction(auction_id=Auction.objects.get().pk, reason="wrong", actor="ann", now=CALL)
    Instrument.objects.filter(code=code).update(last_price_ticks=300)
    assert in_window(make_trader("Late")).filled_lots == 0


@pytest.fixture
def _open_book(_world) -> None:
    change_market(mechanism="continuous")


@pytest.mark.usefixtures("_open_book")
def test_on_an_open_book_an_order_takes_the_best_prices_that_rest_and_pays_each():
    dear, cheap = make_trader("Dear"), make_trader("Cheap")
    sell(dear, 1_000, "0.0000035")
    sell(cheap, 1_000, "0.000003")
    adder = Order.objects.first().adder_ticks
    buyer = make_trader("Buyer")
    order = buy(buyer, 1_500, "0.0000045")
    assert (order.status, order.filled_lots) == ("filled", 15)
    paid = {each.price_ticks: each.money_micro_usd for each in Trade.objects.filter(order=order)}
    assert paid == {300 + adder: 10 * (300 + adder), 350 + adder: 5 * (350 + adder)}
    assert (cheap.balance, dear.balance) == ((3_000, 0), (1_750, 0))
    assert buyer.balance == (15 * 450 - sum(paid.values()), 0)
    assert tokens_of(buyer) == 101_500
    assert [replay_auction(each.pk).agrees for each in Auction.objects.filter(kind="book")] == [True, True]
    assert Instrument.objects.get().last_price_ticks == 350 + adder
    assert Instrument.objects.get().next_call_at is None
    assert_sound()


@pytest.mark.usefixtures("_open_book")
def test_on_an_open_book_what_is_left_of_a_limit_order_rests_and_is_taken_later():
    first = buy(make_trader("Buyer"), 1_000, HIGH)
    assert (first.status, first.filled_lots) == ("open", 0)
    order = sell(make_trader("Seller"), 400, LOW)
    first.refresh_from_db()
    assert (order.status, first.status, first.filled_lots) == ("filled", "open", 4)
    assert first.escrow_micro_usd == 6 * first.limit_ticks
    assert_sound()


@pytest.mark.usefixtures("_open_book")
def test_on_an_open_book_all_or_nothing_is_all_or_nothing_and_market_orders_do_not_rest():
    sell(make_trader("Seller"), 1_000, LOW)
    buyer = make_trader("Buyer")
    whole = buy(buyer, 2_000, HIGH, kind=OrderKind.FILL_OR_KILL)
    assert (whole.status, whole.filled_lots, Trade.objects.count()) == ("cancelled", 0, 0)
    market = buy(buyer, 2_000, None)
    assert (market.status, market.filled_lots, market.escrow_micro_usd) == ("cancelled", 10, 0)
    assert buyer.balance[1] == 0
    assert_sound()


@pytest.mark.usefixtures("_open_book")
def test_a_team_does_not_trade_with_itself():
    trader = make_trader("Both", tokens=200_000)
    sell(trader, 1_000, LOW)
    order = buy(trader, 1_000, HIGH)
    assert (order.status, Trade.objects.count()) == ("cancelled", 0)
    assert_sound()


@pytest.mark.usefixtures("_open_book")
def test_what_rests_for_an_ended_budget_or_beyond_its_time_is_passed_over():
    gone, late, good = (make_trader(name) for name in ("Gone", "Late", "Good"))
    buy(gone, 1_000, "0.0000045")
    buy(late, 1_000, "0.0000045", good_until=NOW + timedelta(minutes=1))
    buy(good, 1_000, HIGH)
    deallocate(budget_id=gone.tokens, actor="test", reason="test", now=NOW)
    order = sell(make_trader("Seller"), 1_000, LOW, now=NOW + timedelta(minutes=2))
    assert (order.status, order.filled_lots) == ("filled", 10)
    assert (tokens_of(good), tokens_of(late)) == (101_000, 100_000)
    assert_sound()


@pytest.mark.usefixtures("_open_book")
def test_who_sells_at_once_what_may_not_be_sold_is_refused_and_nothing_has_changed():
    buy(make_trader("Buyer", tokens=1_000_000, micro_usd=100_000_000), 60_000, HIGH)
    seller = make_trader("Seller")
    with pytest.raises(Conflict) as refusal:
        sell(seller, 60_000, LOW)
    assert refusal.value.code == "not_tradeable"
    assert (Order.objects.count(), Trade.objects.count(), Auction.objects.count()) == (1, 0, 0)
    assert (tokens_of(seller), seller.balance) == (100_000, (0, 0))
    assert_sound()


def test_a_later_period_is_bought_ahead_and_moves_no_quota_yet():
    change_market(least_principals=1)
    april = NOW.replace(month=4, day=1, hour=0, minute=0)
    seller, buyer = make_trader("Seller"), make_trader("Buyer")
    sell(seller, 1_000, LOW, delivery=april)
    order = buy(buyer, 1_000, HIGH, delivery=april)
    run_due_calls(now=CALL)
    order.refresh_from_db()
    assert order.status == "filled"
    assert (tokens_of(seller), tokens_of(buyer)) == (100_000, 100_000)
    legs = dict(Trade.objects.values_list("forward__side", "forward__lots"))
    assert legs == {"gives": 10, "takes": 10}
    assert Trade.objects.get(side="sell").forward.collateral_micro_usd == seller.balance[1] > 0
    assert list_differences() == []
    reverse_auction(auction_id=Auction.objects.get().pk, reason="wrong", actor="ann", now=CALL)
    assert (seller.balance, buyer.balance[1]) == ((seller.balance[0], 0), 0)
    assert set(Trade.objects.values_list("forward__status", flat=True)) == {"reversed"}
    assert list_differences() == []


def list_differences() -> list[str]:
    from budgets.selectors import list_ledger_differences
    from market.selectors import list_fund_differences, list_market_differences

    return list_ledger_differences() + list_fund_differences() + list_market_differences()
