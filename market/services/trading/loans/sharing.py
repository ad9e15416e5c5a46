"""Sharing inside one team: quota that a budget gives its team to draw from, without money.

A draw moves credit from who draws to who donated; the credits of a team sum to zero in each unit.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from accounts.domain.principal import Principal
from budgets import services as budgets
from budgets.domain.amounts import positive_steps
from budgets.domain.periods import Period, bounds
from budgets.domain.quota import QuotaGive, QuotaTake, quota_reference
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit, from_steps
from config.kernel.errors import Conflict, NotFound
from config.kernel.transactions import in_transaction, transactional
from market.domain.trading.sharing import drawn_from, may_draw, most_owed_steps
from market.models import Donation, ShareAccount, ShareDraw
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.budgets import budget_of_quota
from market.selectors.trading.sharing import drawable
from market.services.trading.loans.rows import CLEARING, team_of, tell

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareAsk:
    """A donation or a draw: `quantity` in `unit`. `budget_id` None: the team's."""

    unit: Unit
    quantity: Decimal
    budget_id: UUID | None = None


@transactional
def donate(*, ask: ShareAsk, principal: Principal, now: datetime) -> Donation:
    """Set quota of a budget aside for the other budgets of its team. Credits come when somebody draws it.

    Raises NotAllowed, InvalidInput naming `budget` or `quantity`, and Conflict (`not_tradeable`,
    `not_available`, `needs_two`); nothing has changed then.
    """
    team_id = team_of(principal)
    budget = budget_of_quota(team_id, ask.budget_id, ask.unit)
    steps = positive_steps(ask.unit, ask.quantity, field="quantity")
    donation = Donation.objects.create(
        id=uuid.uuid4(),
        team_id=team_id,
        budget_id=budget.id,
        steps=steps,
        left_steps=steps,
        at=now,
        ends_at=bounds(Period(budget.period), now)[1],
        actor=principal.actor,
    )
    tell([team_id], now=now)
    _keep(donation, steps, actor=principal.actor, now=now)
    return donation


@transactional
def withdraw_donation(*, donation_id: UUID, principal: Principal, now: datetime) -> Donation:
    """Take back what nobody drew. Raises NotFound (also for other teams') and Conflict `wrong_state`."""
    team_id = team_of(principal)
    donation = Donation.objects.select_for_update().filter(pk=donation_id, team=team_id).first()
    if donation is None:
        raise NotFound("There is no such donation.", field="donation")
    if donation.status != Donation.Status.OPEN:
        raise Conflict(f"This donation is {donation.status}.", code="wrong_state", state=donation.status)
    _end(donation, Donation.Status.WITHDRAWN, actor=principal.actor, now=now)
    return donation


def end_donations(*, now: datetime) -> int:
    """End what was donated of periods that are over, each in a transaction of its own; how many."""
    over = Donation.objects.filter(status=Donation.Status.OPEN, ends_at__lte=now).order_by("ends_at", "pk")
    ended = 0
    for donation_id in list(over.values_list("pk", flat=True)):
        try:
            ended += in_transaction(partial(_expire, donation_id, now))
        except Exception:  # one that cannot be ended keeps no other waiting
            logger.exception("a donation could not be ended", extra={"donation": str(donation_id)})
    return ended


def _expire(donation_id: UUID, now: datetime) -> bool:
    donation = Donation.objects.select_for_update().get(pk=donation_id)
    if donation.status != Donation.Status.OPEN:
        return False  # another worker was here first, or somebody took it back
    _end(donation, Donation.Status.EXPIRED, actor=CLEARING, now=now)
    return True


def _end(donation: Donation, status: Donation.Status, *, actor: str, now: datetime) -> None:
    """End an open donation; what nobody drew is free again."""
    donation.status, donation.closed_at = status, now
    donation.save(update_fields=["status", "closed_at"])
    tell([donation.team_id], now=now)
    _keep(donation, 0, actor=actor, now=now)


