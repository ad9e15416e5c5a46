"""Money that comes into the market and leaves it: by an administrator, or out of and into budgets of a team."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.selectors import get_principal_of_team
from budgets import services as budgets
from budgets.domain.units import LARGEST_AMOUNT
from config.kernel.errors import InvalidInput
from config.kernel.transactions import transactional
from market.models import OUTSIDE, Journal
from market.selectors.trading.budgets import budget_of_money
from market.services.trading.money import Line, account_of, post


@transactional
def deposit(*, team_id: int, micro_usd: int, actor: str, reason: str, now: datetime) -> Journal:
    """Put money from outside into a team's account. Raises NotFound, InvalidInput naming `micro_usd` or `reason`."""
    get_principal_of_team(team_id=team_id, actor=actor, scopes=frozenset())  # raises NotFound
    return _move(team_id, _amount(micro_usd), kind=Journal.Kind.DEPOSIT, actor=actor, reason=_said(reason), now=now)


@transactional
def withdraw(*, team_id: int, micro_usd: int, actor: str, reason: str, now: datetime) -> Journal:
    """Take money out of a team's account and out of the market. Raises AccountShort if that much is not free."""
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


def _move(team_id: int, micro_usd: int, *, kind: Journal.Kind, actor: str, reason: str, now: datetime) -> Journal:
    lines = [
        Line(account=account_of(team_id), delta_micro_usd=micro_usd),
        Line(account=OUTSIDE, delta_micro_usd=-micro_usd),
    ]
    return post(kind=kind, lines=lines, actor=actor, reason=reason, now=now)


def _amount(micro_usd: int) -> int:
    if not 0 < micro_usd <= LARGEST_AMOUNT:
        raise InvalidInput("An amount is more than zero, and no more than a ledger can hold.", field="micro_usd")
    return micro_usd


def _said(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason", code="blank")
    return reason
