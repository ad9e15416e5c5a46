"""Loans and forwards: one's own with their money, others' open offers without who they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from config.kernel.errors import NotFound
from market.models import BuyIn, ForwardLeg, Loan

CONTRACTS = ("instrument", "lender_team", "lender_budget", "borrower_team", "borrower_budget")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRow:
    """A loan. Quantities in units (tokens, g CO2e, Wh), money in micro-USD.

    Who lends and borrows is None and empty where the reader may not see that team. `top_ticks` is the top
    of the collar when it was lent (0: an offer), micro-USD for a lot of `lot_units`.
    """

    id: UUID
    instrument: str
    unit: str
    model_class: str
    period: str
    lot_units: int
    status: str
    status_title: str
    lender_team_id: int | None
    lender_team_name: str
    lender_budget_id: UUID | None
    lender_budget_name: str
    borrower_team_id: int | None
    borrower_team_name: str
    borrower_budget_id: UUID | None
    borrower_budget_name: str
    lots: int
    quantity: int
    outstanding: int
    fee_micro_usd: int
    fee_paid_micro_usd: int
    break_fee_percent: int
    top_ticks: int
    collateral_micro_usd: int
    due_at: datetime
    offered_at: datetime
    lent_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanEventRow:
    """A step of a loan. `micro_usd` is the fee of what was offered, lent or returned, or what was paid in money."""

    id: int
    kind: str
    title: str
    quantity: int
    micro_usd: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyInRow:
    """What the clearing house buys for a default, in units; `calls` could not bring all of it so far."""

    instrument: str
    order_id: UUID
    quantity: int
    bought: int
    paid_out: int
    top_ticks: int
    calls: int
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanDetail:
    """A loan with its steps, the first first, and its buy-in where it defaulted."""

    row: LoanRow
    events: tuple[LoanEventRow, ...]
    buy_in: BuyInRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardRow:
    """Quota of a later period that a budget gives or takes. Quantities in units; `price_ticks` for a lot."""

    id: int
    instrument: str
    unit: str
    lot_units: int
    side: str
    status: str
    status_title: str
    team_id: int
    team_name: str
    budget_id: UUID
    budget_name: str
    quantity: int
    delivered: int
    paid_out: int
    bought_in: int
    price_ticks: int
    collateral_micro_usd: int
    due_at: datetime
    closed_at: datetime | None


def list_loans(
    *,
    team_ids: Collection[int] | None,
    statuses: Collection[str] | None = None,
    is_open_offers: bool = False,
    before: UUID | None = None,
    limit: int | None = 50,
) -> list[LoanRow]:
    """Loans that these teams lend or borrow and everybody's open offers (None: all loans), newest first.

    With `is_open_offers` only offers that anybody may take. `before` is the id of the last one of the page before.
    """
    rows = _visible(team_ids)
    if is_open_offers:
        rows = rows.filter(status=Loan.Status.OFFERED)
    if statuses is not None:
        rows = rows.filter(status__in=statuses)
    if before is not None and (last := Loan.objects.filter(pk=before).first()) is not None:
        rows = rows.filter(Q(offered_at__lt=last.offered_at) | Q(offered_at=last.offered_at, pk__lt=last.pk))
    return [_row(each, team_ids) for each in rows.order_by("-offered_at", "-pk")[:limit]]


def get_loan(loan_id: UUID, *, team_ids: Collection[int] | None) -> LoanDetail:
    """One loan with its steps; an open offer of others tells its offer only. Raises NotFound."""
    loan = _visible(team_ids).filter(pk=loan_id).first()
    if loan is None:
        raise NotFound("There is no such loan.")
    row = _row(loan, team_ids)
    is_own = row.lender_team_id is not None or row.borrower_team_id is not None
    events = loan.events.order_by("pk") if is_own else []
    lot_units = loan.instrument.lot_units
    buy_in = BuyIn.objects.filter(loan=loan).select_related("order").first() if is_own else None
    return LoanDetail(
        row=row,
        events=tuple(
            LoanEventRow(
                id=each.pk,
                kind=each.kind,
                title=each.get_kind_display(),
                quantity=each.lots * lot_units,
                micro_usd=each.micro_usd,
                at=each.at,
                reason=each.reason,
            )
            for each in events
        ),
        buy_in=_buy_in(buy_in, lot_units) if buy_in else None,
    )


def list_forwards(
    *, team_ids: Collection[int] | None, is_open: bool | None = None, before: int | None = None, limit: int | None = 50
) -> list[ForwardRow]:
    """What these teams (None: all) give and take of later periods, newest first."""
    rows = ForwardLeg.objects.select_related("instrument", "team", "budget", "trade").order_by("-pk")
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    if is_open is not None:
        rows = rows.filter(closed_at__isnull=is_open)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[:limit])
    bought = _bought_in(found)
    return [_forward(each, bought.get(each.pk, 0)) for each in found]


def _visible(team_ids: Collection[int] | None) -> QuerySet[Loan]:
    rows = Loan.objects.select_related(*CONTRACTS)
    if team_ids is None:
        return rows
    own = Q(lender_team__in=team_ids) | Q(borrower_team__in=team_ids)
    return rows.filter(own | Q(status=Loan.Status.OFFERED))


def _row(loan: Loan, team_ids: Collection[int] | None) -> LoanRow:
    instrument = loan.instrument
    return LoanRow(
        id=loan.pk,
        instrument=instrument.code,
        unit=instrument.unit,
        model_class=instrument.model_class,
        period=instrument.period,
        lot_units=instrument.lot_units,
        status=loan.status,
        status_title=loan.get_status_display(),
        **_side(loan, "lender", team_ids),
        **_side(loan, "borrower", team_ids),
        quantity=loan.lots * instrument.lot_units,
        outstanding=loan.outstanding_lots * instrument.lot_units,
        **{name: getattr(loan, name) for name in _PLAIN},
    )


_PLAIN = (
    *("lots", "fee_micro_usd", "fee_paid_micro_usd", "break_fee_percent", "top_ticks", "collateral_micro_usd"),
    *("due_at", "offered_at", "lent_at", "closed_at"),
)


def _side(loan: Loan, side: str, team_ids: Collection[int] | None) -> dict[str, Any]:
    """Team and budget of one side; a reader sees both sides' teams of an own loan, and the own budgets only."""
    team, budget = getattr(loan, f"{side}_team"), getattr(loan, f"{side}_budget")
    is_own = team_ids is None or (team is not None and team.pk in team_ids)
    is_party = is_own or not {loan.lender_team_id, loan.borrower_team_id}.isdisjoint(team_ids or ())
    return {
        f"{side}_team_id": team.pk if team and is_party else None,
        f"{side}_team_name": team.name if team and is_party else "",
        f"{side}_budget_id": budget.pk if budget and is_own else None,
        f"{side}_budget_name": budget.name if budget and is_own else "",
    }