@transactional
def draw_share(*, ask: ShareAsk, principal: Principal, now: datetime) -> list[ShareDraw]:
    """Draw quota that other budgets of the team donated, the oldest donation first.

    Donations fit whose budget has the same unit and period, and the same model class or any. Raises
    NotAllowed, InvalidInput naming `budget` or `quantity`, and Conflict naming `quantity`: `owes_too_much`
    (the credit would fall below the policy's bound) or `not_donated`; nothing has changed then.
    """
    team_id = team_of(principal)
    budget = budget_of_quota(team_id, ask.budget_id, ask.unit)
    steps = positive_steps(ask.unit, ask.quantity, field="quantity")
    donations = list(drawable(budget, now=now).select_for_update(of=("self",)))
    accounts = _locked_accounts(team_id, [budget.id, *(each.budget_id for each in donations)])
    _require_credit(accounts[budget.id], ask.unit, steps)
    parts = drawn_from([each.left_steps for each in donations], steps)
    if parts is None:
        there = from_steps(ask.unit, sum(each.left_steps for each in donations))
        raise Conflict(
            f"{there:f} {ask.unit} are donated that this budget may draw.", field="quantity", code="not_donated"
        )
    draws = [
        _draw(donation, budget, part, accounts, actor=principal.actor, now=now)
        for donation, part in zip(donations, parts, strict=True)
        if part
    ]
    ShareAccount.objects.bulk_update(accounts.values(), ["credit_steps"])
    tell([team_id], now=now)
    _deliver(draws, budget, steps, actor=principal.actor, now=now)
    return draws


def _draw(
    donation: Donation,
    budget: BudgetState,
    steps: int,
    accounts: Mapping[UUID, ShareAccount],
    *,
    actor: str,
    now: datetime,
) -> ShareDraw:
    """One draw with its credits; the accounts are saved by the caller, for all draws at once."""
    donation.left_steps -= steps
    if not donation.left_steps:
        donation.status, donation.closed_at = Donation.Status.DRAWN, now
    donation.save(update_fields=["left_steps", "status", "closed_at"])
    accounts[donation.budget_id].credit_steps += steps
    accounts[budget.id].credit_steps -= steps
    return ShareDraw.objects.create(donation=donation, budget_id=budget.id, steps=steps, at=now, actor=actor)


def _deliver(draws: Sequence[ShareDraw], budget: BudgetState, steps: int, *, actor: str, now: datetime) -> None:
    budgets.deliver_quota(
        gives=[
            QuotaGive(
                budget_id=each.donation.budget_id,
                steps=each.steps,
                reference=quota_reference("share", each.donation_id),
            )
            for each in draws
        ],
        takes=[QuotaTake(budget_id=budget.id, steps=steps)],
        actor=actor,
        reason="shared inside the team",
        now=now,
    )


def _keep(donation: Donation, steps: int, *, actor: str, now: datetime) -> None:
    budgets.escrow_quota(
        reference=quota_reference("share", donation.pk),
        budget_id=donation.budget_id,
        steps=steps,
        keep_steps=0,
        actor=actor,
        now=now,
    )


def _locked_accounts(team_id: int, budget_ids: Sequence[UUID]) -> dict[UUID, ShareAccount]:
    rows = [ShareAccount(team_id=team_id, budget_id=budget_id) for budget_id in sorted(set(budget_ids))]
    ShareAccount.objects.bulk_create(rows, ignore_conflicts=True)
    locked = ShareAccount.objects.select_for_update().filter(budget__in=budget_ids).order_by("budget")
    return {account.budget_id: account for account in locked}


def _require_credit(account: ShareAccount, unit: Unit, steps: int) -> None:
    terms = get_policy_in_force().terms.market
    most = most_owed_steps(unit, terms.sharing_most_owed_tokens)
    left = may_draw(credit_steps=account.credit_steps, most_owed=most)
    if steps > left:
        raise Conflict(
            f"This budget may draw {from_steps(unit, left):f} {unit} more: its credit is"
            f" {from_steps(unit, account.credit_steps):f}, and none falls below -{from_steps(unit, most):f}.",
            field="quantity",
            code="owes_too_much",
        )
