"""Prices and orders: what is traded now, and what one's team wants of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from accounts.domain.principal import Principal
from budgets.domain.states import BudgetState
from budgets.selectors import list_budgets
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms.market import MoneyForm, OrderForm
from dashboard.presentation.market.board import (
    PRICE_CHART,
    account_rows,
    board_cards,
    build_up_rows,
    depth_rows,
    instrument_row,
    order_row,
    posting_rows,
    price_rows,
)
from dashboard.presentation.market.calls import halt_row
from dashboard.presentation.market.quota import PRICE_UNITS_WORDS, UNITS_OF_A_PRICE
from dashboard.sections import read_part
from dashboard.selectors.market import list_own_budgets, list_own_choices, list_own_purses
from dashboard.views.market.acting import act, page_at
from dashboard.views.page import page
from market.domain.trading.auction_views import AuctionRow
from market.domain.trading.order_views import Book
from market.domain.trading.orders import OrderAsk, OrderKind, Side, TradeSession
from market.selectors import get_policy_in_force, list_auctions, list_halts
from market.selectors.trading.accounts import get_account, list_accounts, list_postings
from market.selectors.trading.books import list_books
from market.selectors.trading.fund_flows import get_fund_flows
from market.selectors.trading.orders import list_orders
from market.selectors.trading.values import list_prices
from market.services.trading.changing import cancel_order
from market.services.trading.deposits import pay_out, top_up
from market.services.trading.orders import place_order

CALLS_SHOWN = 168
ORDERS_SHOWN = 50
POSTINGS_SHOWN = 20


@require_safe
@seen_by("details")
def market(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """What is traded now, at which price, and what one's team wants and has."""
    now = datetime.now(UTC)
    books = read_part("what is traded", lambda: list_books(team_ids=frozenset(), now=now))
    chosen = _chosen(books or [], request.GET.get("instrument", ""))
    calls = list_auctions(instrument=chosen.instrument.code, status="cleared", limit=CALLS_SHOWN) if chosen else []
    last = calls[0] if calls else None
    quota, purses = list_own_choices(sight)
    context = {
        "section": "market",
        "halts": [halt_row(each) for each in list_halts(is_open=True)],
        "least_teams": get_policy_in_force().terms.market.least_principals,
        "price_units": PRICE_UNITS_WORDS,
        "instruments": None if books is None else [_line(each, chosen, last, now) for each in books],
        "chosen": _line(chosen, chosen, last, now) if chosen else None,
        "prices": price_rows(calls),
        "price_chart": PRICE_CHART,
        "depth": depth_rows(chosen) if chosen else [],
        "is_open_book": bool(chosen and chosen.state == "open"),
        "build_up": read_part("its value", lambda: _build_up(chosen, sight, now)),
        "cards": _cards(books or [], last, sight, now),
        "orders": read_part("orders", lambda: _orders(sight, now)),
        "order_form": OrderForm(budgets=quota),
        "has_money_budget": bool(purses),
        "money_form": MoneyForm(budgets=purses),
        **_money(sight),
    }
    return page(request, "dashboard/market/market.html", sight, now, "market", context)


