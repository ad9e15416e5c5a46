"""Calls from orders to money and quota: what each side gets, what stays, and that nothing is made or lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Sum

from accounts.models import Team
from budgets.services import deallocate
from climate.services import emergencies
from config.kernel.errors import Conflict, NotFound
from market.domain.trading.stored import StoredInputs, unpack_call
from market.models import FUND, Account, Auction, Fund, FundEntry, Instrument, Order, OrderEvent, Trade
from market.selectors import get_auction, get_fund_flows, list_public_trades, list_trades
from market.services import deposit_to_fund, run_call, run_due_calls
from tests.integration.market.trading.calling import (
    CALL,
    HIGH,
    LOW,
    POOR,
    RICH,
    assert_sound,
    change_market,
    make_buyers,
    make_sellers,
    tokens_of,
    use_policy,
)
from tests.integration.market.trading.desk import buy, make_trader, sell
from tests.integration.world import NOW, load_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world(db) -> None:
    load_world()


def test_a_due_call_moves_quota_and_money_at_one_price_and_leaves_books_that_agree():
    sellers, buyers = make_sellers(), make_buyers()
    assert run_due_calls(now=CALL) == 1
    auction = Auction.objects.get()
    assert (auction.status, auction.kind, auction.volume_lots, auction.closed_at) == ("cleared", "call", 50, CALL)
    assert set(Trade.objects.values_list("price_ticks", flat=True)) == {auction.price_ticks}
    assert set(Order.objects.values_list("status", "escrow_micro_usd")) == {("filled", 0)}
    assert [tokens_of(each) for each in sellers.traders] == [99_000] * 5
    assert [tokens_of(each) for each in buyers.traders] == [101_000] * 5
    to_fund = auction.premium_micro_usd - auction.subsidy_micro_usd + auction.adder_micro_usd
    assert auction.paid_micro_usd == auction.received_micro_usd + to_fund + auction.rounding_micro_usd
    assert Account.objects.aggregate(kept=Sum("reserved_micro_usd"))["kept"] == 0
    assert OrderEvent.objects.filter(kind="filled").count() == 10
    instrument = Instrument.objects.get()
    assert (instrument.last_price_ticks, instrument.next_call_at) == (auction.price_ticks, None)
    assert_sound()


def test_a_call_is_held_once_and_not_before_its_time():
    make_sellers(), make_buyers()
    assert run_due_calls(now=CALL - timedelta(seconds=1)) == 0
    assert run_due_calls(now=CALL) == 1
    assert run_due_calls(now=CALL) == 0
    assert Auction.objects.count() == 1


def test_a_feebate_gives_some_what_it_takes_from_others_and_nobody_pays_more_than_the_limit():
    make_sellers(), make_buyers()
    run_due_calls(now=CALL)
    auction = Auction.objects.get()
    assert auction.subsidy_micro_usd == auction.premium_micro_usd > 0
    bought = list(Trade.objects.filter(side="buy").select_related("order"))
    assert all(each.justice_micro_usd < 0 for each in bought if each.order.origin_code == POOR)
    assert all(each.justice_micro_usd > 0 for each in bought if each.order.origin_code == RICH)
    assert all(each.money_micro_usd <= each.lots * each.order.limit_ticks for each in bought)
    entries = dict(FundEntry.objects.exclude(journal=None).values_list("kind", "balance_delta_micro_usd"))
    assert entries["subsidy"] == -entries["market_premium"] == -auction.subsidy_micro_usd
    assert Account.objects.get(name=FUND).balance_micro_usd == auction.adder_micro_usd + auction.rounding_micro_usd
    assert_sound()


def test_sellers_get_exactly_the_price_less_the_carbon_adder_that_goes_to_the_fund():
    make_sellers(), make_buyers()
    run_due_calls(now=CALL)
    for trade in Trade.objects.filter(side="sell").select_related("order"):
        assert trade.adder_micro_usd == trade.lots * trade.order.adder_ticks > 0
        assert trade.money_micro_usd == trade.lots * trade.price_ticks - trade.adder_micro_usd
        assert trade.money_micro_usd >= trade.lots * trade.order.limit_ticks


def test_an_emergency_that_began_after_the_bids_came_weighs_in_the_call():
    make_sellers(), make_buyers()
    flood = emergencies.NewEmergency(
        kind="flood",
        title="Brahmaputra",
        country_codes=[POOR],
        purposes=["disaster_response"],
        multiplier=5,
        reason="GloFAS",
        ends_at=NOW + timedelta(days=1),
    )
    emergencies.declare_emergency(flood, by="test", now=NOW + timedelta(minutes=5))
    run_due_calls(now=CALL)
    bids, _, _ = unpack_call(StoredInputs.from_bytes(bytes(Auction.objects.get().inputs.body)))
    assert bids.weight_ppm.tolist() == [1_000_000, 10_000_000, 1_000_000, 10_000_000, 1_000_000]


def test_where_the_fund_pays_it_pays_out_of_premia_and_what_it_has_and_never_goes_below_zero():
    use_policy("seed-2025")
    deposit_to_fund(micro_usd=300, actor="test", reason="test", now=NOW)
    make_sellers(limit="0.0008")
    for index, code in enumerate([POOR, POOR, POOR, POOR, RICH]):
        buy(make_trader(f"Buyer {index}", country_code=code), 1_000, "0.0012")
    run_due_calls(now=CALL)
    auction = Auction.objects.get()
    assert auction.status == "cleared"
    assert 0 < auction.factor_percent < 100
    assert 0 < auction.subsidy_micro_usd <= 300 + auction.premium_micro_usd
    gained = auction.premium_micro_usd + auction.adder_micro_usd + auction.rounding_micro_usd
    assert Fund.objects.get().balance_micro_usd == 300 + gained - auction.subsidy_micro_usd >= 0
    flows = {each.kind: each for each in get_fund_flows(since=NOW, now=CALL).kinds}
    assert flows["subsidy"].out_micro_usd == auction.subsidy_micro_usd
    assert flows["market_premium"].in_micro_usd == auction.premium_micro_usd
    assert_sound()


def test_what_is_partly_filled_keeps_only_what_the_rest_needs_and_goes_on_into_the_next_call():
    make_sellers(quantity=1_000)
    buyers = make_buyers(quantity=3_000)
    run_due_calls(now=CALL)
    auction = Auction.objects.get()
    assert auction.volume_lots == 50
    left = list(Order.objects.filter(side="buy"))
    assert sum(each.filled_lots for each in left) == 50
    assert {each.status for each in left} == {"open"}
    assert all(each.escrow_micro_usd == (each.lots - each.filled_lots) * each.limit_ticks for each in left)
    assert sum(each.balance[1] for each in buyers.traders) == sum(each.escrow_micro_usd for each in left)
    assert Instrument.objects.get().next_call_at == CALL + timedelta(hours=1)
    detail = get_auction(auction.pk, team_ids=[buyers.traders[0].team.team_id])
    assert (detail.rationing.side, detail.rationing.lots) == ("buy", auction.imbalance_lots)
    assert auction.imbalance_lots > 0
    assert_sound()


def assert_sealed(auction: Auction) -> None:
    """Its orders wait for the next call: neither prices nor lots of them are told."""
    detail = get_auction(auction.pk)
    told = (detail.curve, detail.rationing, detail.row.bid_lots, detail.row.ask_lots, detail.row.imbalance_lots)
    assert told == (None,) * 5
    assert auction.bid_lots > 0


def test_too_few_teams_on_a_side_are_carried_to_the_next_call_and_stay_sealed():
    make_sellers(4), make_buyers(5)
    run_due_calls(now=CALL)
    auction = Auction.objects.get()
    assert (auction.status, auction.price_ticks, auction.ask_teams) == ("carried", None, 4)
    assert set(Order.objects.values_list("status", flat=True)) == {"open"}
    assert OrderEvent.objects.filter(kind="carried").count() == 9
    assert_sealed(auction)
    sell(make_trader("Seller 5"), 1_000, LOW, now=CALL)
    run_due_calls(now=CALL + timedelta(hours=1))
    assert Auction.objects.first().status == "cleared"
    assert_sound()


def test_bids_below_all_offers_do_not_trade():
    make_sellers(limit="0.000004"), make_buyers(limit="0.000002")
    run_due_calls(now=CALL)
    auction = Auction.objects.get()
    assert (auction.status, auction.volume_lots, Trade.objects.count()) == ("no_cross", 0, 0)
    assert_sealed(auction)
    assert_sound()


def test_what_comes_in_the_last_minute_counts_for_the_next_call():
    make_sellers(), make_buyers(4)
    buy(make_trader("Late"), 1_000, HIGH, now=CALL - timedelta(seconds=60))
    run_due_calls(now=CALL)
    assert (Auction.objects.get().status, Auction.objects.get().bid_teams) == ("carried", 4)
    run_due_calls(now=CALL + timedelta(hours=1))
    assert Auction.objects.first().bid_teams == 5


def test_orders_that_have_ended_or_whose_budget_or_team_has_are_closed_with_the_reason_first():
    make_sellers(6), make_buyers(6)
    late = buy(make_trader("Short-lived"), 1_000, HIGH, good_until=NOW + timedelta(minutes=5))
    off, gone = Order.objects.filter(side="buy")[1:3]
    Team.objects.filter(pk=off.team_id).update(is_active=False)
    deallocate(budget_id=gone.budget_id, actor="test", reason="test", now=NOW)
    run_due_calls(now=CALL)
    closed = dict(Order.objects.exclude(status="filled").values_list("number", "close_reason"))
    assert closed == {
        late.number: "its time was over before the call closed",
        off.number: "its team was switched off",
        gone.number: "its budget has ended",
    } | {number: why for number, why in closed.items() if why == ""}
    assert Order.objects.get(pk=late.pk).status == "expired"
    assert_sound()


def test_an_operator_closes_a_call_before_its_time():
    make_sellers(), make_buyers()
    code = Instrument.objects.get().code
    auction = run_call(instrument_code=code, now=NOW + timedelta(minutes=1))
    assert auction is not None
    assert (auction.status, auction.closed_at) == ("cleared", NOW + timedelta(minutes=1))
    assert run_due_calls(now=CALL) == 0
    assert run_call(instrument_code=code, now=NOW + timedelta(minutes=2)) is None
    with pytest.raises(NotFound):
        run_call(instrument_code="tokens-any-month-1999-01-01", now=NOW)


def test_of_two_calls_at_the_very_same_moment_the_second_is_refused():
    make_sellers(quantity=2_000), make_buyers()
    code = Instrument.objects.get().code
    run_call(instrument_code=code, now=NOW)
    with pytest.raises(Conflict, match="very moment"):
        run_call(instrument_code=code, now=NOW)


def test_a_call_that_was_missed_is_held_late_for_the_orders_of_its_time():
    make_sellers(), make_buyers()
    late = CALL + timedelta(hours=3, minutes=20)
    assert run_due_calls(now=late) == 1
    auction = Auction.objects.get()
    assert (auction.closed_at, auction.ran_at, auction.status) == (CALL, late, "cleared")


def test_grams_are_traded_as_tokens_are_but_without_a_carbon_adder():
    change_market(least_principals=1)
    seller = make_trader("Seller", unit="carbon_g", tokens=10_000)
    buyer = make_trader("Buyer", unit="carbon_g", tokens=10_000)
    sell(seller, 100, "0.00021", unit="carbon_g")
    buy(buyer, 100, "0.00021", unit="carbon_g")
    run_due_calls(now=CALL)
    trade = Trade.objects.filter(side="sell").get()
    assert (trade.lots, trade.adder_micro_usd, trade.instrument.unit) == (100, 0, "carbon_g")
    assert_sound()


def test_a_teams_trades_tell_its_money_and_public_ones_tell_no_team():
    make_sellers()
    buyers = make_buyers()
    run_due_calls(now=CALL)
    team = buyers.traders[0].team.team_id
    own = list_trades(team_ids=[team])
    assert [(each.side, each.units, each.team_id) for each in own] == [("buy", 1_000, team)]
    assert own[0].money_micro_usd == own[0].gross_micro_usd + own[0].justice_micro_usd
    public = list_public_trades()
    assert sum(each.lots for each in public) == 50
    assert not hasattr(public[0], "team_id")


def test_a_closed_call_shows_its_curve_and_marks_ones_own_fills_only():
    make_sellers()
    buyers = make_buyers()
    run_due_calls(now=CALL)
    detail = get_auction(Auction.objects.get().pk, team_ids=[buyers.traders[0].team.team_id])
    assert detail.curve is not None
    assert (detail.curve.demand[-1].lots, detail.curve.supply[-1].lots) == (50, 50)
    assert [step.lots for step in detail.curve.demand] == sorted(step.lots for step in detail.curve.demand)
    assert [each.is_own for each in detail.fills].count(True) == 1
    assert {each.money_micro_usd for each in detail.fills if not each.is_own} == {None}
    assert detail.fill_count == 10
