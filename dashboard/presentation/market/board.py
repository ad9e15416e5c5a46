"""What is traded now, at which price, and what one's team wants and has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.urls import reverse

from dashboard.domain import figures
from dashboard.domain.sight import Sight
from dashboard.presentation.budgets import counted
from dashboard.presentation.market.quota import (
    PRICE_UNITS,
    UNITS_OF_A_PRICE,
    code_period,
    code_title,
    instrument_title,
    period_words,
    ppm_text,
    price_of,
    price_text,
    quantity_text,
)
from market.domain.trading.auction_views import AuctionRow, InstrumentNow
from market.domain.trading.order_views import AccountRow, Book, OrderRow, PostingRow, PriceRow

Row = dict[str, Any]
CALL_IS_LATE = timedelta(minutes=2)
"""A call is held within seconds of its time: later than this, no worker runs, or it fails."""
PRICE_CHART = json.dumps(
    {
        "x": "time",
        "series": [
            {"label": "volume", "colour": "volume", "kind": "bars", "scale": "second"},
            {"label": "collar from", "colour": "modelled-line", "dash": [2, 4]},
            {"label": "collar to", "colour": "modelled-line", "dash": [2, 4]},
            {"label": "reference", "colour": "forecast-line", "dash": [7, 5]},
            {"label": "price", "colour": "live-line"},
        ],
    }
)


def instrument_row(book: Book, last_lots: int | None, *, chosen: str, now: datetime) -> Row:
    """One line of what is traded."""
    each = book.instrument
    state, tone = _state(each, now)
    return {
        "code": each.code,
        "title": instrument_title(each.unit, each.model_class),
        "period": period_words(each.period, each.period_starts_at, now=now),
        "price_unit": PRICE_UNITS[each.unit],
        "is_chosen": each.code == chosen,
        "state": state,
        "tone": tone,
        "closes_at": each.next_call_at.isoformat() if each.next_call_at else "",
        "closes": f"{each.next_call_at:%d %b %H:%M} UTC" if each.next_call_at else "",
        "reference": price_text(each.reference_ticks, each.lot_units),
        "reference_basis": f"mean of {counted(each.reference_calls, 'call', 'calls')}"
        if each.reference_calls
        else "price of the service",
        "collar": f"{price_text(each.low_ticks, each.lot_units)} – {price_text(each.high_ticks, each.lot_units)}",
        "last_price": price_text(each.last_price_ticks, each.lot_units),
        "last_at": each.last_traded_at.isoformat() if each.last_traded_at else "",
        "last_volume": quantity_text(last_lots, each.lot_units, each.unit),
        "residual": residual_words(book),
    }


def _state(each: InstrumentNow, now: datetime) -> tuple[str, str]:
    if each.halt is not None:
        return "halted", "warn"
    if each.mechanism == "continuous":
        return "open book", "good"
    if each.next_call_at is None:
        return "waits for an order", "calm"
    if each.next_call_at + CALL_IS_LATE < now:
        return "call is late: tried again every few seconds", "bad"
    if each.locks_at is not None and each.locks_at <= now:
        return "only better orders", "info"
    return "sealed call", "good"


def price_rows(calls: Sequence[AuctionRow]) -> list[Row]:
    """Calls with a price, the oldest first."""
    return [_price_row(each) for each in reversed(calls) if each.price_ticks is not None]


def _price_row(call: AuctionRow) -> Row:
    ticks = (call.low_ticks, call.high_ticks, call.reference_ticks, call.price_ticks)
    prices = [f"{price_of(each, call.lot_units):f}" for each in ticks]
    return {
        "unix": int(call.closed_at.timestamp()),
        "url": reverse("market-auction", args=[call.id]),
        "clock": f"{call.closed_at:%d %b %H:%M}",
        "values": ",".join([str(call.volume_units), *prices]),
        "price": price_text(call.price_ticks, call.lot_units),
        "reference": price_text(call.reference_ticks, call.lot_units),
        "low": price_text(call.low_ticks, call.lot_units),
        "high": price_text(call.high_ticks, call.lot_units),
        "volume": quantity_text(call.volume_lots, call.lot_units, call.unit),
    }


def residual_words(book: Book) -> str:
    """What the last call left at its price."""
    if book.residual is None:
        return figures.UNKNOWN
    wanted, offered = book.residual
    each = book.instrument
    told = [
        f"{quantity_text(lots, each.lot_units, each.unit)} {word}"
        for lots, word in ((wanted, "wanted"), (offered, "offered"))
        if lots
    ]
    return ", ".join(told) or "nothing"


def depth_rows(book: Book) -> list[Row]:
    """An open book, best prices first; none of a sealed one."""
    each = book.instrument
    sides = (("offered", reversed(book.asks)), ("wanted", book.bids))
    return [
        {
            "side": side,
            "price": price_text(level.price_ticks, each.lot_units),
            "quantity": quantity_text(level.lots, each.lot_units, each.unit),
        }
        for side, levels in sides
        for level in levels
    ]


def build_up_rows(row: PriceRow) -> list[Row]:
    """Reference price, what each premium adds, and what that comes to, for a thousand units."""
    value = row.value
    lines: list[Row] = [{"name": "Reference", "note": value.reference_basis, "value": _thousand(value.reference_usd)}]
    lines += [
        {
            "name": f"{each.name.capitalize()} × {each.factor.normalize():f}",
            "note": each.basis,
            "value": _thousand(each.adds_usd),
        }
        for each in value.premia
    ]
    total = {"name": "Value now", "note": f"policy {row.policy}", "value": _thousand(value.value_usd)}
    return [*lines, {**total, "is_total": True}]


def _thousand(usd_per_unit: Decimal) -> str:
    amount = (usd_per_unit * UNITS_OF_A_PRICE).normalize()
    return f"{'−' if amount < 0 else ''}${abs(amount):,f}"


_SOURCES = {"team": "", "rule": "by a standing rule", "buy_in": "by the clearing house, for a default"}
_ORDERS = {"open": ("open", "good"), "filled": ("filled", "info"), "cancelled": ("cancelled", "calm")}


def order_row(order: OrderRow, budgets: Mapping[UUID, str], *, sight: Sight, now: datetime) -> Row:
    """One order that the viewer may see."""
    status, tone = _ORDERS.get(order.status, (order.status, "calm"))
    is_buy = order.side == "buy"
    return {
        "id": order.order_id,
        "side": "Buy" if is_buy else "Sell",
        "team": order.team_name,
        "budget": budgets.get(order.budget_id, "a budget that has ended"),
        "instrument": code_title(order.instrument),
        "source": " ".join([code_period(order.instrument, now=now), _SOURCES.get(order.source, "")]).strip(),
        "status": status,
        "tone": tone,
        "why": order.close_reason,
        "quantity": quantity_text(order.lots, order.lot_units, order.unit),
        "filled": quantity_text(order.filled_lots, order.lot_units, order.unit),
        "limit": "any inside the collar"
        if order.limit_ticks is None
        else price_text(order.limit_ticks, order.lot_units),
        "need": ppm_text(order.justice_ppm) if is_buy and order.status == "open" else "",
        "adder": "" if is_buy else _adder(order),
        "region": "" if is_buy else _region(order),
        "escrow": figures.usd(order.escrow_micro_usd) if is_buy and order.status == "open" else "",
        "good_until": order.good_until.isoformat(),
        "until": f"{order.good_until:%d %b %H:%M} UTC",
        "may_cancel": order.status == "open" and order.team_id == sight.trading_team_id and order.source != "buy_in",
    }


def _adder(order: OrderRow) -> str:
    if order.covered_g:
        return f"covered by units: {figures.mass_text(order.covered_g)}"
    return price_text(order.adder_ticks, order.lot_units) if order.adder_ticks else "none"


def _region(order: OrderRow) -> str:
    if order.region is None:
        return "region unknown"
    clean = "" if order.cfe_share is None else f", {figures.percent(order.cfe_share)} carbon-free"
    return f"{order.region} ({order.region_basis}{clean})"


def account_rows(accounts: Sequence[AccountRow]) -> list[Row]:
    """Money of the teams that the viewer may see."""
    return [
        {
            "name": each.team_name,
            "balance": figures.usd(each.balance_micro_usd),
            "reserved": figures.usd(each.reserved_micro_usd),
            "free": figures.usd(each.free_micro_usd),
        }
        for each in accounts
    ]


def posting_rows(postings: Sequence[PostingRow], names: Mapping[str, str]) -> list[Row]:
    """What moved those accounts."""
    return [
        {
            "at": each.at.isoformat(),
            "when": figures.moment(each.at),
            "account": names.get(each.account, each.account),
            "kind": each.kind.capitalize(),
            "reason": each.reason,
            "delta": figures.usd(each.delta_micro_usd) if each.delta_micro_usd else "",
            "reserved": figures.usd(each.reserved_delta_micro_usd) if each.reserved_delta_micro_usd else "",
        }
        for each in postings
    ]


def board_cards(
    rows: Sequence[InstrumentNow],
    last: AuctionRow | None,
    account: AccountRow | None,
    fund_micro_usd: int,
    now: datetime,
) -> list[Row]:
    """The market in four figures."""
    closing = min((each.next_call_at for each in rows if each.next_call_at), default=None)
    call = _card("Next call", f"{closing:%H:%M}" if closing else figures.UNKNOWN, "UTC" if closing else "")
    call["note"] = f"{closing:%d %b %Y}; orders stay sealed until then" if closing else "nobody waits to trade"
    price = _card("Last call", figures.UNKNOWN, "")
    price["note"] = "no call has traded yet"
    if last is not None:
        price = _card("Last call", price_text(last.price_ticks, last.lot_units), f"for {PRICE_UNITS[last.unit]}")
        volume = quantity_text(last.volume_lots, last.lot_units, last.unit)
        price["note"] = f"{volume} changed hands, {figures.ago(last.closed_at, now=now)}"
    money = _card("Your account", figures.usd(account.free_micro_usd) if account else figures.UNKNOWN, "free")
    money["note"] = f"{figures.usd(account.reserved_micro_usd)} in escrow" if account else "you trade for no team"
    fund = _card("Access Fund", figures.usd(fund_micro_usd), "")
    fund["note"] = "premia, adders and charges in; discounts and subsidies out"
    return [call, price, money, fund]


def _card(title: str, value: str, unit: str) -> Row:
    return {"title": title, "value": value, "unit": unit, "note": ""}
