"""Loans from offer to end: what moves, what backs it, what refuses, and that the books agree after each step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F

from accounts.models import Team
from budgets import selectors as budgets
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import LARGEST_LIMIT, Unit
from budgets.models import Budget
from climate.domain.alerts import DisasterKind
from climate.services.emergencies import NewEmergency, declare_emergency, start_drill
from config.kernel.errors import Conflict, DomainError, InvalidInput, NotAllowed, NotFound
from market.models import FundEntry, Journal, Loan, LoanEvent, Posting
from market.services import deposit_to_fund
from market.services.trading.halts import halt_trading
from market.services.trading.loans.due import run_due_loans
from market.services.trading.loans.lending import accept_loan
from market.services.trading.loans.offers import cancel_loan
from market.services.trading.loans.returns import break_loan, return_loan
from market.services.trading.money import AccountShort
from tests.integration.market.trading.calling import change_market
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.lending import (
    DUE,
    TOP,
    accept,
    differences,
    fund_account,
    fund_balance,
    lend,
    make_lender_and_borrower,
    offer,
    spend,
    tokens_of,
)
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db
HALF = NOW + timedelta(days=5)


@pytest.fixture(autouse=True)
def _books(loaded_world: None, db: None) -> Iterator[None]:
    yield
    assert differences() == []


def give_back(borrower: Trader, loan: Loan, quantity: int | None = None, now: datetime = HALF) -> Loan:
    return return_loan(
        loan_id=loan.pk,
        quantity=None if quantity is None else Decimal(quantity),
        principal=borrower.team.principal,
        now=now,
    )


def refused(kind: type[DomainError], work: Any, *args: Any, **changes: Any) -> DomainError:
    """What a step is answered, which leaves everything as it was."""
    before = _everything()
    with pytest.raises(kind) as refusal:
        work(*args, **changes)
    assert _everything() == before
    return refusal.value


def _everything() -> tuple[Any, ...]:
    budgets_now = Budget.objects.order_by("pk").values_list("pk", "limit", "reserved", "bonus", "sold")
    loans = Loan.objects.order_by("pk").values_list("pk", "status", "outstanding_lots", "collateral_micro_usd")
    return (list(budgets_now), list(loans), Posting.objects.count(), LoanEvent.objects.count())


def kinds(loan: Loan) -> list[str]:
    return list(loan.events.values_list("kind", flat=True))


def test_an_offer_keeps_the_quota_aside_and_a_cancelled_one_gives_it_back():
    lender, _ = make_lender_and_borrower()
    loan = offer(lender)
    assert (loan.status, loan.lots, loan.fee_micro_usd, loan.break_fee_percent) == ("offered", 100, 1_000, 5)
    assert tokens_of(lender) == (100_000, 0, 10_000)
    cancelled = cancel_loan(loan_id=loan.pk, principal=lender.team.principal, now=NOW)
    assert (cancelled.status, cancelled.closed_at) == ("cancelled", NOW)
    assert tokens_of(lender) == (100_000, 0, 0)
    assert kinds(loan) == ["offered", "cancelled"]


def test_both_legs_are_in_one_journal_entry_and_the_collateral_is_the_quantity_at_the_top_and_the_fee():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    assert (loan.status, loan.outstanding_lots, loan.top_ticks) == ("running", 100, TOP)
    assert loan.collateral_micro_usd == 100 * TOP + 1_000
    assert borrower.balance == (1_000_000, 46_000)
    assert (tokens_of(lender), tokens_of(borrower)) == ((90_000, 0, 0), (110_000, 0, 0))
    journal = Journal.objects.get(reference=f"loan:{loan.pk}")
    assert journal.reason == "100 lots now; 100 lots and 0.001000 US$ back by 2026-03-14 10:20:00 UTC"


def test_half_returned_after_half_the_time_costs_a_quarter_of_the_fee_and_earns_a_reward():
    """1000 x 1/2 x 1/2 = 250. Reward: 1 % of what 50 lots at 300 would count in 5 of 30 days, or of the fee, halved."""
    lender, borrower = make_lender_and_borrower()
    deposit_to_fund(micro_usd=10_000, actor="test", reason="test", now=NOW)
    loan = give_back(borrower, lend(lender, borrower, fee="0.01"), 5_000)
    assert (loan.status, loan.outstanding_lots, loan.fee_paid_micro_usd) == ("running", 50, 2_500)
    assert loan.collateral_micro_usd == 50 * TOP + 5_000
    reward = 2_500 // 200  # the fee for it, 2500, counts in full up to 15000 x 5/30 = 2500
    assert borrower.balance == (1_000_000 - 2_500 + reward, 27_500)
    assert lender.balance == (1_002_500, 0)
    assert fund_balance() == 10_000 - reward
    assert FundEntry.objects.get(kind="reward").balance_delta_micro_usd == -reward
    assert (tokens_of(lender), tokens_of(borrower)) == ((95_000, 0, 0), (105_000, 0, 0))


def test_a_return_of_everything_closes_the_loan_and_undoes_what_it_did_to_both_budgets():
    lender, borrower = make_lender_and_borrower()
    before = [budgets.list_sellable([each.tokens], now=NOW)[each.tokens] for each in (lender, borrower)]
    loan = give_back(borrower, lend(lender, borrower))
    assert (loan.status, loan.outstanding_lots, loan.collateral_micro_usd) == ("returned", 0, 0)
    assert (lender.balance, borrower.balance) == ((1_000_500, 0), (999_500, 0))
    assert [budgets.list_sellable([each.tokens], now=NOW)[each.tokens] for each in (lender, borrower)] == before
    assert kinds(loan) == ["offered", "lent", "returned"]


def test_a_reward_ends_where_the_fund_ends():
    lender, borrower = make_lender_and_borrower()
    deposit_to_fund(micro_usd=3, actor="test", reason="test", now=NOW)
    give_back(borrower, lend(lender, borrower, fee="0.01"), 5_000)
    assert (fund_balance(), borrower.balance[0]) == (0, 1_000_000 - 2_500 + 3)


def test_teams_of_one_organisation_earn_nothing_from_the_fund_by_lending_to_each_other():
    lender, borrower = make_lender_and_borrower()
    deposit_to_fund(micro_usd=10_000, actor="test", reason="test", now=NOW)
    Team.objects.filter(pk=borrower.team.team_id).update(organisation=lender.team.organisation_id)
    give_back(borrower, lend(lender, borrower, fee="0.01"))
    assert (fund_balance(), borrower.balance[0]) == (10_000, 1_000_000 - 5_000)


def test_borrowed_quota_is_not_lent_or_sold_on_and_is_no_minimum_balance():
    lender, borrower = make_trader("Lender"), make_trader("Borrower", tokens=1_000, tradeable_percent=100)
    fund_account(borrower)
    lend(lender, borrower)
    assert refused(Conflict, offer, borrower, 1_100).code == "not_tradeable"
    assert refused(Conflict, offer, borrower, 1_000).code == "minimum_balance"
    assert refused(Conflict, sell, borrower, 1_000).code == "minimum_balance"
    assert offer(borrower, 900).lots == 9


def test_only_the_tradeable_part_is_lent_and_the_minimum_balance_stays():
    lender, _ = make_lender_and_borrower(tradeable_percent=20)
    assert refused(Conflict, offer, lender, 20_100).code == "not_tradeable"
    spend(lender, 90_000)
    assert refused(Conflict, offer, lender, 10_000).code == "minimum_balance"
    assert refused(Conflict, offer, lender, 10_100).code == "not_available"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 150}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"fee": "-1"}, "fee_usd"),
        ({"fee": "0.0000001"}, "fee_usd"),
        ({"due_at": NOW}, "due_at"),
        ({"due_at": NOW + timedelta(days=31, seconds=1)}, "due_at"),
    ],
)
def test_an_offer_that_cannot_be_names_its_field(changes, field):
    lender, _ = make_lender_and_borrower()
    assert refused(InvalidInput, offer, lender, **changes).field == field


def test_an_offer_goes_to_one_team_that_is_not_its_own_and_can_back_it():
    lender, borrower = make_lender_and_borrower()
    late, poor = make_trader("Late"), make_trader("Poor")
    make_budget(poor.team, 10_000_000, name="more money", unit=Unit.MICRO_USD)  # nobody knows which one pays
    loan = offer(lender)
    assert refused(Conflict, accept, loan, lender).code == "same_team"
    short = refused(AccountShort, accept, loan, poor)
    assert (short.facts["account"], short.facts["needed_usd"]) == (poor.account, "0.046000")
    accept(loan, borrower)
    assert refused(Conflict, accept, loan, late).code == "wrong_state"
    assert (
        refused(Conflict, cancel_loan, loan_id=loan.pk, principal=lender.team.principal, now=NOW).code == "wrong_state"
    )


def test_what_the_borrower_s_account_lacks_comes_out_of_its_money_budget_as_for_a_bid():
    lender, borrower = make_trader("Lender"), make_trader("Borrower", micro_usd=50_000)
    loan = accept(offer(lender), borrower)
    assert (loan.collateral_micro_usd, borrower.balance) == (46_000, (46_000, 46_000))
    assert Budget.objects.get(pk=borrower.money).limit == 4_000
    assert refused(BudgetExhausted, accept, offer(lender), borrower).code == "budget_exhausted"


def test_the_budget_that_pays_can_be_named_and_is_the_borrower_s_own():
    lender, borrower = make_trader("Lender"), make_trader("Borrower")
    second = make_budget(borrower.team, 100_000, name="more money", unit=Unit.MICRO_USD, period=Period.MONTH)
    taken = {"loan_id": offer(lender).pk, "budget_id": None, "principal": borrower.team.principal, "now": NOW}
    assert refused(NotAllowed, accept_loan, pay_from=lender.money, **taken).field == "pay_from"
    assert refused(InvalidInput, accept_loan, pay_from=borrower.tokens, **taken).field == "pay_from"
    accept_loan(pay_from=second, **taken)
    assert Budget.objects.get(pk=second).limit == 54_000


def test_what_a_team_borrowed_counts_to_its_holding_limit_and_what_it_bids_for_too():
    """Both budgets are 200,000 tokens, of which a team may have a quarter."""
    lender, borrower = make_lender_and_borrower(tradeable_percent=100)
    loan = lend(lender, borrower, 30_000)
    assert refused(Conflict, buy, borrower, 20_100).code == "holding_limit"
    buy(borrower, 10_000)
    beyond, within = offer(lender, 10_100), offer(lender, 10_000)
    assert refused(Conflict, accept, beyond, borrower).facts == {"most": 50_000, "held": 40_000}
    accept(within, borrower)
    give_back(borrower, loan)
    assert accept(beyond, borrower, HALF).status == "running"


def test_an_offer_of_a_team_that_was_switched_off_is_not_taken_and_ends():
    lender, borrower = make_lender_and_borrower()
    loan = offer(lender)
    Team.objects.filter(pk=lender.team.team_id).update(is_active=False)
    assert refused(Conflict, accept, loan, borrower).code == "lender_off"
    assert run_due_loans(now=NOW) == 1
    loan.refresh_from_db()
    assert (loan.status, tokens_of(lender)) == ("cancelled", (100_000, 0, 0))


def test_a_loan_runs_on_when_a_team_of_it_is_switched_off():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    Team.objects.filter(pk__in=[lender.team.team_id, borrower.team.team_id]).update(is_active=False)
    assert run_due_loans(now=DUE) == 1
    loan.refresh_from_db()
    assert (loan.status, loan.fee_paid_micro_usd) == ("returned", 1_000)


def test_a_loan_that_no_account_could_back_is_refused():
    lender, borrower = make_trader("Lender", tokens=2**61, tradeable_percent=100), make_trader("Borrower")
    change_market(holding_limit_percent=100)
    assert refused(Conflict, accept, offer(lender, 2**61 // 100 * 100 - 1000), borrower).code == "too_large"


def test_one_loan_that_cannot_be_settled_keeps_no_other_waiting():
    lender, borrower = make_lender_and_borrower()
    stuck, other = lend(lender, borrower, 1_000), lend(lender, borrower, 1_000)
    top = LARGEST_LIMIT - tokens_of(lender)[0] - 1_000  # its lender's limit can grow by one of both
    Budget.objects.filter(pk=lender.tokens).update(limit=F("limit") + top)
    assert run_due_loans(now=DUE) == 1
    assert sorted(Loan.objects.filter(pk__in=[stuck.pk, other.pk]).values_list("status", flat=True)) == [
        "returned",
        "running",
    ]
    Budget.objects.filter(pk=lender.tokens).update(limit=F("limit") - top)
    assert run_due_loans(now=DUE) == 1


def test_a_loan_goes_into_a_budget_of_its_instrument_only():
    lender, borrower = make_lender_and_borrower()
    by_day, other = make_trader("By the day", period=Period.DAY), make_trader("Other")
    loan = offer(lender)
    assert refused(InvalidInput, accept, loan, by_day).field == "budget"
    assert refused(NotAllowed, accept, loan, Trader(team=other.team, tokens=borrower.tokens, money=other.money)).field


def test_others_see_no_loan_to_cancel_return_or_break():
    lender, borrower = make_lender_and_borrower()
    other = make_trader("Other")
    loan = lend(lender, borrower)
    for work in (cancel_loan, break_loan):
        refused(NotFound, work, loan_id=loan.pk, principal=other.team.principal, now=NOW)
    refused(NotFound, return_loan, loan_id=loan.pk, quantity=None, principal=lender.team.principal, now=NOW)


def test_nobody_lends_or_borrows_while_trading_is_halted_but_loans_come_back():
    lender, borrower = make_lender_and_borrower()
    running, waiting = lend(lender, borrower), offer(lender)
    halt_trading(instrument_code=None, reason="books", until=None, actor="test", now=NOW)
    assert refused(Conflict, offer, lender).code == "halted"
    assert refused(Conflict, accept, waiting, borrower).code == "halted"
    assert give_back(borrower, running).status == "returned"


def test_what_the_borrower_has_spent_cannot_come_back():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    spend(borrower, 105_000)
    assert refused(Conflict, give_back, borrower, loan).code == "not_available"
    assert refused(InvalidInput, give_back, borrower, loan, 10_100).field == "quantity"
    assert give_back(borrower, loan, 5_000).outstanding_lots == 50


def test_when_due_the_worker_takes_back_what_is_there_and_the_fee_is_whole():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    assert run_due_loans(now=DUE - timedelta(seconds=1)) == 0
    assert (run_due_loans(now=DUE), run_due_loans(now=DUE)) == (1, 0)
    loan.refresh_from_db()
    assert (loan.status, loan.closed_at, loan.fee_paid_micro_usd) == ("returned", DUE, 1_000)
    assert (lender.balance, borrower.balance) == ((1_001_000, 0), (999_000, 0))
    assert (tokens_of(lender)[0], tokens_of(borrower)[0]) == (100_000, 100_000)


def test_a_loan_that_is_due_in_the_next_month_comes_out_of_its_quota():
    lender, borrower = make_lender_and_borrower()
    due = datetime(2026, 4, 2, tzinfo=UTC)
    loan = lend(lender, borrower, due_at=due)
    assert run_due_loans(now=due) == 1
    loan.refresh_from_db()
    assert loan.status == "returned"
    assert (tokens_of(lender)[0], tokens_of(borrower)[0]) == (110_000, 90_000)
    may = datetime(2026, 5, 1, tzinfo=UTC)
    assert [budgets.list_sellable([each.tokens], now=may)[each.tokens].free for each in (lender, borrower)] == [
        100_000,
        100_000,
    ]


@pytest.mark.parametrize("moment", [DUE, datetime(2026, 4, 1, tzinfo=UTC)])
def test_an_offer_that_nobody_took_ends_with_its_due_date_or_its_period(moment):
    lender, borrower = make_lender_and_borrower()
    due_at = DUE if moment == DUE else moment + timedelta(days=2)
    loan = offer(lender, due_at=due_at)
    assert refused(Conflict, accept, loan, borrower, now=moment).code == "too_late"
    assert (run_due_loans(now=moment), run_due_loans(now=moment)) == (1, 0)
    loan.refresh_from_db()
    assert (loan.status, tokens_of(lender)[2]) == ("cancelled", 0)


def emergency(country: str, *, is_drill: bool = False) -> None:
    new = NewEmergency(
        kind=DisasterKind.FLOOD,
        title="Flood",
        country_codes=(country,),
        purposes=("disaster_response",),
        multiplier=2.0,
        reason="water",
        starts_at=NOW,
        ends_at=NOW + timedelta(days=30),
    )
    (start_drill if is_drill else declare_emergency)(new, by="test", now=NOW)


def test_only_an_emergency_where_the_lender_is_registered_calls_quota_back():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    broken = {"loan_id": loan.pk, "principal": lender.team.principal, "now": HALF}
    assert refused(Conflict, break_loan, **broken).code == "no_emergency"
    emergency("BD")
    assert refused(Conflict, break_loan, **broken).code == "no_emergency"
    emergency("DE", is_drill=True)
    assert refused(Conflict, break_loan, **broken).code == "no_emergency"


def test_a_break_brings_back_what_is_free_for_its_fee_and_the_rest_runs_on():
    """60 lots are free: 5 % of 60 x 300 is 900 to the borrower; 1000 x 60/100 x 1/2 is 300 to the lender."""
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    spend(borrower, 104_000)
    emergency("DE")
    broken = break_loan(loan_id=loan.pk, principal=lender.team.principal, now=HALF)
    assert (broken.status, broken.outstanding_lots, broken.collateral_micro_usd) == ("running", 40, 40 * TOP + 400)
    assert (lender.balance, borrower.balance) == ((999_400, 0), (1_000_600, 18_400))
    assert kinds(loan) == ["offered", "lent", "broken"]
    again = {"loan_id": loan.pk, "principal": lender.team.principal, "now": HALF}
    assert refused(Conflict, break_loan, **again).code == "nothing_free"


def test_a_break_of_everything_ends_the_loan_and_a_lender_who_cannot_pay_breaks_nothing():
    lender, borrower = make_trader("Lender"), make_trader("Borrower")
    fund_account(borrower)
    loan = lend(lender, borrower, fee="0")
    emergency("DE")
    broken = {"loan_id": loan.pk, "principal": lender.team.principal, "now": HALF}
    refused(AccountShort, break_loan, **broken)
    fund_account(lender)
    assert break_loan(**broken).status == "broken"
    assert lender.balance == (1_000_000 - 1_500, 0)
