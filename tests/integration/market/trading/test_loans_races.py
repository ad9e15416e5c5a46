"""Loans under several processes at once, and a worker that is killed: each thing happens once, and the books agree."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from multiprocessing import get_context
from uuid import UUID

import pytest
from django.db import connections

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from config.kernel.errors import DomainError
from market.models import BuyIn, Loan, ShareAccount
from market.services.trading.calls import run_due_calls
from market.services.trading.loans.deliveries import deliver_due_forwards
from market.services.trading.loans.due import run_due_loans
from market.services.trading.loans.returns import return_loan
from market.services.trading.loans.sharing import ShareAsk, donate, draw_share
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.lending import (
    DUE,
    accept,
    differences,
    fund_account,
    lend,
    limits_of,
    make_lender_and_borrower,
    offer,
    spend,
    tokens_of,
)
from tests.integration.processes import in_processes
from tests.integration.world import NOW, load_world, make_budget

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
CALL = datetime(2026, 3, 4, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _world(transactional_db: None) -> None:
    load_world()


def succeeded(work: Callable[[], object]) -> bool:
    try:
        work()
    except DomainError:
        return False
    return True


def give_back_in_parts(loan: Loan, borrower: Trader, now: datetime) -> int:
    part = partial(return_loan, loan_id=loan.pk, quantity=Decimal(500), principal=borrower.team.principal, now=now)
    return sum(succeeded(part) for _ in range(30))


def spend_on(borrower: Trader, count: int, at: datetime = DUE) -> int:
    moments = [at + timedelta(microseconds=each) for each in range(count)]
    return sum(succeeded(partial(spend, borrower, 2_500, moment)) for moment in moments)


def test_of_many_who_take_one_offer_one_gets_it():
    lender, _ = make_lender_and_borrower()
    borrowers = [make_trader(f"Borrower {each}") for each in range(4)]
    for each in borrowers:
        fund_account(each)
    loan = offer(lender)
    took = in_processes([partial(succeeded, partial(accept, loan, each)) for each in borrowers])
    assert sum(took) == 1
    assert [tokens_of(each)[0] for each in borrowers] == [100_000 + 10_000 * won for won in took]
    assert tokens_of(lender)[0] == 90_000
    assert differences() == []


def test_returns_against_the_worker_that_settles_what_is_due_bring_everything_back_once():
    lender, borrower = make_lender_and_borrower()
    loan = lend(lender, borrower)
    before = DUE - timedelta(seconds=1)
    done = in_processes(
        [
            partial(give_back_in_parts, loan, borrower, before),
            partial(give_back_in_parts, loan, borrower, DUE),
            partial(run_due_loans, now=DUE),
            partial(run_due_loans, now=DUE),
        ]
    )
    loan.refresh_from_db()
    assert (loan.status, loan.outstanding_lots) == ("returned", 0)
    assert done[2] + done[3] <= 1
    assert (tokens_of(lender)[0], tokens_of(borrower)[0]) == (100_000, 100_000)
    assert lender.balance[0] + borrower.balance[0] == 2_000_000
    assert differences() == []


def test_work_that_takes_the_borrower_s_quota_at_the_due_time_leaves_a_loan_returned_or_bought_in():
    lender, borrower = make_lender_and_borrower()
    loans = [lend(lender, borrower, 5_000) for _ in range(4)]
    spend(borrower, 100_000)
    done = in_processes(
        [
            partial(spend_on, borrower, 12),
            partial(run_due_loans, now=DUE),
            partial(run_due_loans, now=DUE),
        ]
    )
    run_due_loans(now=DUE)
    limit, spent, reserved = tokens_of(borrower)
    assert (spent, reserved) == (100_000 + 2_500 * done[0], 0)
    assert limit >= spent
    statuses = {each.status for each in Loan.objects.filter(pk__in=[loan.pk for loan in loans])}
    assert statuses <= {"returned", "buying_in"}
    missing = sum(BuyIn.objects.values_list("lots", flat=True)) * 100
    assert tokens_of(lender)[0] == 100_000 - missing
    assert limits_of([lender, borrower]) == 200_000
    assert differences() == []


def test_a_worker_that_is_killed_leaves_each_loan_settled_or_running():
    lender, borrower = make_lender_and_borrower()
    loans = [lend(lender, borrower, 1_000) for _ in range(12)]
    spend(borrower, 109_000)
    killed_when(partial(run_due_loans, now=DUE), is_so=lambda: Loan.objects.exclude(status="running").count() > 3)
    assert differences() == []
    assert {each.status for each in Loan.objects.all()} <= {"running", "returned", "buying_in"}
    run_due_loans(now=DUE)
    returned = Loan.objects.filter(status="returned").count()
    bought_in = sum(BuyIn.objects.values_list("lots", flat=True))
    assert not Loan.objects.filter(status="running").exists()
    assert (returned, bought_in) == (3, len(loans) * 10 - 30)
    assert differences() == []


def test_workers_that_deliver_the_same_forwards_at_once_while_work_takes_quota_deliver_or_buy_in_each_lot_once():
    givers, takers = (
        [make_trader(f"Seller {each}") for each in range(5)],
        [make_trader(f"B {each}") for each in range(5)],
    )
    for giver, taker in zip(givers, takers, strict=True):
        fund_account(giver)
        sell(giver, 10_000, "0.0000015", delivery=APRIL)
        buy(taker, 10_000, "0.000003", delivery=APRIL)
    assert run_due_calls(now=CALL) == 1
    spend(givers[0], 85_000, APRIL)
    works = [partial(deliver_due_forwards, now=APRIL)] * 3
    done = in_processes([*works, partial(spend_on, givers[0], 6, APRIL), partial(spend_on, givers[1], 6, APRIL)])
    assert sum(done[:3]) + deliver_due_forwards(now=APRIL) == 5
    missing = sum(BuyIn.objects.values_list("lots", flat=True)) * 100
    assert limits_of(takers) == 550_000 - missing
    assert limits_of(givers) == 450_000 + missing
    assert differences() == []


def test_two_who_draw_the_same_donation_get_no_more_of_it_than_there_is():
    trader = make_trader("Team")
    drawers = [make_budget(trader.team, 1_000, name=f"drawer {each}", period=Period.MONTH) for each in range(4)]
    donated = ShareAsk(unit=Unit.TOKENS, quantity=Decimal(10_000), budget_id=trader.tokens)
    donation = donate(ask=donated, principal=trader.team.principal, now=NOW)
    drawn = in_processes([partial(draw_often, trader, each) for each in drawers])
    donation.refresh_from_db()
    assert (sum(drawn), donation.left_steps, donation.status) == (33, 100, "open")  # 33 times 300
    assert tokens_of(trader) == (90_100, 0, 100)
    accounts = dict(ShareAccount.objects.values_list("budget", "credit_steps"))
    assert accounts == {trader.tokens: 9_900} | {pk: -300 * count for pk, count in zip(drawers, drawn, strict=True)}
    assert differences() == []


def draw_often(trader: Trader, budget_id: UUID) -> int:
    ask = ShareAsk(unit=Unit.TOKENS, quantity=Decimal(300), budget_id=budget_id)
    return sum(succeeded(partial(draw_share, ask=ask, principal=trader.team.principal, now=NOW)) for _ in range(12))


def killed_when(work: Callable[[], object], *, is_so: Callable[[], bool]) -> None:
    """Begin work in a process of its own and end it in the middle, as a power cut would."""
    connections.close_all()
    worker = get_context("fork").Process(target=work)
    worker.start()
    wait_until(lambda: is_so() or not worker.is_alive())
    if worker.pid is not None and worker.is_alive():
        os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    wait_until(lambda: not sessions_at_work())


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def sessions_at_work() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return int(cursor.fetchone()[0])
