"""Loans as dated repos: the fee by time, what backs a loan, rewards and break fees, in whole numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.trading.loans import (
    LoanStatus,
    LoanTerms,
    break_fee,
    collateral_for,
    early_return_reward,
    fee_for,
    fee_until,
    may_become,
)

LENT = datetime(2026, 11, 3, 12, tzinfo=UTC)
DUE = LENT + timedelta(days=10)


def terms(*, lots: int = 100, fee: int = 1000, top: int = 150, due=DUE) -> LoanTerms:
    return LoanTerms(lots=lots, fee_micro_usd=fee, top_ticks=top, lent_at=LENT, due_at=due)


def test_the_collateral_is_the_quantity_at_the_top_of_the_collar_and_the_fee():
    assert collateral_for(terms(), 100) == 100 * 150 + 1000
    assert collateral_for(terms(), 40) == 40 * 150 + 400
    assert collateral_for(terms(), 0) == 0


def test_a_part_that_comes_back_after_a_quarter_of_the_time_costs_a_quarter_of_its_fee():
    at = LENT + timedelta(days=2, hours=12)
    assert fee_until(terms(), outstanding=100, returned=40, at=at) == 100  # 1000 x 40/100 x 1/4


def test_the_fee_is_rounded_up_and_never_above_what_is_kept_for_it():
    loan = terms(lots=3, fee=10)
    at = LENT + timedelta(seconds=1)
    assert fee_until(loan, outstanding=3, returned=1, at=at) == 1
    assert [fee_for(loan, lots) for lots in (3, 2, 1, 0)] == [10, 7, 4, 0]
    assert fee_until(loan, outstanding=3, returned=1, at=DUE) == 3  # 10/3 would round up to 4


def test_time_before_the_loan_and_after_its_due_date_does_not_count():
    assert fee_until(terms(), outstanding=100, returned=100, at=LENT - timedelta(days=1)) == 0
    assert fee_until(terms(), outstanding=100, returned=100, at=DUE + timedelta(days=99)) == 1000


def test_an_early_return_earns_by_the_fee_paid_and_the_time_left():
    at = LENT + timedelta(days=5)
    paid = {"fee_paid": 500, "reward_percent": 10, "at": at}
    assert early_return_reward(terms(), value_micro_usd=10**9, **paid) == 25  # 500 x 10 % x half of the time
    assert early_return_reward(terms(), value_micro_usd=600, **paid) == 5  # 600 x 5 of 30 days is 100, not 500
    assert early_return_reward(terms(), fee_paid=1000, value_micro_usd=10**9, reward_percent=10, at=DUE) == 0


def test_a_break_fee_is_rounded_up():
    assert break_fee(value_micro_usd=1001, percent=5) == 51
    assert break_fee(value_micro_usd=1001, percent=0) == 0


@pytest.mark.parametrize("status", [LoanStatus.RETURNED, LoanStatus.DEFAULTED, LoanStatus.BROKEN, LoanStatus.CANCELLED])
def test_a_loan_that_has_ended_becomes_nothing_else(status):
    assert not any(may_become(status, after) for after in LoanStatus)


def test_an_offer_is_taken_or_withdrawn_and_a_default_is_not_undone():
    assert {after for after in LoanStatus if may_become(LoanStatus.OFFERED, after)} == {"running", "cancelled"}
    assert not may_become(LoanStatus.BUYING_IN, LoanStatus.RUNNING)
    assert not may_become(LoanStatus.BUYING_IN, LoanStatus.RETURNED)


loans = st.builds(
    lambda lots, fee, top, seconds: terms(lots=lots, fee=fee, top=top, due=LENT + timedelta(seconds=seconds)),
    st.integers(1, 10_000),
    st.integers(0, 10**9),
    st.integers(1, 10**6),
    st.integers(1, 31 * 86_400),
)


@given(loan=loans, parts=st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 10**9)), max_size=12))
def test_any_returns_cost_at_most_the_fee_and_what_is_left_stays_backed(loan, parts):
    left, escrow, paid = loan.lots, collateral_for(loan, loan.lots), 0
    for lots, after in sorted(parts, key=lambda part: part[1]):
        returned = min(lots, left)
        if not returned:
            continue
        fee = fee_until(loan, outstanding=left, returned=returned, at=LENT + timedelta(microseconds=after))
        freed = escrow - fee - collateral_for(loan, left - returned)
        assert fee >= 0
        assert freed >= returned * loan.top_ticks
        left, paid, escrow = left - returned, paid + fee, collateral_for(loan, left - returned)
    last = fee_until(loan, outstanding=left, returned=left, at=loan.due_at)
    assert last == fee_for(loan, left)
    assert paid + last <= loan.fee_micro_usd


@given(loan=loans, cuts=st.lists(st.integers(1, 5000), max_size=8))
def test_all_of_it_back_when_due_costs_the_fee_whatever_the_parts(loan, cuts):
    left, paid = loan.lots, 0
    for cut in [*cuts, loan.lots]:
        returned = min(cut, left)
        if returned:
            paid += fee_until(loan, outstanding=left, returned=returned, at=loan.due_at)
        left -= returned
    assert paid == loan.fee_micro_usd
