"""Loans, forwards and sharing in plain words, with what the viewer may do about each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from dashboard.domain import figures
from dashboard.domain.sight import Sight
from dashboard.presentation.market.quota import QUANTITY_UNITS, code_period, code_title
from market.selectors.trading.loans import ForwardRow, LoanRow
from market.selectors.trading.sharing import Sharing

Row = dict[str, Any]
_TONES = {
    "offered": "info",
    "running": "good",
    "due": "info",
    "buying_in": "warn",
    "defaulted": "bad",
    "broken": "warn",
    "paid_out": "warn",
    "reversed": "bad",
}


def loan_row(loan: LoanRow, *, sight: Sight, budgets: Sequence[tuple[str, str]], now: datetime) -> Row:
    """One loan or offer."""
    unit = QUANTITY_UNITS[loan.unit]
    lent = loan.status == "running"
    return {
        "id": loan.id,
        "title": code_title(loan.instrument).capitalize(),
        "period": code_period(loan.instrument, now=now),
        "status": loan.status_title,
        "tone": _TONES.get(loan.status, "calm"),
        "lender": loan.lender_team_name or "another team",
        "borrower": loan.borrower_team_name or ("nobody yet" if loan.status == "offered" else figures.UNKNOWN),
        "quantity": f"{figures.whole(loan.quantity)} {unit}",
        "outstanding": f"{figures.whole(loan.outstanding)} {unit}" if loan.outstanding else "",
        "outstanding_units": loan.outstanding,
        "fee": figures.usd(loan.fee_micro_usd),
        "fee_paid": f"{figures.usd(loan.fee_paid_micro_usd)} paid" if loan.fee_paid_micro_usd else "",
        "collateral": figures.usd(loan.collateral_micro_usd) if loan.collateral_micro_usd else "",
        "due_at": loan.due_at.isoformat(),
        "due": f"{loan.due_at:%d %b %H:%M} UTC",
        "break_fee": f"broken off in an emergency for {loan.break_fee_percent} % of the value" if lent else "",
        "acts": _acts(loan, sight, budgets),
    }


def _acts(loan: LoanRow, sight: Sight, budgets: Sequence[tuple[str, str]]) -> list[Row]:
    team_id = sight.trading_team_id
    if team_id is None:
        return []
    is_lender, is_borrower = loan.lender_team_id == team_id, loan.borrower_team_id == team_id
    if loan.status == "offered" and is_lender:
        return [{"name": "cancel", "button": "Take back"}]
    if loan.status == "offered":
        return (
            [{"name": "accept", "button": "Borrow", "label": "Into the budget", "choices": budgets}] if budgets else []
        )
    if loan.status == "running" and is_borrower:
        return [{"name": "return", "button": "Return", "label": "Quantity to return", "has_quantity": True}]
    if loan.status == "running" and is_lender:
        return [{"name": "break", "button": "Break off in an emergency"}]
    return []


def forward_row(leg: ForwardRow, *, now: datetime) -> Row:
    """Quota of a later period that a budget gives or takes."""
    unit = QUANTITY_UNITS[leg.unit]
    return {
        "title": code_title(leg.instrument).capitalize(),
        "period": code_period(leg.instrument, now=now),
        "team": leg.team_name,
        "side": f"{leg.side}, budget {leg.budget_name}",
        "status": leg.status_title,
        "tone": _TONES.get(leg.status, "calm"),
        "quantity": f"{figures.whole(leg.quantity)} {unit}",
        "delivered": f"{figures.whole(leg.delivered)} {unit}",
        "paid_out": f"{figures.whole(leg.paid_out)} {unit}" if leg.paid_out else "",
        "collateral": figures.usd(leg.collateral_micro_usd) if leg.collateral_micro_usd else "",
        "due_at": leg.due_at.isoformat(),
        "due": f"{leg.due_at:%d %b %Y %H:%M} UTC",
    }


def sharing_row(name: str, sharing: Sharing) -> Row:
    """Credits and open donations of one team; none where nothing was ever shared."""
    open_by_budget: dict[Any, Decimal] = {}
    names = {each.budget_id: (each.budget_name, each.unit) for each in sharing.credits}
    names |= {each.budget_id: (each.budget_name, each.unit) for each in sharing.donations}
    for donation in sharing.donations:
        open_by_budget[donation.budget_id] = open_by_budget.get(donation.budget_id, Decimal(0)) + donation.left
    credit = {each.budget_id: each.credit for each in sharing.credits}
    return {
        "name": name,
        "rows": [
            {
                "budget": budget_name,
                "credits": f"{credit.get(budget_id, Decimal(0)):+,f} {QUANTITY_UNITS[unit]}",
                "open": f"{open_by_budget.get(budget_id, Decimal(0)):,f} {QUANTITY_UNITS[unit]}",
            }
            for budget_id, (budget_name, unit) in names.items()
        ],
    }
