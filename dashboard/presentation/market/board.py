"""What is traded now, at which price, and what one's team wants and has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from dashboard.domain import figures
from dashboard.presentation.market.quota import (
    PRICE_UNITS,
    instrument_title,
    period_words,
    price_of,
    price_text,
    quantity_text,
)
from market.domain.trading.auction_views import AuctionRow, InstrumentNow

Row = dict[str, Any]
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


def instrument_row(now_traded: InstrumentNow, last: AuctionRow | None, *, chosen: str, now: datetime) -> Row:
    """One line of what is traded."""
    each = now_traded
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
        "reference_basis": f"mean of {each.reference_calls} calls" if each.reference_calls else "price of the service",
        "collar": f"{price_text(each.low_ticks, each.lot_units)} – {price_text(each.high_ticks, each.lot_units)}",
        "last_price": price_text(each.last_price_ticks, each.lot_units),
        "last_at": each.last_traded_at.isoformat() if each.last_traded_at else "",
        "last_volume": quantity_text(last.volume_lots, each.lot_units, each.unit) if last else figures.UNKNOWN,
    }


def _state(each: InstrumentNow, now: datetime) -> tuple[str, str]:
    if each.halt is not None:
        return "halted", "warn"
    if each.mechanism == "continuous":
        return "open book", "good"
    if each.next_call_at is None:
        return "waits for an order", "calm"
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
