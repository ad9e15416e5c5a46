"""Loans on offer: the lender's quota is kept aside until somebody borrows it or the offer ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from accounts.domain.principal import Principal
from budgets import services as budgets
from budgets.domain.periods import Period
from budgets.domain.quota import quota_reference
from budgets.domain.units import LARGEST_AMOUNT, Unit
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from market.domain.trading.instruments import MICRO, Contract
from market.domain.trading.orders import contract_for
from market.domain.trading.terms import MarketTerms
from market.models import Loan, LoanEvent
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.budgets import budget_of_quota
from market.services.trading.drafts import whole_lots
from market.services.trading.gates import require_trading
from market.services.trading.instruments import contract_of, open_instrument
from market.services.trading.loans.rows import (
    CLEARING,
    become,
    keep_steps_of,
    locked_loan,
    note,
    team_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanAsk:
    """An offer to lend: `quantity` in `unit`, `fee_usd` for all of it until `due_at`. `budget_id` None: the team's."""

    unit: Unit
    quantity: Decimal
    fee_usd: Decimal
    due_at: datetime
    budget_id: UUID | None = None


@transactional
def offer_loan(*, ask: LoanAsk, principal: Principal, now: datetime) -> Loan:
    """Offer quota of this period as a loan. It is kept aside at once, within what the budget may sell.

    Raises NotAllowed, InvalidInput naming `budget`, `quantity`, `fee_usd` or `due_at`, and Conflict
    (`halted`, `not_tradeable`, `not_available`, `minimum_balance`, `needs_two`); nothing has changed then.
    """
    team_id, terms = team_of(principal), get_policy_in_force().terms.market
    budget = budget_of_quota(team_id, ask.budget_id, ask.unit)
    contract = _present(ask.unit, budget.model_class, Period(budget.period), terms, now)
    _check(ask, terms, now)
    instrument = open_instrument(contract, terms=terms, now=now)
    contract = contract_of(instrument)
    require_trading(instrument, now=now)
    loan = Loan.objects.create(
        id=uuid.uuid4(),
        instrument=instrument,
        lender_team_id=team_id,
        lender_budget_id=budget.id,
        lots=whole_lots(ask.quantity, contract),
        fee_micro_usd=int(ask.fee_usd * MICRO),
        break_fee_percent=terms.break_fee_percent,
        due_at=ask.due_at,
        offered_at=now,
        actor=principal.actor,
    )
    note(loan, LoanEvent.Kind.OFFERED, lots=loan.lots, micro_usd=loan.fee_micro_usd, actor=principal.actor, now=now)
    _keep(loan, loan.lots * contract.lot_steps, terms=terms, actor=principal.actor, now=now)
    return loan


@transactional
def cancel_loan(*, loan_id: UUID, principal: Principal, now: datetime) -> Loan:
    """Take an offer back; its quota is free again. Raises NotFound (also for other teams' offers) and Conflict."""
    team_id = team_of(principal)
    if not Loan.objects.filter(pk=loan_id, lender_team=team_id).exists():
        raise NotFound("There is no such loan.", field="loan")
    return withdraw_offer(loan_id, actor=principal.actor, reason="by the lender", now=now)


def withdraw_offer(loan_id: UUID, *, actor: str = CLEARING, reason: str, now: datetime) -> Loan:
    """End an offer that nobody took. Part of the caller's transaction."""
    loan = locked_loan(loan_id, Loan.Status.OFFERED)
    become(loan, Loan.Status.CANCELLED)
    loan.closed_at = now
    loan.save(update_fields=["status", "closed_at"])
    note(loan, LoanEvent.Kind.CANCELLED, lots=loan.lots, actor=actor, reason=reason, now=now)
    _keep(loan, 0, terms=get_policy_in_force().terms.market, actor=actor, now=now)
    return loan


def cannot_be_taken(now: datetime) -> Q:
    """Offers whose period or due date has passed, or whose team was switched off."""
    is_off = Q(lender_team__is_active=False) | Q(lender_team__organisation__is_active=False)
    return Q(due_at__lte=now) | Q(instrument__period_ends_at__lte=now) | is_off


def require_takeable(loan: Loan, *, now: datetime) -> None:
    """Raise Conflict `too_late` or `lender_off` for an offer that cannot be taken."""
    ends = [each for each in (loan.instrument.period_ends_at, loan.due_at) if each is not None]
    if min(ends) <= now:
        raise Conflict("This offer has ended: its period or its due date has passed.", code="too_late")
    if Loan.objects.filter(cannot_be_taken(now), pk=loan.pk).exists():
        raise Conflict("Who offered this does not trade any more.", code="lender_off")


def _keep(loan: Loan, steps: int, *, terms: MarketTerms, actor: str, now: datetime) -> None:
    """Keep so much of the lender's quota aside; 0 frees it."""
    budgets.escrow_quota(
        reference=quota_reference("loan", loan.pk),
        budget_id=loan.lender_budget_id,
        steps=steps,
        keep_steps=keep_steps_of(Unit(loan.instrument.unit), terms),
        actor=actor,
        now=now,
    )


def _check(ask: LoanAsk, terms: MarketTerms, now: datetime) -> None:
    if ask.due_at <= now:
        raise InvalidInput("A loan is due in the future.", field="due_at", code="past")
    if ask.due_at > (latest := now + timedelta(days=terms.most_loan_days)):
        raise InvalidInput(
            f"A loan lasts {terms.most_loan_days} days at most: until {latest:%Y-%m-%d %H:%M:%S} UTC.",
            field="due_at",
            code="too_late",
        )
    micro_usd = ask.fee_usd * MICRO
    if not 0 <= micro_usd <= LARGEST_AMOUNT or micro_usd != micro_usd.to_integral_value():
        raise InvalidInput("A fee is zero or more US$, in whole micro-USD.", field="fee_usd")


def _present(unit: Unit, model_class: str, period: Period, terms: MarketTerms, now: datetime) -> Contract:
    found = contract_for(unit=unit, model_class=model_class, period=period, delivery=None, terms=terms, now=now)
    if found is None:
        raise InvalidInput(f"Quota of {period} is not traded now.", field="budget", code="not_traded")
    return found
