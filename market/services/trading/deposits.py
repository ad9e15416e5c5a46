"""Money that comes into the market and leaves it: by an administrator, or out of and into budgets of a team."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.selectors import get_principal_of_team
from budgets import services as budgets
from budgets.domain.units import LARGEST_AMOUNT
from config.kernel.errors import InvalidInput
from config.kernel.transactions import transactional
from market.models import OUTSIDE, Account, Journal, team_account
from market.selectors.trading.budgets import budget_of_money, find_budget_of_money
from market.services.trading.money import AccountShort, Line, account_of, lock_accounts, post

MOST_IN_ACCOUNT = 10**15
"""Micro-USD up to which an account is filled, a billion US$: thousands of them together fit a 64-bit sum."""


@transactional
def deposit(*, team_id: int, micro_usd: int, actor: str, reason: str, now: datetime) -> Journal:
    """Put money from outside into a team's account.

    Raises NotFound, InvalidInput naming `reason` or `micro_usd` (`account_full`: it would hold too much).
    """
    get_principal_of_team(team_id=team_id, actor=actor, scopes=frozenset())  # raises NotFound
    return _move(team_id, _amount(micro_usd), kind=Journal.Kind.DEPOSIT, actor=actor, reason=_said(reason), now=now)


@transactional
def withdraw(*, team_id: int, micro_usd: int, actor: str, reason: str, now: datetime) -> Journal:
    """Take money out of a team's account and out of the market. Raises as `deposit`, AccountShort if it is not free."""
    get_principal_of_team(team_id=team_id, actor=actor, scopes=frozenset())  # raises NotFound
    return _move(team_id, -_amount(micro_usd), kind=Journal.Kind.PAYOUT, actor=actor, reason=_said(reason), now=now)


@transactional
def top_up(
    *, team_id: int, micro_usd: int, budget_id: UUID | None, actor: str, reason: str = "", now: datetime
) -> Journal:
    """Fill a team's account out of one of its micro-USD budgets (None: its only one), for this period.

    Raises InvalidInput naming `budget` or `micro_usd`, and BudgetExhausted or Conflict if the budget lacks it.
    """
    source = budget_of_money(team_id, budget_id, field="budget")
    return fill_from(source, team_id=team_id, micro_usd=_amount(micro_usd), actor=actor, reason=reason, now=now)


@transactional
def pay_out(
    *, team_id: int, micro_usd: int, budget_id: UUID | None, actor: str, reason: str = "", now: datetime
) -> Journal:
    """Bring money of a team's account into one of its micro-USD budgets (None: its only one), for this period.

    Raises InvalidInput naming `budget` or `micro_usd`, and AccountShort if that much is not free.
    """
    target = budget_of_money(team_id, budget_id, field="budget")
    why = reason or f"into the budget {target}"
    journal = _move(team_id, -_amount(micro_usd), kind=Journal.Kind.PAYOUT, actor=actor, reason=why, now=now)
    budgets.give_money(budget_id=target, micro_usd=micro_usd, actor=actor, reason=why, now=now)
    return journal


def fill_from(budget_id: UUID, *, team_id: int, micro_usd: int, actor: str, reason: str = "", now: datetime) -> Journal:
    """Move so much of a budget of the team into its account. Part of the caller's transaction."""
    why = reason or f"out of the budget {budget_id}"
    journal = _move(team_id, micro_usd, kind=Journal.Kind.DEPOSIT, actor=actor, reason=why, now=now)
    budgets.take_money(budget_id=budget_id, micro_usd=micro_usd, actor=actor, reason=why, now=now)
    return journal


def fill_up(team_id: int, needed_micro_usd: int, *, pay_from: UUID | None, actor: str, now: datetime) -> str:
    """See to it that so much is free in a team's account, which is locked from here on; the account's name.

    What is missing comes out of `pay_from`, a micro-USD budget that is known to be the team's, or its only
    one. Part of the caller's transaction. Raises AccountShort where there is none, and as `top_up` does
    where it lacks the money.
    """
    account = account_of(team_id)
    missing = _missing(account, needed_micro_usd)
    if missing > 0:
        source = pay_from or find_budget_of_money(team_id)
        if source is None:
            free = needed_micro_usd - missing
            raise AccountShort(account=account, needed_micro_usd=needed_micro_usd, remaining_micro_usd=free)
        fill_from(source, team_id=team_id, micro_usd=missing, actor=actor, now=now)
    return account


def _missing(account: str, needed: int) -> int:
    """How much an account lacks, which is locked from here on; the world outside before it if money has to come in."""
    row = Account.objects.get(name=account)
    names = {account, OUTSIDE} if row.balance_micro_usd - row.reserved_micro_usd < needed else {account}
    row = lock_accounts(names)[account]
    return needed - (row.balance_micro_usd - row.reserved_micro_usd)


def _move(team_id: int, micro_usd: int, *, kind: Journal.Kind, actor: str, reason: str, now: datetime) -> Journal:
    lines = [
        Line(account=account_of(team_id), delta_micro_usd=micro_usd),
        Line(account=OUTSIDE, delta_micro_usd=-micro_usd),
    ]
    journal = post(kind=kind, lines=lines, actor=actor, reason=reason, now=now)
    if micro_usd > 0 and Account.objects.get(name=team_account(team_id)).balance_micro_usd > MOST_IN_ACCOUNT:
        words = f"An account is filled up to {MOST_IN_ACCOUNT // 1_000_000:,} US$."
        raise InvalidInput(words, field="micro_usd", code="account_full")
    return journal


def _amount(micro_usd: int) -> int:
    if not 0 < micro_usd <= LARGEST_AMOUNT:
        raise InvalidInput("An amount is more than zero, and no more than a ledger can hold.", field="micro_usd")
    return micro_usd


def _said(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason", code="blank")
    return reason
