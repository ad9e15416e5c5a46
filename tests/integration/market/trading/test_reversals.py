"""Taking an auction back: all of it, or nothing with the reason; and working any of them out again."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from budgets.models import Budget
from budgets.selectors import list_sellable
from config.kernel.errors import Conflict, InvalidInput, NotFound
from market.models import OUTSIDE, Auction, AuctionInputs, FundEntry, Instrument, Journal, Trade
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.prices import get_reference
from market.services import halt_trading, replay_auction, reverse_auction, run_due_calls
from market.services.trading.holding import held_lots
from market.services.trading.money import Line, post
from tests.integration.market.trading.calling import (
    CALL,
    Side,
    assert_sound,
    change_market,
    make_buyers,
    make_sellers,
    tokens_of,
    use_policy,
)
from tests.integration.world import NOW, load_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def sides(db) -> tuple[Side, Side]:
    """Sellers and buyers after a call that cleared."""
    load_world()
    both = make_sellers(), make_buyers()
    run_due_calls(now=CALL)
    return both


def reverse(reason: str = "a wrong price") -> Auction:
    return reverse_auction(auction_id=Auction.objects.get().pk, reason=reason, actor="person ann", now=CALL)


def test_a_reversal_gives_money_quota_and_the_funds_part_back_by_an_opposite_journal(sides):
    sellers, buyers = sides
    auction = reverse()
    assert (auction.status, auction.reversed_by, auction.reverse_reason) == ("reversed", "person ann", "a wrong price")
    assert [tokens_of(each) for each in (*sellers.traders, *buyers.traders)] == [100_000] * 10
    assert {each.balance[0] for each in sellers.traders} == {0}
    assert {each.balance[0] for each in buyers.traders} == {order.lots * order.limit_ticks for order in buyers.orders}
    journal = Journal.objects.get(kind="reversal")
    assert journal.reverses == Journal.objects.get(kind="trade")
    assert sum(FundEntry.objects.exclude(journal=None).values_list("balance_delta_micro_usd", flat=True)) == 0
    assert set(Trade.objects.values_list("is_reversed", flat=True)) == {True}
    assert_sound()


def test_after_a_reversal_as_much_may_be_sold_and_bought_as_before(sides):
    sellers, buyers = ([each.tokens for each in side.traders] for side in sides)
    assert {each.steps for each in list_sellable(sellers, now=CALL).values()} == {49_000}
    reverse()
    parts = Budget.objects.filter(pk__in=[*sellers, *buyers]).values_list("limit", "sold", "bonus", "tradeable")
    assert set(parts) == {(100_000, 0, 0, 0)}
    assert {each.steps for each in list_sellable([*sellers, *buyers], now=CALL).values()} == {50_000}
    code = Instrument.objects.get().code
    assert [held_lots(each.team.team_id, code) for each in sides[1].traders] == [0] * 5


def test_the_price_of_what_was_reversed_counts_no_more(sides):
    instrument, terms = Instrument.objects.get(), get_policy_in_force().terms
    assert get_reference(instrument, terms).basis == "trades"
    reverse()
    instrument.refresh_from_db()
    assert get_reference(instrument, terms).basis == "service"
    assert instrument.last_price_ticks is None


def test_what_was_reversed_is_not_reversed_twice(sides):
    reverse()
    with pytest.raises(Conflict) as refusal:
        reverse()
    assert refusal.value.code == "not_cleared"
    assert Journal.objects.filter(kind="reversal").count() == 1
    assert_sound()


def test_it_is_refused_as_a_whole_where_a_buyer_has_not_got_the_quota_any_more(sides):
    buyer = sides[1].traders[0]
    Budget.objects.filter(pk=buyer.tokens).update(spent=100_001)
    with pytest.raises(Conflict) as refusal:
        reverse()
    assert refusal.value.code == "not_available"
    assert refusal.value.facts["budget"] == str(buyer.tokens)
    Budget.objects.filter(pk=buyer.tokens).update(spent=0)
    assert Auction.objects.get().status == "cleared"
    assert not Trade.objects.filter(is_reversed=True).exists()
    assert_sound()


def test_it_is_refused_as_a_whole_where_a_seller_has_not_got_the_money_any_more(sides):
    seller = sides[0].traders[0]
    lines = [
        Line(account=seller.account, delta_micro_usd=-seller.balance[0]),
        Line(account=OUTSIDE, delta_micro_usd=seller.balance[0]),
    ]
    post(kind=Journal.Kind.PAYOUT, lines=lines, actor="test", reason="test", now=CALL)
    with pytest.raises(Conflict) as refusal:
        reverse()
    assert (refusal.value.code, refusal.value.facts["account"]) == ("money_gone", seller.account)
    assert Auction.objects.get().status == "cleared"
    assert_sound()


def test_a_reversal_needs_a_reason_and_an_auction(sides):
    with pytest.raises(InvalidInput):
        reverse(" ")
    with pytest.raises(NotFound):
        reverse_auction(auction_id=0, reason="why", actor="ann", now=CALL)


def test_after_the_period_nobody_can_give_quota_back(sides):
    with pytest.raises(Conflict) as refusal:
        reverse_auction(
            auction_id=Auction.objects.get().pk, reason="late", actor="ann", now=NOW.replace(month=4, day=2)
        )
    assert refusal.value.code == "period_over"


def test_a_replay_gives_the_same_trades_also_after_policy_and_needs_have_changed_and_after_a_reversal(sides):
    auction = Auction.objects.get()
    first = replay_auction(auction.pk)
    assert (first.agrees, first.trades, first.differences) == (True, 10, ())
    change_market(collar_percent=5, least_principals=9)
    use_policy("seed-2025")
    reverse()
    again = replay_auction(auction.pk)
    assert (again.agrees, again.sha256) == (True, first.sha256)
    call_command("replay_auction", str(auction.pk))


def test_a_replay_names_what_does_not_agree(sides):
    auction = Auction.objects.get()
    trade = Trade.objects.order_by("pk").first()
    Trade.objects.filter(pk=trade.pk).update(lots=trade.lots + 1)
    AuctionInputs.objects.update(sha256="0" * 64)
    found = replay_auction(auction.pk)
    assert not found.agrees
    assert found.differences[0] == "The inputs are not those stored."
    assert f"Order {trade.order_id} got 11 lots" in found.differences[1]
    with pytest.raises(CommandError):
        call_command("replay_auction", str(auction.pk))


def test_equal_inputs_are_equal_bytes(sides):
    from market.domain.trading.stored import StoredInputs

    body = bytes(AuctionInputs.objects.get().body)
    assert StoredInputs.from_bytes(body).to_bytes() == body


def test_carried_calls_are_replayed_too_and_calls_that_were_not_held_say_so(db):
    load_world()
    make_sellers(2), make_buyers(2)
    run_due_calls(now=CALL)
    assert replay_auction(Auction.objects.get().pk).agrees
    halt_trading(instrument_code=None, reason="why", until=None, actor="ann", now=CALL)
    run_due_calls(now=CALL.replace(hour=12))
    with pytest.raises(Conflict) as refusal:
        replay_auction(Auction.objects.first().pk)
    assert refusal.value.code == "no_inputs"