@require_POST
@seen_by("details")
def order(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Place an order for one's team."""

    def say(values: dict[str, Any], principal: Principal, now: datetime) -> str:
        placed = place_order(ask=_ask(values, sight), principal=principal, now=now)
        if placed.filled_lots:
            return f"{placed.filled_lots} of {placed.lots} lots were traded at once."
        return "The order is in. What it may cost is put aside until it trades, ends or is cancelled."

    form = OrderForm(request.POST, budgets=list_own_budgets(sight))
    return act(request, sight, form, say, back=page_at("market", "part-orders"))


@require_POST
@seen_by("details")
def cancel(request: HttpRequest, order_id: UUID, *, sight: Sight) -> HttpResponse:
    """Take an order back."""

    def say(_values: dict[str, Any], principal: Principal, now: datetime) -> str:
        cancel_order(order_id=order_id, principal=principal, now=now)
        return "Cancelled. What it kept is free again."

    return act(request, sight, None, say, back=page_at("market", "part-orders"))


@require_POST
@seen_by("details")
def move_money(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Fill the team's account out of its budget, or pay out into it."""

    def say(values: dict[str, Any], principal: Principal, now: datetime) -> str:
        moved = top_up if values["act"] == "top_up" else pay_out
        moved(
            team_id=principal.team_id or 0,
            micro_usd=int(values["amount_usd"] * 1_000_000),
            budget_id=UUID(values["budget"]),
            actor=principal.actor,
            now=now,
        )
        return "Moved: both books say so."

    form = MoneyForm(request.POST, budgets=list_own_purses(sight))
    return act(request, sight, form, say, back=page_at("market", "part-account"))


def _ask(values: dict[str, Any], sight: Sight) -> OrderAsk:
    budget_id = UUID(values["budget"])
    unit = next(each.unit for each in _own(sight) if each.id == budget_id)
    price: Decimal | None = values["limit_price"]
    return OrderAsk(
        side=Side(values["side"]),
        unit=unit,
        quantity=values["quantity"],
        limit_price_usd=None if price is None else price / UNITS_OF_A_PRICE,
        kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        model_class=values["model_class"] or None,
        budget_id=budget_id,
        session=TradeSession(values["session"] or "call"),
        good_until=values["good_until"],
    )


def _own(sight: Sight) -> list[BudgetState]:
    return list_budgets(team_ids=frozenset({sight.trading_team_id or 0}))


def _chosen(books: list[Book], code: str) -> Book | None:
    """The instrument asked for, else the one that traded last, else the first."""
    asked = next((each for each in books if each.instrument.code == code), None)
    traded = {each.instrument.last_traded_at: each for each in books if each.instrument.last_traded_at is not None}
    latest = traded[max(traded)] if traded else None
    return asked or latest or (books[0] if books else None)


def _line(book: Book, chosen: Book | None, last: AuctionRow | None, now: datetime) -> dict[str, Any]:
    is_chosen = chosen is not None and book.instrument.code == chosen.instrument.code
    found = (
        last
        if is_chosen
        else next(iter(list_auctions(instrument=book.instrument.code, status="cleared", limit=1)), None)
    )
    code = chosen.instrument.code if chosen else ""
    return instrument_row(book, found.volume_lots if found else None, chosen=code, now=now)


def _build_up(chosen: Book | None, sight: Sight, now: datetime) -> list[dict[str, Any]]:
    if chosen is None:
        return []
    each = chosen.instrument
    rows = list_prices(team_id=sight.trading_team_id, unit=each.unit, model_class=each.model_class, now=now)  # type: ignore[arg-type]  # a name of a unit is one
    return next((build_up_rows(row) for row in rows if row.code == each.code), [])


def _cards(books: list[Book], last: AuctionRow | None, sight: Sight, now: datetime) -> list[dict[str, Any]]:
    account = get_account(sight.trading_team_id) if sight.trading_team_id else None
    fund = get_fund_flows(since=now, now=now).balance_micro_usd
    return board_cards([each.instrument for each in books], last, account, fund, now)


def _orders(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    names = {each.id: each.name for each in list_budgets(team_ids=sight.sealed_team_ids)}
    rows = list_orders(team_ids=sight.sealed_team_ids, limit=ORDERS_SHOWN)
    return [order_row(each, names, sight=sight, now=now) for each in rows]


def _money(sight: Sight) -> dict[str, Any]:
    accounts = read_part("accounts", lambda: list_accounts(team_ids=sight.sealed_team_ids))
    names = {each.name: each.team_name for each in accounts or []}
    postings = read_part("postings", lambda: list_postings(team_ids=sight.sealed_team_ids, limit=POSTINGS_SHOWN))
    return {
        "accounts": None if accounts is None else account_rows(accounts),
        "postings": posting_rows(postings or [], names),
    }
