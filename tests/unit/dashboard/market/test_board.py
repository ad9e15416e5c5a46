"""What is traded, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.presentation.market.board import instrument_row
from market.domain.trading.auction_views import InstrumentNow
from market.domain.trading.order_views import Book

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "code": "tokens-any-month-2026-03-01",
        "unit": "tokens",
        "model_class": "",
        "period": "month",
        "period_starts_at": datetime(2026, 3, 1, tzinfo=UTC),
        "period_ends_at": datetime(2026, 4, 1, tzinfo=UTC),
        "lot_units": 100,
        "mechanism": "auction",
        "next_call_at": NOW + timedelta(minutes=40),
        "locks_at": NOW + timedelta(minutes=39),
        "last_price_ticks": None,
        "last_traded_at": None,
        "reference_ticks": 300,
        "reference_basis": "service",
        "reference_calls": 0,
        "low_ticks": 150,
        "high_ticks": 450,
        "halt": None,
        **changes,
    }
    book = Book(instrument=InstrumentNow(**values), state="sealed", residual=(10, 0), bids=(), asks=(), own=())
    return instrument_row(book, None, chosen="", now=NOW)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "sealed call"),
        ({"locks_at": NOW}, "only better orders"),
        ({"next_call_at": None, "locks_at": None}, "waits for an order"),
        ({"next_call_at": NOW - timedelta(minutes=3)}, "call is late: tried again every few seconds"),
        ({"mechanism": "continuous"}, "open book"),
    ],
)
def test_an_instrument_says_whether_it_trades(changes, state):
    assert row(**changes)["state"] == state


def test_prices_are_for_a_thousand_units_and_say_where_they_come_from():
    told = row()
    assert (told["reference"], told["reference_basis"]) == ("$0.003", "price of the service")
    assert told["collar"] == "$0.0015 – $0.0045"
    assert (told["last_price"], told["last_volume"]) == ("–", "–")
    assert told["residual"] == "1,000 tokens wanted"
