"""Loans at their end: the worker takes back what is there, and has bought in what is missing."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from uuid import UUID

from budgets import selectors as budget_facts
from config.kernel.errors import Conflict, DomainError
from config.kernel.transactions import in_transaction
from market.domain.trading.terms import MarketTerms
from market.models import Instrument, Journal, Loan, LoanEvent, team_account
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.prices import get_reference
from market.services.trading.instruments import contract_of
from market.services.trading.loans.buy_ins import Debt, current_instrument, open_buy_in, tend_buy_ins
from market.services.trading.loans.offers import cannot_be_taken, withdraw_offer
from market.services.trading.loans.returns import free_lots, move_back
from market.services.trading.loans.rows import CLEARING, become, borrower_of, note
from market.services.trading.money import Line, post

logger = logging.getLogger(__name__)
MOST_TRIES = 3
"""How often what is free is looked up anew when work took some of it in between."""


def run_due_loans(*, now: datetime) -> int:
    """End offers that nobody took, settle loans that are due and tend what is bought in; how many changed.

    Each in a transaction of its own, found by its state: two workers at once do each of them once.
    """
    changed = 0
    offers = Loan.objects.filter(cannot_be_taken(now), status=Loan.Status.OFFERED).order_by("due_at", "pk")
    for loan_id in list(offers.values_list("pk", flat=True)):
        changed += _done(partial(_end_offer, loan_id, now), loan_id)
    due = Loan.objects.filter(status=Loan.Status.RUNNING, due_at__lte=now).order_by("due_at", "pk")
    for loan_id in list(due.values_list("pk", flat=True)):
        changed += settle_due(loan_id, now=now)
    return changed + tend_buy_ins(now=now)


def settle_due(loan_id: UUID, *, now: datetime) -> bool:
    """Settle one loan that is due; False if it is not, if another worker did, or if it has to wait for the next run."""
    for _ in range(MOST_TRIES):
        try:
            return in_transaction(partial(_settle, loan_id, now))
        except Exception as error:  # one loan that cannot be settled keeps no other waiting
            if not isinstance(error, Conflict) or error.code != "not_available":
                logger.exception("a due loan could not be settled", extra={"loan": str(loan_id)})
                return False
    return False


def _done(work: partial[None], loan_id: UUID) -> bool:
    try:
        in_transaction(work)
    except DomainError:
        logger.info("somebody else was first", extra={"loan": str(loan_id)})
        return False
    return True


def _end_offer(loan_id: UUID, now: datetime) -> None:
    withdraw_offer(loan_id, reason="its period, its due date or its team has ended", now=now)


def _settle(loan_id: UUID, now: datetime) -> bool:
    known = Loan.objects.select_related("instrument").get(pk=loan_id)
    terms = get_policy_in_force().terms
    present = current_instrument(known.instrument, terms=terms.market, now=now)
    loan = Loan.objects.select_for_update(of=("self",)).select_related("instrument").get(pk=loan_id)
    if loan.status != Loan.Status.RUNNING or loan.due_at > now:
        return False
    contract = contract_of(loan.instrument)
    if loan.lender_budget_id not in budget_facts.list_sellable([loan.lender_budget_id], now=now):
        ticks = min(loan.top_ticks, get_reference(present, terms).ticks)
        _end_in_money(loan, ticks, reason="the lender's budget has ended", now=now)
        return True
    back = free_lots(loan, contract, now=now)
    missing = loan.outstanding_lots - back
    can_buy = present.lot_units == loan.instrument.lot_units
    _pay_fee(loan, back, missing, now=now)
    if missing and can_buy:
        _buy_in(loan, present, missing, terms=terms.market, now=now)
    elif missing:
        _end_in_money(loan, loan.top_ticks, reason="lots are counted otherwise now", now=now)
    if back:
        move_back(loan, contract, back, actor=CLEARING, now=now)
    return True


def _pay_fee(loan: Loan, back: int, missing: int, *, now: datetime) -> None:
    """The fee is due for all that is still out; what was backing the lots that come back is free again."""
    borrower, lender = team_account(borrower_of(loan)[0]), team_account(loan.lender_team_id)
    before, after = loan.collateral_micro_usd, missing * loan.top_ticks
    fee = before - loan.outstanding_lots * loan.top_ticks
    loan.outstanding_lots, loan.collateral_micro_usd = missing, after
    loan.fee_paid_micro_usd += fee
    if not missing:
        become(loan, Loan.Status.RETURNED)
        loan.closed_at = now
    loan.save()
    if back:
        note(loan, LoanEvent.Kind.RETURNED, lots=back, micro_usd=fee, actor=CLEARING, reason="due", now=now)
    post(
        kind=Journal.Kind.LOAN,
        lines=[
            Line(account=borrower, delta_micro_usd=-fee, reserved_delta_micro_usd=after - before),
            Line(account=lender, delta_micro_usd=fee),
        ],
        actor=CLEARING,
        reason=f"due: {back} lots came back, {missing} are missing",
        reference=f"loan:{loan.pk}",
        now=now,
    )


def _buy_in(loan: Loan, instrument: Instrument, missing: int, *, terms: MarketTerms, now: datetime) -> None:
    """The order takes over what backs the missing lots."""
    note(
        loan,
        LoanEvent.Kind.DEFAULTED,
        lots=missing,
        micro_usd=loan.collateral_micro_usd,
        actor=CLEARING,
        reason=f"bought in: {instrument.code}",
        now=now,
    )
    team_id, _ = borrower_of(loan)
    debt = Debt(team_id, loan.lender_budget_id, missing, loan.top_ticks, loan=loan)
    open_buy_in(debt, instrument, terms=terms, now=now)
    become(loan, Loan.Status.BUYING_IN)
    loan.collateral_micro_usd = 0
    loan.save(update_fields=["status", "collateral_micro_usd"])


def _end_in_money(loan: Loan, ticks: int, *, reason: str, now: datetime) -> None:
    """Pay the lender for all that is out, and the fee that is in escrow with it; the loan has ended."""
    borrower, lender = team_account(borrower_of(loan)[0]), team_account(loan.lender_team_id)
    lots, kept = loan.outstanding_lots, loan.collateral_micro_usd
    fee = kept - lots * loan.top_ticks
    paid = lots * ticks + fee
    become(loan, Loan.Status.DEFAULTED)
    loan.outstanding_lots, loan.collateral_micro_usd, loan.closed_at = 0, 0, now
    loan.fee_paid_micro_usd += fee
    loan.save()
    note(loan, LoanEvent.Kind.PAID_OUT, lots=lots, micro_usd=lots * ticks, actor=CLEARING, reason=reason, now=now)
    post(
        kind=Journal.Kind.LOAN,
        lines=[
            Line(account=borrower, delta_micro_usd=-paid, reserved_delta_micro_usd=-kept),
            Line(account=lender, delta_micro_usd=paid),
        ],
        actor=CLEARING,
        reason=f"{lots} lots paid in money at {ticks} ticks: {reason}",
        reference=f"loan:{loan.pk}",
        now=now,
    )
