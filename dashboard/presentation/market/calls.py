"""Calls, windows and matches: their outcome, their curves, and where the money went."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.urls import reverse

from dashboard.domain import figures
from dashboard.presentation.market.quota import (
    PRICE_UNITS,
    QUANTITY_UNITS,
    code_period,
    code_title,
    price_of,
    price_text,
    quantity_text,
)
from market.domain.trading.auction_views import AuctionDetail, AuctionRow, Curve, Fill, HaltRow, Replay

Row = dict[str, Any]
KINDS = {"call": "call", "window": "window at the last price", "book": "match of the book"}
STATUSES = {
    "cleared": ("cleared", "good"),
    "carried": ("carried on: too few teams", "calm"),
    "no_cross": ("no bid met an offer", "calm"),
    "halted": ("halted", "warn"),
    "reversed": ("taken back", "bad"),
}


def call_line(row: AuctionRow, *, now: datetime) -> Row:
    """One line of the list."""
    status, tone = STATUSES.get(row.status, (row.status, "calm"))
    return {
        "id": row.id,
        "url": reverse("market-auction", args=[row.id]),
        "kind": KINDS.get(row.kind, row.kind),
        "title": code_title(row.instrument),
        "period": code_period(row.instrument, now=now),
        "status": status,
        "tone": tone,
        "closed_at": row.closed_at.isoformat(),
        "clock": f"{row.closed_at:%d %b %H:%M} UTC",
        "price": price_text(row.price_ticks, row.lot_units),
        "price_unit": PRICE_UNITS[row.unit],
        "volume": quantity_text(row.volume_lots or None, row.lot_units, row.unit),
        "teams": f"{row.bid_teams} and {row.ask_teams}",
        "paid": figures.usd(row.paid_micro_usd),
        "subsidy": figures.usd(row.subsidy_micro_usd),
        "adder": figures.usd(row.adder_micro_usd),
        "policy": row.policy,
        "explanation": row.explanation,
        "reversed": f"{figures.moment(row.reversed_at)}: {row.reverse_reason}" if row.reversed_at else "",
    }


def call_cards(detail: AuctionDetail) -> list[Row]:
    """A call in four figures."""
    row = detail.row
    left = detail.rationing
    rest = "every marginal order was filled"
    if left:
        side = {"buy": "bids", "sell": "offers"}[left.side]
        rest = f"{quantity_text(left.lots, row.lot_units, row.unit)} of {side} at the price went without"
    collar = f"{price_text(row.low_ticks, row.lot_units)} to {price_text(row.high_ticks, row.lot_units)}"
    reference = f"reference {price_text(row.reference_ticks, row.lot_units)} from {row.reference_basis}"
    return [
        _card("Price", price_text(row.price_ticks, row.lot_units), f"for {PRICE_UNITS[row.unit]}", reference),
        _card("Volume", figures.whole(row.volume_units), QUANTITY_UNITS[row.unit], rest),
        _card("Collar", collar, "", f"{row.bid_teams} teams bid, {row.ask_teams} offered"),
        _card("Rates of need", f"{row.factor_percent} %", "applied", "the largest part that what was paid could bear"),
    ]


def _card(title: str, value: str, unit: str, note: str) -> Row:
    return {"title": title, "value": value, "unit": unit, "note": note}


def money_lines(row: AuctionRow) -> list[Row]:
    """Where the money of a call went; what buyers paid is what sellers and the Fund got."""
    told = [
        ("Buyers paid", row.paid_micro_usd, "everything included"),
        ("Sellers received", -row.received_micro_usd, "after the carbon adder"),
        ("Carbon adders to the Fund", -row.adder_micro_usd, "of offers behind which the grid is not clean enough"),
        ("Premia", -row.premium_micro_usd, "of buyers with less need"),
        ("Subsidies", row.subsidy_micro_usd, "of buyers with more need"),
        ("Rounding to the Fund", -row.rounding_micro_usd, "buyers pay whole micro-dollars, rounded up"),
    ]
    lines: list[Row] = [
        {"name": name, "value": figures.usd(value), "note": note}
        for name, value, note in told
        if value or "ers" in name
    ]
    total = {"name": "The Fund’s part", "value": figures.usd(row.to_fund_micro_usd), "note": "paid less received"}
    return [*lines, {**total, "is_total": True}]


def fill_rows(fills: tuple[Fill, ...], row: AuctionRow) -> list[Row]:
    """Who got what; money of one's own only."""
    return [
        {
            "side": {"buy": "bought", "sell": "sold"}[each.side],
            "whose": "yours" if each.is_own else "another team’s",
            "is_own": each.is_own,
            "quantity": quantity_text(each.lots, row.lot_units, row.unit),
            "money": figures.usd(each.money_micro_usd) if each.is_own else "",
        }
        for each in fills
    ]


def curve_rows(curve: Curve, row: AuctionRow) -> list[Row]:
    """Wanted and offered at every price at which one of them changes, from the lowest price up."""
    prices = sorted({step.price_ticks for step in (*curve.demand, *curve.supply)} | {row.price_ticks or row.low_ticks})
    demand = sorted(curve.demand, key=lambda step: step.price_ticks)
    supply = sorted(curve.supply, key=lambda step: step.price_ticks)
    return [_curve_row(price, _wanted(demand, price), _offered(supply, price), row) for price in prices]


def _wanted(steps: list[Any], price: int) -> int:
    return next((step.lots for step in steps if step.price_ticks >= price), 0)


def _offered(steps: list[Any], price: int) -> int:
    return max((step.lots for step in steps if step.price_ticks <= price), default=0)


def _curve_row(price: int, wanted: int, offered: int, row: AuctionRow) -> Row:
    units = [lots * row.lot_units for lots in (wanted, offered)]
    return {
        "x": f"{price_of(price, row.lot_units):f}",
        "values": ",".join(str(each) for each in units),
        "price": price_text(price, row.lot_units),
        "wanted": figures.whole(units[0]),
        "offered": figures.whole(units[1]),
        "is_price": price == row.price_ticks,
    }


def curve_chart(row: AuctionRow) -> str:
    """How the curve is drawn."""
    chart: Row = {
        "x": "price",
        "series": [
            {"label": "wanted", "colour": "live-line", "kind": "stepBack"},
            {"label": "offered", "colour": "forecast-line", "kind": "step"},
        ],
    }
    if row.price_ticks is not None:
        price = price_of(row.price_ticks, row.lot_units)
        chart |= {"mark": float(price or 0), "markWords": f"price {price_text(row.price_ticks, row.lot_units)}"}
    return json.dumps(chart)


def replay_words(replay: Replay) -> Row:
    """Whether the same inputs give the same trades."""
    if replay.agrees:
        word, detail = "agrees", f"{replay.trades} fills, each as it was stored."
    else:
        word, detail = "differs", " ".join(replay.differences)
    return {"word": word, "tone": "good" if replay.agrees else "bad", "detail": detail, "sha256": replay.sha256}


def halt_row(halt: HaltRow) -> Row:
    """A halt that is in force."""
    what = code_title(halt.instrument) if halt.instrument else "Everything"
    until = f"Until {figures.moment(halt.until)}." if halt.until else "Until an administrator resumes it."
    return {"title": f"{what[:1].upper()}{what[1:]}: trading is halted.", "reason": halt.reason, "until": until}
