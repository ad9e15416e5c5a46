"""Loans, forwards and sharing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from accounts.domain.principal import Principal
from budgets.domain.units import Unit
from budgets.selectors import get_budget
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms.market import BudgetsForm, LendForm, ReturnForm, ShareForm
from dashboard.presentation.market.loans import forward_row, loan_row, sharing_row
from dashboard.sections import read_part
from dashboard.selectors.market import list_own_budgets
from dashboard.views.market.acting import act, page_at, trader_of
from dashboard.views.page import page
from market.selectors.trading.loans import list_forwards, list_loans
from market.selectors.trading.sharing import get_sharing
from market.services.trading.loans.lending import accept_loan
from market.services.trading.loans.offers import LoanAsk, cancel_loan, offer_loan
from market.services.trading.loans.returns import break_loan, return_loan
from market.services.trading.loans.sharing import ShareAsk, donate, draw_share

SHOWN = 100


@require_safe
@seen_by("details")
def loans(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """What is lent, promised for later, and shared."""
    now = datetime.now(UTC)
    own = list_own_budgets(sight)
    context = {
        "section": "loans",
        "loans": read_part("loans", lambda: _loans(sight, own, now)),
        "forwards": read_part("forwards", lambda: _forwards(sight, now)),
        "sharing": read_part("sharing", lambda: _sharing(request, sight)),
        "lend_form": LendForm(budgets=own),
        "share_form": ShareForm(budgets=own),
    }
    return page(request, "dashboard/market/loans.html", sight, now, "market", context)


@require_POST
@seen_by("details")
def lend(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Offer quota as a loan."""

    def say(values: dict[str, Any], principal: Principal, now: datetime) -> str:
        budget_id = UUID(values["budget"])
        ask = LoanAsk(
            unit=_unit_of(budget_id),
            quantity=values["quantity"],
            fee_usd=values["fee"],
            due_at=values["due_at"],
            budget_id=budget_id,
        )
        offer_loan(ask=ask, principal=principal, now=now)
        return "Offered. The quota is kept aside until somebody borrows it or you take it back."

    form = LendForm(request.POST, budgets=list_own_budgets(sight))
    return act(request, sight, form, say, back=page_at("market-loans", "part-loans"))


@require_POST
@seen_by("details")
def share(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Donate to one's team, or draw from what it was given."""

    def say(values: dict[str, Any], principal: Principal, now: datetime) -> str:
        budget_id = UUID(values["budget"])
        ask = ShareAsk(unit=_unit_of(budget_id), quantity=values["quantity"], budget_id=budget_id)
        if values["act"] == "donate":
            donate(ask=ask, principal=principal, now=now)
            return "Donated: other budgets of the team may draw it."
        draw_share(ask=ask, principal=principal, now=now)
        return "Drawn: the credits of both budgets have moved."

    form = ShareForm(request.POST, budgets=list_own_budgets(sight))
    return act(request, sight, form, say, back=page_at("market-loans", "part-shares"))


def _accept(loan_id: UUID, values: dict[str, Any], principal: Principal, now: datetime) -> str:
    accept_loan(loan_id=loan_id, budget_id=UUID(values["budget"]), principal=principal, now=now)
    return "Borrowed. The collateral is in escrow until it is returned."


def _return(loan_id: UUID, values: dict[str, Any], principal: Principal, now: datetime) -> str:
    quantity: Decimal = values["quantity"]
    return_loan(loan_id=loan_id, quantity=quantity, principal=principal, now=now)
    return "Returned, with the fee until now."


def _break(loan_id: UUID, _values: dict[str, Any], principal: Principal, now: datetime) -> str:
    break_loan(loan_id=loan_id, principal=principal, now=now)
    return "Broken off: what was free came back, and the break fee was paid."


def _cancel(loan_id: UUID, _values: dict[str, Any], principal: Principal, now: datetime) -> str:
    cancel_loan(loan_id=loan_id, principal=principal, now=now)
    return "The offer is taken back."


Act = Callable[[UUID, dict[str, Any], Principal, datetime], str]
ACTS: dict[str, tuple[type[forms.Form] | None, Act]] = {
    "accept": (BudgetsForm, _accept),
    "return": (ReturnForm, _return),
    "break": (None, _break),
    "cancel": (None, _cancel),
}


@require_POST
@seen_by("details")
def change(request: HttpRequest, loan_id: UUID, name: str, *, sight: Sight) -> HttpResponse:
    """Borrow, return, break off or take back."""
    if name not in ACTS:
        raise Http404("There is no such change.")
    form_class, do = ACTS[name]
    form: forms.Form | None = None
    if form_class is BudgetsForm:
        form = BudgetsForm(request.POST, budgets=list_own_budgets(sight))
    elif form_class is not None:
        form = form_class(request.POST)
    return act(request, sight, form, partial(do, loan_id), back=page_at("market-loans", "part-loans"))


def _unit_of(budget_id: UUID) -> Unit:
    return get_budget(budget_id).unit


def _loans(sight: Sight, own: list[tuple[str, str]], now: datetime) -> list[dict[str, Any]]:
    rows = list_loans(team_ids=sight.sealed_team_ids, limit=SHOWN)
    return [loan_row(each, sight=sight, budgets=own, now=now) for each in rows]


def _forwards(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    return [forward_row(each, now=now) for each in list_forwards(team_ids=sight.sealed_team_ids, limit=SHOWN)]


def _sharing(request: HttpRequest, sight: Sight) -> list[dict[str, Any]]:
    """Of the team that the viewer trades for."""
    if sight.trading_team_id is None:
        return []
    row = sharing_row(trader_of(request, sight).team_name, get_sharing(sight.trading_team_id))
    return [row] if row["rows"] else []
