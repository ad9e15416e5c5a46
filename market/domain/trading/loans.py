"""Loans as dated repos: what backs one, what it costs until a moment, and what may become of it.

All integers: lots, ticks (micro-USD for a lot), micro-USD, whole percentages. The quota goes to the
borrower now and back at the due date with a fee; until then the borrower keeps money in escrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MICROSECOND = timedelta(microseconds=1)
REWARD_TIME = timedelta(days=30)
"""A return that is rewarded at all counts at most as if its value had earned the reward in this time."""


class LoanStatus(StrEnum):
    """What a loan is."""

    OFFERED = "offered"
    RUNNING = "running"
    RETURNED = "returned"
    BUYING_IN = "buying_in"
    DEFAULTED = "defaulted"
    BROKEN = "broken"
    CANCELLED = "cancelled"


AFTER: dict[LoanStatus, frozenset[LoanStatus]] = {
    LoanStatus.OFFERED: frozenset({LoanStatus.RUNNING, LoanStatus.CANCELLED}),
    LoanStatus.RUNNING: frozenset(
        {LoanStatus.RUNNING, LoanStatus.RETURNED, LoanStatus.BUYING_IN, LoanStatus.DEFAULTED, LoanStatus.BROKEN}
    ),
    LoanStatus.BUYING_IN: frozenset({LoanStatus.BUYING_IN, LoanStatus.DEFAULTED}),
    LoanStatus.RETURNED: frozenset(),
    LoanStatus.DEFAULTED: frozenset(),
    LoanStatus.BROKEN: frozenset(),
    LoanStatus.CANCELLED: frozenset(),
}
"""What a loan may become. A loan that is bought in or paid in money at its end has defaulted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanTerms:
    """A loan that runs: all that was lent, the fee for all of it until it is due, the top of the collar when lent."""

    lots: int
    fee_micro_usd: int
    top_ticks: int
    lent_at: datetime
    due_at: datetime


def may_become(status: LoanStatus, next_status: LoanStatus) -> bool:
    """Whether a loan may go from one to the other."""
    return next_status in AFTER[status]


def fee_for(terms: LoanTerms, lots: int) -> int:
    """The fee for so many lots until the due date, rounded up."""
    return _up(terms.fee_micro_usd * lots, terms.lots)


def collateral_for(terms: LoanTerms, lots: int) -> int:
    """What the borrower keeps in escrow for lots that are out: their price at the collar's top, and their fee."""
    return lots * terms.top_ticks + fee_for(terms, lots)


def fee_until(terms: LoanTerms, *, outstanding: int, returned: int, at: datetime) -> int:
    """The fee for lots that come back at `at`: by the time they were out, rounded up.

    Never above what the escrow for them has, so that the fees of all returns together are at most the
    fee, and exactly the fee if all of it comes back when it is due.
    """
    kept = fee_for(terms, outstanding) - fee_for(terms, outstanding - returned)
    passed, whole = _passed(terms, at)
    return min(kept, _up(terms.fee_micro_usd * returned * passed, terms.lots * whole))


def early_return_reward(
    terms: LoanTerms, *, fee_paid: int, value_micro_usd: int, reward_percent: int, at: datetime
) -> int:
    """What the Fund adds to an early return: a percentage of the fee paid, by the share of time that is left.

    Rounded down. The fee counts at most as much as the quota's value at the reference price by the time
    it was out in 30 days: two teams that agree on a fee cannot draw more than that from the Fund.
    """
    passed, whole = _passed(terms, at)
    most = value_micro_usd * passed // (REWARD_TIME // MICROSECOND)
    return min(fee_paid, most) * reward_percent * (whole - passed) // (100 * whole)


def break_fee(*, value_micro_usd: int, percent: int) -> int:
    """What a lender pays for quota called back before it is due, rounded up."""
    return _up(value_micro_usd * percent, 100)


def _passed(terms: LoanTerms, at: datetime) -> tuple[int, int]:
    """Microseconds since it was lent, at most until it is due, and all of that time."""
    whole = max(1, (terms.due_at - terms.lent_at) // MICROSECOND)
    return min(whole, max(0, (at - terms.lent_at) // MICROSECOND)), whole


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
