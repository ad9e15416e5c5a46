"""What is missing when a loan is due: bought in from the collateral, and what cannot be bought is paid in money."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models import Q

from budgets.services import deallocate
from config.kernel.errors import Conflict
from market.models import Auction, BuyIn, Instrument, Loan, Order, Trade, TradingHalt
from market.services.trading.calls import run_due_calls
from market.services.trading.changing import cancel_order, expire_orders
from market.services.trading.gathering import gather
from market.services.trading.halts import halt_trading, resume_trading
from market.services.trading.loans.due import run_due_loans
from market.services.trading.loans.returns import return_loan
from market.services.trading.reversal import reverse_auction
from tests.integration.market.trading.calling import change_market
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.lending import (
    DUE,
    TOP,
    differences,
    lend,
    make_lender_and_borrower,
    spend,
    tokens_of,
)
from tests.integration.world import NOW

pytestmark = pytest.mark.django_db
CALL = datetime(2026, 3, 14, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _books(loaded_world: None, db: None) -> Iterator[None]:
    yield
    assert differences() == []


def defaulted(fee: str = "0.001", due_at: datetime = DUE, left: int = 3_000) -> tuple[Trader, Trader, Loan]:
    """A loan of 100 lots of which the borrower has so many tokens left when it is due."""
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower, fee=fee, due_at=due_at)
    spend(borrower, 110_000 - left, due_at)
    assert run_due_loans(now=due_at) == 1
    loan.refresh_from_db()
    return lender, borrower, loan


def sellers(count: int = 5, quantity: int = 2_000, price: str = "0.000003") -> list[Trader]:
    """Teams that offer so many tokens each, so that a call has enough of them."""
    made = [make_trader(f"Seller {each}") for each in range(count)]
    for each in made:
        sell(each, quantity, price, now=DUE)
    return made


def other_buyers(count: int = 4) -> None:
    for each in range(count):
        buy(make_trader(f"Buyer {each}"), 100, "0.000003", now=DUE)


def test_what_is_there_comes_back_and_an_order_of_the_clearing_house_buys_the_rest():
    lender, borrower, loan = defaulted()
    assert (loan.status, loan.outstanding_lots, loan.collateral_micro_usd) == ("buying_in", 70, 0)
    order = loan.buy_in.order
    assert (order.source, order.side, order.lots, order.limit_ticks) == ("buy_in", "buy", 70, TOP)
    assert (order.team_id, order.budget_id) == (borrower.team.team_id, lender.tokens)
    assert order.escrow_micro_usd == 70 * TOP
    assert borrower.balance == (999_000, 70 * TOP)
    assert (lender.balance[0], tokens_of(lender)[0]) == (1_001_000, 93_000)
    assert order.instrument.next_call_at == CALL


def test_the_next_call_brings_it_to_the_lender_and_the_rest_of_the_collateral_back_to_the_borrower():
    lender, borrower, loan = defaulted()
    sellers()
    other_buyers()
    assert run_due_calls(now=CALL) == 1
    auction = Auction.objects.get()
    assert (auction.status, auction.bid_teams) == ("cleared", 5)
    assert (run_due_loans(now=CALL), run_due_loans(now=CALL)) == (1, 0)
    loan.refresh_from_db()
    assert (loan.status, loan.outstanding_lots, loan.closed_at) == ("defaulted", 0, CALL)
    assert loan.buy_in.bought_lots == 70
    paid = Trade.objects.get(order=loan.buy_in.order).money_micro_usd
    assert paid == 70 * auction.price_ticks
    assert borrower.balance == (999_000 - paid, 0)
    assert tokens_of(lender)[0] == 100_000
    assert list(loan.events.values_list("kind", "lots"))[2:] == [("returned", 30), ("defaulted", 70), ("bought_in", 70)]


def test_a_buy_in_counts_as_a_principal_of_its_own_even_beside_a_bid_of_the_team_that_owes():
    _, borrower, loan = defaulted()
    sellers()
    other_buyers(3)
    buy(borrower, 100, "0.000003", now=DUE)
    run_due_calls(now=CALL)
    auction = Auction.objects.get()
    assert (auction.status, loan.buy_in.order.trades.count()) == ("cleared", 1)


def test_a_team_that_owes_twice_is_one_principal_of_the_clearing_house():
    _, borrower, loan = defaulted()
    code = loan.buy_in.order.instrument_id
    values = Order.objects.filter(pk=loan.buy_in.order_id).values().get()
    Order.objects.create(**{**values, "number": None, "id": uuid4(), "escrow_micro_usd": 70})
    gathered = gather(Instrument.objects.get(pk=code), placed=Q())
    assert [each.principal for each in gathered.buys] == [-borrower.team.team_id] * 2
    Order.objects.filter(escrow_micro_usd=70).delete()


def test_nobody_cancels_or_expires_a_buy_in_and_its_auction_is_not_taken_back():
    _, borrower, loan = defaulted()
    order = loan.buy_in.order
    with pytest.raises(Conflict) as refused:
        cancel_order(order_id=order.id, principal=borrower.team.principal, now=DUE)
    assert refused.value.code == "buy_in"
    assert expire_orders(now=DUE + timedelta(days=40)) == 0
    sellers()
    other_buyers()
    run_due_calls(now=CALL)
    with pytest.raises(Conflict) as refused:
        reverse_auction(auction_id=Auction.objects.get().pk, reason="test", actor="test", now=CALL)
    assert refused.value.code == "bought_in"


def test_after_the_calls_of_the_policy_what_is_missing_is_paid_at_the_top():
    lender, borrower, loan = defaulted()
    for hour in range(23):
        run_due_calls(now=CALL + timedelta(hours=hour))
        run_due_loans(now=CALL + timedelta(hours=hour, minutes=1))
    buy_in = BuyIn.objects.get()
    assert (buy_in.calls, buy_in.closed_at) == (23, None)
    last = CALL + timedelta(hours=23)
    run_due_calls(now=last)
    assert run_due_loans(now=last) == 1
    loan.refresh_from_db()
    buy_in.refresh_from_db()
    assert (loan.status, loan.outstanding_lots) == ("defaulted", 0)
    assert (buy_in.paid_out_lots, buy_in.order.status) == (70, "cancelled")
    assert lender.balance == (1_001_000 + 70 * TOP, 0)
    assert borrower.balance == (999_000 - 70 * TOP, 0)
    assert tokens_of(lender)[0] == 93_000
    run_due_calls(now=last + timedelta(hours=1))
    assert Instrument.objects.get(code=buy_in.order.instrument_id).next_call_at is None


def test_a_part_that_was_bought_is_noted_and_the_rest_waits():
    lender, _, loan = defaulted()
    sellers(quantity=1_000)
    other_buyers()
    run_due_calls(now=CALL)
    bought = loan.buy_in.order.trades.get().lots
    assert 0 < bought < 70
    assert run_due_loans(now=CALL) == 1
    loan.refresh_from_db()
    assert (loan.status, loan.outstanding_lots) == ("buying_in", 70 - bought)
    assert tokens_of(lender)[0] == 93_000 + bought * 100


def test_when_the_period_ends_a_buy_in_goes_on_in_the_next_one():
    evening = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    lender, borrower, loan = defaulted(due_at=evening)
    april = datetime(2026, 4, 1, tzinfo=UTC)
    run_due_calls(now=april)
    first = loan.buy_in.order
    assert first.status == "open"
    assert run_due_loans(now=april + timedelta(minutes=1)) == 1
    first.refresh_from_db()
    second = BuyIn.objects.get().order
    assert (first.status, second.status, second.lots) == ("cancelled", "open", 70)
    assert second.instrument_id == "tokens-any-month-2026-04-01"
    assert borrower.balance[1] == 70 * TOP == second.escrow_micro_usd
    assert (lender.balance[0], tokens_of(lender)[0]) == (1_001_000, 93_000)


def test_a_lender_whose_budget_has_ended_is_paid_in_money():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    deallocate(budget_id=lender.tokens, actor="test", reason="test", now=NOW)
    with pytest.raises(Conflict) as refused:
        return_loan(loan_id=loan.pk, quantity=None, principal=borrower.team.principal, now=NOW)
    assert (refused.value.code, refused.value.facts) == ("lender_ended", {})
    assert run_due_loans(now=DUE) == 1
    loan.refresh_from_db()
    assert (loan.status, loan.outstanding_lots, loan.collateral_micro_usd) == ("defaulted", 0, 0)
    assert lender.balance == (1_000_000 + 100 * 300 + 1_000, 0)
    assert tokens_of(borrower)[0] == 110_000


def test_a_lender_whose_budget_ends_while_it_is_bought_in_is_paid_at_the_top():
    lender, borrower, loan = defaulted()
    deallocate(budget_id=lender.tokens, actor="test", reason="test", now=DUE)
    run_due_calls(now=CALL)
    assert run_due_loans(now=CALL) == 1
    loan.refresh_from_db()
    assert (loan.status, lender.balance[0]) == ("defaulted", 1_001_000 + 70 * TOP)
    assert borrower.balance == (999_000 - 70 * TOP, 0)


def test_a_borrower_whose_budget_has_ended_gives_nothing_and_all_is_bought_in():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    deallocate(budget_id=borrower.tokens, actor="test", reason="test", now=NOW)
    run_due_loans(now=DUE)
    loan.refresh_from_db()
    assert (loan.status, loan.buy_in.lots) == ("buying_in", 100)
    assert Order.objects.get().escrow_micro_usd == 100 * TOP == borrower.balance[1]


def test_calls_that_a_halt_kept_from_being_held_do_not_end_a_buy_in():
    defaulted()
    halt = halt_trading(instrument_code=None, reason="books", until=None, actor="test", now=DUE)
    for hour in range(25):
        run_due_calls(now=CALL + timedelta(hours=hour))
    assert run_due_loans(now=CALL + timedelta(hours=24)) == 0
    resume_trading(halt_id=halt.id, actor="test", now=CALL + timedelta(hours=24, minutes=30))
    run_due_calls(now=CALL + timedelta(hours=25))
    assert run_due_loans(now=CALL + timedelta(hours=25)) == 1
    assert (BuyIn.objects.get().calls, BuyIn.objects.get().closed_at) == (1, None)


def test_on_an_open_book_the_time_of_halts_does_not_count_to_a_buy_in():
    change_market(mechanism="continuous")
    _, _, loan = defaulted()
    code = loan.buy_in.order.instrument_id
    for at, hours in ((1, 10), (5, 20), (2, 1)):  # from hour 1 to hour 25, overlapping
        starts_at = DUE + timedelta(hours=at)
        ended = {"until": starts_at + timedelta(hours=hours), "ended_at": starts_at + timedelta(hours=hours)}
        TradingHalt.objects.create(
            instrument_id=code, kind="admin", starts_at=starts_at, reason="t", actor="t", **ended
        )
    run_due_loans(now=DUE + timedelta(hours=47, minutes=59))
    assert (BuyIn.objects.get().calls, BuyIn.objects.get().closed_at) == (23, None)
    assert run_due_loans(now=DUE + timedelta(hours=48)) == 1
    assert BuyIn.objects.get().paid_out_lots == 70


def test_on_an_open_book_a_buy_in_takes_what_rests_there_past_offers_of_the_team_that_owes():
    change_market(mechanism="continuous")
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    sell(borrower, 1_000, "0.0000015", now=NOW)
    sell(make_trader("Seller"), 8_000, "0.000002", now=NOW)
    spend(borrower, 106_000, DUE)
    assert run_due_loans(now=DUE) == 2
    loan.refresh_from_db()
    assert (loan.status, loan.buy_in.bought_lots, loan.buy_in.lots) == ("defaulted", 70, 70)
    assert tokens_of(lender)[0] == 100_000
    assert borrower.balance[1] == 0
