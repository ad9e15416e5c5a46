"""Orders: what they keep in escrow, what refuses them, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets import selectors as budgets
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import LARGEST_AMOUNT, Unit
from config.kernel.errors import Conflict, DomainError, InvalidInput, NotAllowed, NotFound
from market.domain.trading.orders import OrderKind, Side, TradeSession
from market.models import Instrument, Journal, Order, OrderEvent, Posting, QuotaPromise, RegistryUnit, TradingHalt
from market.services.trading.changing import cancel_order, expire_orders, improve_order, strike_order
from market.services.trading.deposits import deposit
from market.services.trading.halts import halt_trading
from market.services.trading.money import AccountShort
from market.services.trading.orders import place_order
from market.services.trading.registry import import_units
from tests.integration.market.trading.desk import Trader, an_ask, buy, make_trader, sell
from tests.integration.market.trading.test_registry import BLOCK
from tests.integration.world import NOW, make_budget, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
CALL = datetime(2026, 3, 4, 11, tzinfo=UTC)
LOCKED = CALL - timedelta(seconds=30)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


def _state(trader: Trader) -> tuple[Any, ...]:
    """All that an order could have changed."""
    tokens, money = budgets.get_budget(trader.tokens), budgets.get_budget(trader.money)
    return (
        *(tokens.reserved, tokens.limit, money.limit, trader.balance),
        *(Order.objects.count(), OrderEvent.objects.count(), Posting.objects.count(), QuotaPromise.objects.count()),
    )


def _refusal(
    trader: Trader, error: type[DomainError], side: Side = Side.BUY, *args: Any, **changes: Any
) -> DomainError:
    """What an order is answered, which leaves everything as it was."""
    before = _state(trader)
    with pytest.raises(error) as refused:
        (buy if side == Side.BUY else sell)(trader, *args, **changes)
    assert _state(trader) == before
    return refused.value


def test_a_bid_keeps_its_limit_in_escrow_and_what_is_missing_comes_out_of_the_team_s_only_money() -> None:
    trader = make_trader("Buyer", micro_usd=1_000_000)
    order = buy(trader, 1_000, "0.000003")  # ten lots of 100 tokens at 300 ticks
    assert (order.lots, order.limit_ticks, order.escrow_micro_usd) == (10, 300, 3_000)
    assert trader.balance == (3_000, 3_000)
    assert budgets.get_budget(trader.money).limit == 997_000
    assert list(Journal.objects.order_by("id").values_list("kind", flat=True)) == ["deposit", "escrow"]


def test_a_bid_is_paid_out_of_the_account_where_that_has_enough() -> None:
    trader = make_trader("Buyer")
    deposit(team_id=trader.team.team_id, micro_usd=5_000, actor="test", reason="start", now=NOW)
    buy(trader, 1_000)
    assert trader.balance == (5_000, 3_000)
    assert budgets.get_budget(trader.money).limit == 10_000_000


def test_a_bid_without_a_limit_keeps_the_top_of_the_collar() -> None:
    trader = make_trader("Buyer")
    order = buy(trader, 200, None)
    assert (order.limit_ticks, order.escrow_micro_usd) == (None, 2 * 450)


def test_an_offer_keeps_its_quota_on_the_whole_path() -> None:
    trader = make_trader("Seller")
    order = sell(trader, 1_000)
    assert budgets.get_budget(trader.tokens).reserved == 1_000
    assert (order.escrow_micro_usd, order.region_basis, order.adder_ticks > 0) == (0, "unknown", True)


def test_registry_units_cover_an_offer_in_place_of_the_carbon_adder_as_long_as_it_is_open() -> None:
    trader = make_trader("Seller")
    units = import_units(team_id=trader.team.team_id, blocks=[BLOCK], actor="test", now=NOW)
    order = sell(trader, 1_000, units=tuple(units))
    assert (order.adder_ticks, order.covered_g > 0) == (0, True)
    assert RegistryUnit.objects.get().used_g == order.covered_g
    assert _refusal(trader, InvalidInput, Side.SELL, 100, units=(99,)).code == "unknown_units"
    improve_order(order_id=order.id, add_quantity=Decimal(1_000), principal=trader.team.principal, now=NOW)
    order.refresh_from_db()
    assert RegistryUnit.objects.get().used_g == order.covered_g
    cancel_order(order_id=order.id, principal=trader.team.principal, now=NOW)
    assert RegistryUnit.objects.get().used_g == 0


def test_the_first_order_makes_the_instrument_and_sets_its_call() -> None:
    buy(make_trader("Buyer"))
    instrument = Instrument.objects.get()
    assert (instrument.code, instrument.lot_units) == ("tokens-any-month-2026-03-01", 100)
    assert instrument.next_call_at == CALL


def test_an_order_in_the_last_seconds_counts_for_the_call_after() -> None:
    buy(make_trader("Buyer"), now=LOCKED)
    assert Instrument.objects.get().next_call_at == CALL + timedelta(hours=1)


def test_need_and_share_are_those_of_the_registered_country() -> None:
    poor = buy(make_trader("Dhaka", country_code="BD"))
    rich = buy(make_trader("Berlin", country_code="DE"))
    assert poor.origin_code == "BD"
    assert (poor.need_score or 0) > 0.5 > (rich.need_score or 0)
    assert (poor.weight_ppm, rich.weight_ppm) == (2_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("field", "code", "changes"),
    [
        ("quantity", "not_whole_lots", {"quantity": 150}),
        ("quantity", "not_whole_lots", {"quantity": 0}),
        ("quantity", "not_whole_lots", {"quantity": "-100"}),
        ("quantity", "too_large", {"quantity": 10**20}),
        ("limit_price_usd", "outside_collar", {"limit": "0.00000451"}),
        ("limit_price_usd", "outside_collar", {"limit": "0.0000014"}),
        ("limit_price_usd", "required", {"limit": None, "kind": OrderKind.LIMIT}),
        ("limit_price_usd", "no_limit", {"limit": "0.000003", "kind": OrderKind.MARKET}),
        ("kind", "not_in_calls", {"kind": OrderKind.FILL_OR_KILL}),
        ("good_until", "past", {"good_until": NOW}),
        ("good_until", "too_late", {"good_until": APRIL + timedelta(seconds=1)}),
        ("period", "wrong_period", {"period": Period.DAY}),
        ("delivery", "not_traded", {"delivery": APRIL + timedelta(days=1)}),
        ("delivery", "not_traded", {"delivery": datetime(2026, 8, 1, tzinfo=UTC)}),
        ("model_class", "wrong_class", {"model_class": "L"}),
        ("region", "not_for_buyers", {"region": "eu-north-1"}),
        ("units", "not_for_buyers", {"units": (1,)}),
        ("unit", "not_traded", {"unit": Unit.MICRO_USD}),
        ("budget", "no_budget", {"unit": Unit.CARBON_G}),
    ],
)
def test_a_bid_that_cannot_be_is_refused_by_its_field(field: str, code: str, changes: dict[str, Any]) -> None:
    refused = _refusal(make_trader("Buyer"), InvalidInput, **changes)
    assert (refused.field, refused.code) == (field, code)
    assert not Instrument.objects.exists()


def test_the_collar_is_named_where_a_limit_is_outside() -> None:
    refused = _refusal(make_trader("Buyer"), InvalidInput, limit="0.01")
    assert refused.facts == {"low_usd": "0.0000015", "high_usd": "0.0000045"}


def test_a_window_before_any_trade_has_no_price() -> None:
    refused = _refusal(make_trader("Buyer"), Conflict, session=TradeSession.WINDOW)
    assert (refused.field, refused.code) == ("session", "no_window")


def test_another_team_s_budget_is_nobody_s_to_name() -> None:
    stranger = make_trader("Stranger")
    trader = make_trader("Buyer")
    assert _refusal(trader, NotAllowed, budget_id=stranger.tokens).field == "budget"
    assert _refusal(trader, NotAllowed, pay_from=stranger.money).field == "pay_from"


def test_of_several_budgets_one_is_named() -> None:
    trader = make_trader("Buyer")
    make_budget(trader.team, 500, name="more tokens", period=Period.MONTH)
    assert _refusal(trader, InvalidInput).code == "ambiguous_budget"
    assert buy(trader, budget_id=trader.tokens).budget_id == trader.tokens


def test_rolling_budgets_do_not_trade() -> None:
    team = make_team("Rolling")
    make_budget(team, period=Period.ROLLING, window_hours=5)
    trader = Trader(
        team=team, tokens=make_budget(team, name="m"), money=make_budget(team, unit=Unit.MICRO_USD, name="u")
    )
    rolling = next(each.id for each in budgets.list_budgets(team_ids=frozenset({team.team_id})) if each.window_hours)
    assert _refusal(trader, InvalidInput, budget_id=rolling).code == "rolling_period"


def test_nobody_trades_below_a_rolling_budget_which_no_call_could_deliver_to() -> None:
    team = make_team("Rolling above")
    root = make_budget(team, 100_000, name="window", period=Period.ROLLING, window_hours=24)
    below = make_budget(team, 50_000, name="below", period=Period.MONTH, parent_id=root)
    trader = Trader(team=team, tokens=below, money=make_budget(team, 10_000, name="money", unit=Unit.MICRO_USD))
    for trade in (buy, sell):
        with pytest.raises(InvalidInput) as refusal:
            trade(trader, budget_id=below)
        assert (refusal.value.field, refusal.value.code) == ("budget", "rolling_period")
    assert not Order.objects.exists()


def test_quota_of_a_class_goes_into_a_budget_of_that_class_and_comes_out_of_it_or_of_one_for_any() -> None:
    only_l = make_trader("L", model_class="L")
    anything = make_trader("Any")
    assert buy(only_l).instrument_id == "tokens-L-month-2026-03-01"
    assert sell(anything, model_class="L").instrument_id == "tokens-L-month-2026-03-01"
    assert _refusal(only_l, InvalidInput, Side.SELL, model_class="").code == "wrong_class"


def test_without_money_a_bid_is_refused_with_what_is_missing() -> None:
    team = make_team("Poor")
    trader = Trader(team=team, tokens=make_budget(team, 100_000, period=Period.MONTH), money=make_trader("Rich").money)
    refused = _refusal(trader, AccountShort)
    assert refused.facts == {
        "account": trader.account,
        "needed_usd": "0.003000",
        "remaining_usd": "0.000000",
    }


def test_a_budget_that_lacks_the_money_says_so() -> None:
    trader = make_trader("Poor", micro_usd=2_999)
    refused = _refusal(trader, BudgetExhausted)
    assert (refused.facts["budget"], refused.facts["remaining"]) == (str(trader.money), 2_999)


def test_nobody_may_buy_more_than_its_share_of_all_quota() -> None:
    trader = make_trader("Buyer", tokens=10_000)
    buy(trader, 2_000)
    refused = _refusal(trader, Conflict, quantity=600)
    assert (refused.code, refused.facts) == ("holding_limit", {"most": 2_500, "held": 2_000})
    buy(trader, 500)


def test_offers_stay_within_what_a_budget_may_sell_and_leave_the_minimum() -> None:
    trader = make_trader("Seller", tokens=1_000)
    assert _refusal(trader, Conflict, Side.SELL, 600).code == "not_tradeable"
    all_of_it = make_trader("All", tokens=1_000, tradeable_percent=100)
    assert _refusal(all_of_it, Conflict, Side.SELL, 1_000).code == "minimum_balance"
    sell(all_of_it, 900)


def test_a_halted_instrument_takes_no_orders_and_says_until_when() -> None:
    trader = make_trader("Buyer")
    order = buy(trader)
    until = NOW + timedelta(hours=2)
    halt_trading(instrument_code=order.instrument_id, reason="looking", until=until, actor="test", now=NOW)
    refused = _refusal(trader, Conflict)
    assert (refused.code, refused.facts["until"]) == ("halted", until.isoformat())
    assert cancel_order(order_id=order.id, principal=trader.team.principal, now=NOW).status == "cancelled"
    assert TradingHalt.objects.count() == 1


def test_an_offer_of_a_later_period_is_a_promise_backed_by_money() -> None:
    trader = make_trader("Seller")
    order = sell(trader, 1_000, delivery=APRIL)
    assert order.instrument_id == "tokens-any-month-2026-04-01"
    assert budgets.get_budget(trader.tokens).reserved == 0
    assert QuotaPromise.objects.get().promised_steps == 1_000
    assert trader.balance == (4_500, 4_500)  # ten lots at the top of the collar
    assert order.good_until < APRIL
    improve_order(order_id=order.id, add_quantity=Decimal(100), principal=trader.team.principal, now=NOW)
    assert (QuotaPromise.objects.get().promised_steps, trader.balance) == (1_100, (4_950, 4_950))
    cancel_order(order_id=order.id, principal=trader.team.principal, now=NOW)
    assert (QuotaPromise.objects.get().promised_steps, trader.balance) == (0, (4_950, 0))


@pytest.mark.parametrize("trade", [buy, sell])
def test_an_order_that_no_account_could_back_is_refused_and_nothing_is_kept(trade: Callable[..., Order]) -> None:
    giant = make_trader("Giant", tokens=LARGEST_AMOUNT, model_class="XXL")
    with pytest.raises(InvalidInput) as refusal:
        trade(giant, 10**18, None, model_class="XXL", delivery=APRIL)
    assert (refusal.value.field, refusal.value.code) == ("quantity", "too_large")
    assert not Order.objects.exists()
    assert not QuotaPromise.objects.exists()
    assert giant.balance == (0, 0)


def test_what_a_cancelled_order_kept_is_free_at_once() -> None:
    trader = make_trader("Both")
    bid, offer = buy(trader), sell(trader)
    for order in (bid, offer):
        closed = cancel_order(order_id=order.id, principal=trader.team.principal, now=NOW)
        assert (closed.status, closed.escrow_micro_usd) == ("cancelled", 0)
    assert trader.balance == (3_000, 0)
    assert budgets.get_budget(trader.tokens).reserved == 0
    with pytest.raises(Conflict) as again:
        cancel_order(order_id=bid.id, principal=trader.team.principal, now=NOW)
    assert again.value.code == "not_open"


def test_in_the_last_seconds_orders_only_get_better() -> None:
    trader = make_trader("Buyer")
    order = buy(trader)
    with pytest.raises(Conflict) as refused:
        cancel_order(order_id=order.id, principal=trader.team.principal, now=LOCKED)
    assert refused.value.code == "locked"
    improved = improve_order(
        order_id=order.id, limit_price_usd=Decimal("0.000004"), principal=trader.team.principal, now=LOCKED
    )
    assert (improved.limit_ticks, improved.escrow_micro_usd, trader.balance) == (400, 4_000, (4_000, 4_000))
    late = buy(trader, now=LOCKED)
    assert cancel_order(order_id=late.id, principal=trader.team.principal, now=LOCKED).status == "cancelled"
    struck = strike_order(order_id=order.id, actor="admin", reason="a mistake", now=LOCKED)
    assert (struck.status, struck.close_reason) == ("cancelled", "a mistake")


@pytest.mark.parametrize(
    ("side", "changes", "code"),
    [
        (Side.BUY, {"limit_price_usd": Decimal("0.000003")}, "not_better"),
        (Side.BUY, {"limit_price_usd": Decimal("0.000002")}, "not_better"),
        (Side.BUY, {"limit_price_usd": Decimal("0.1")}, "outside_collar"),
        (Side.SELL, {"limit_price_usd": Decimal("0.0000031")}, "not_better"),
        (Side.BUY, {"add_quantity": Decimal(50)}, "not_whole_lots"),
        (Side.BUY, {}, "required"),
        (Side.SELL, {"add_quantity": Decimal(50_000)}, "not_tradeable"),
        (Side.BUY, {"add_quantity": Decimal(50_000)}, "holding_limit"),
    ],
)
def test_what_makes_an_order_no_better_is_refused(side: Side, changes: dict[str, Any], code: str) -> None:
    trader = make_trader("Trader")
    order = (buy if side == Side.BUY else sell)(trader)
    before = (_state(trader), Order.objects.values().get())
    with pytest.raises(DomainError) as refused:
        improve_order(order_id=order.id, principal=trader.team.principal, now=NOW, **changes)
    assert refused.value.code == code
    assert (_state(trader), Order.objects.values().get()) == before


def test_an_offer_that_grows_keeps_more_quota() -> None:
    trader = make_trader("Seller")
    order = sell(trader)
    improve_order(
        order_id=order.id,
        limit_price_usd=Decimal("0.000002"),
        add_quantity=Decimal(500),
        principal=trader.team.principal,
        now=NOW,
    )
    order.refresh_from_db()
    assert (order.lots, order.limit_ticks) == (15, 200)
    assert budgets.get_budget(trader.tokens).reserved == 1_500
    assert list(order.events.values_list("kind", "lots", "limit_ticks")) == [("placed", 10, 300), ("improved", 5, 200)]


def test_another_team_s_order_is_not_there() -> None:
    order = buy(make_trader("Buyer"))
    stranger = make_trader("Stranger")
    for change in (cancel_order, improve_order):
        with pytest.raises(NotFound):
            change(order_id=order.id, principal=stranger.team.principal, now=NOW)
    order.refresh_from_db()
    assert order.status == "open"


def test_orders_end_when_their_time_is_over_but_not_before_their_last_call() -> None:
    trader = make_trader("Buyer")
    soon = buy(trader, good_until=NOW + timedelta(minutes=5))
    with_call = buy(trader, good_until=CALL)
    assert expire_orders(now=NOW + timedelta(minutes=4)) == 0
    assert expire_orders(now=NOW + timedelta(minutes=5)) == 1
    soon.refresh_from_db()
    assert (soon.status, trader.balance) == ("expired", (6_000, 3_000))
    assert expire_orders(now=CALL + timedelta(seconds=10)) == 0
    Instrument.objects.update(next_call_at=None)
    assert expire_orders(now=CALL + timedelta(seconds=20)) == 1
    with_call.refresh_from_db()
    assert (with_call.status, trader.balance) == ("expired", (6_000, 0))
    assert expire_orders(now=CALL + timedelta(seconds=30)) == 0


def test_who_acts_for_no_team_does_not_trade() -> None:
    nobody = replace(make_trader("Buyer").team.principal, team_id=None)
    with pytest.raises(NotAllowed):
        place_order(ask=an_ask(Side.BUY), principal=nobody, now=NOW)