def _buy_in(buy_in: BuyIn, lot_units: int) -> BuyInRow:
    return BuyInRow(
        instrument=buy_in.order.instrument_id,
        order_id=buy_in.order.id,
        quantity=buy_in.lots * lot_units,
        bought=buy_in.bought_lots * lot_units,
        paid_out=buy_in.paid_out_lots * lot_units,
        top_ticks=buy_in.top_ticks,
        calls=buy_in.calls,
        opened_at=buy_in.opened_at,
        closed_at=buy_in.closed_at,
    )


def _bought_in(legs: Collection[ForwardLeg]) -> dict[int, int]:
    """Lots that were bought in for each giving or taking leg."""
    found: dict[int, int] = {}
    keys = [leg.pk for leg in legs]
    rows = BuyIn.objects.filter(Q(gives__in=keys) | Q(takes__in=keys)).values_list("gives", "takes", "bought_lots")
    for gives, takes, lots in rows:
        for key in (gives, takes):
            if key is not None:
                found[key] = found.get(key, 0) + lots
    return found


def _forward(leg: ForwardLeg, bought_lots: int) -> ForwardRow:
    units = leg.instrument.lot_units
    return ForwardRow(
        id=leg.pk,
        instrument=leg.instrument_id,
        unit=leg.instrument.unit,
        lot_units=units,
        side=leg.side,
        status=leg.status,
        status_title=leg.get_status_display(),
        team_id=leg.team_id,
        team_name=leg.team.name,
        budget_id=leg.budget_id,
        budget_name=leg.budget.name,
        quantity=leg.lots * units,
        delivered=leg.delivered_lots * units,
        paid_out=leg.paid_out_lots * units,
        bought_in=bought_lots * units,
        price_ticks=leg.trade.price_ticks,
        collateral_micro_usd=leg.collateral_micro_usd,
        due_at=leg.due_at,
        closed_at=leg.closed_at,
    )
