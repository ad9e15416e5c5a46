"""Loans under several processes at once, and a worker that is killed: each thing happens once, and the books agree."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from multiprocessing import get_context

import pytest
from django.db import connections

from config.kernel.errors import DomainError
from market.models import BuyIn, Loan
from market.services.trading.loans.due import run_due_loans
from market.services.trading.loans.returns import return_loan
from tests.integration.market.trading.desk import Trader, make_trader
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
from tests.integration.world import load_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


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


def spend_on(borrower: Trader, count: int) -> int:
    moments = [DUE + timedelta(microseconds=each) for each in range(count)]
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
