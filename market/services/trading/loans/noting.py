"""What a buy-in means for the loan or the legs that it is for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from market.models import BuyIn, ForwardLeg, Loan, LoanEvent
from market.services.trading.loans.rows import CLEARING, become, note, tell


def note_bought(buy_in: BuyIn, lots: int, *, now: datetime) -> None:
    """So many lots more were bought for who is owed."""
    if buy_in.loan_id is not None:
        _lessen(buy_in.loan_id, lots, LoanEvent.Kind.BOUGHT_IN, micro_usd=0, now=now)
        return
    for leg in _legs(buy_in):
        leg.delivered_lots += lots
        _save(leg, now=now)


def note_paid_out(buy_in: BuyIn, lots: int, *, now: datetime) -> tuple[int, str]:
    """So many lots are paid in money: the team that gets it, and what the journal calls it."""
    if buy_in.loan_id is not None:
        paid = lots * buy_in.top_ticks
        loan = _lessen(buy_in.loan_id, lots, LoanEvent.Kind.PAID_OUT, micro_usd=paid, now=now)
        return loan.lender_team_id, f"loan:{loan.pk}"
    takes = None
    for leg in _legs(buy_in):
        leg.paid_out_lots += lots
        _save(leg, now=now)
        takes = leg if leg.side == ForwardLeg.Side.TAKES else takes
    if takes is None:
        raise ValueError(f"Buy-in {buy_in.pk} is for nobody.")
    return takes.team_id, f"forward:{takes.pk}"


def _lessen(loan_id: UUID, lots: int, kind: LoanEvent.Kind, *, micro_usd: int, now: datetime) -> Loan:
    loan = Loan.objects.select_for_update().get(pk=loan_id)
    loan.outstanding_lots -= lots
    become(loan, Loan.Status.BUYING_IN if loan.outstanding_lots else Loan.Status.DEFAULTED)
    loan.closed_at = None if loan.outstanding_lots else now
    loan.save(update_fields=["outstanding_lots", "status", "closed_at"])
    note(loan, kind, lots=lots, micro_usd=micro_usd, actor=CLEARING, now=now)
    return loan


def _legs(buy_in: BuyIn) -> list[ForwardLeg]:
    keys = [buy_in.gives_id, buy_in.takes_id]
    return list(ForwardLeg.objects.select_for_update().filter(pk__in=keys).order_by("pk"))


def _save(leg: ForwardLeg, *, now: datetime) -> None:
    """A leg ends when all of it was delivered, bought in or paid."""
    if leg.lots == leg.delivered_lots + leg.paid_out_lots:
        leg.status = ForwardLeg.Status.PAID_OUT if leg.paid_out_lots else ForwardLeg.Status.DELIVERED
        leg.closed_at = now
    leg.save(update_fields=["delivered_lots", "paid_out_lots", "status", "closed_at"])
    tell([leg.team_id], now=now)
