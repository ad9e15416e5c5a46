"""A call in plain words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from dashboard.presentation.market.calls import (
    call_cards,
    call_line,
    curve_chart,
    curve_rows,
    fill_rows,
    halt_row,
    money_lines,
    replay_words,
)
from market.domain.trading.auction_views import (
    AuctionDetail,
    AuctionRow,
    Curve,
    Fill,
    HaltRow,
    Rationing,
    Replay,
    Step,
)

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def call(**changes: Any) -> AuctionRow:
    values: dict[str, Any] = {
        "id": 7,
        "instrument": "tokens-L-month-2026-03-01",
        "unit": "tokens",
        "lot_units": 100,
        "kind": "call",
        "status": "cleared",
        "policy": "default v1",
        "closed_at": NOW,
        "ran_at": NOW,
        "reference_ticks": 300,
        "reference_basis": "service",
        "low_ticks": 150,
        "high_ticks": 450,
        "price_ticks": 310,
        "volume_lots": 40,
        "bid_lots": 60,
        "ask_lots": 50,
        "imbalance_lots": 10,
        "bid_teams": 6,
        "ask_teams": 5,
        "factor_percent": 58,
        "paid_micro_usd": 12_500,
        "received_micro_usd": 12_000,
        "subsidy_micro_usd": 300,
        "premium_micro_usd": 300,
        "adder_micro_usd": 499,
        "rounding_micro_usd": 1,
        "explanation": "Because.",
        "reversed_at": None,
        "reverse_reason": "",
        **changes,
    }
    return AuctionRow(**values)


def test_a_call_tells_its_price_for_a_thousand_units_and_its_volume_in_units():
    line = call_line(call(), now=NOW)
    assert line["price"] == "$0.0031"
    assert line["price_unit"] == "1,000 tokens"
    assert line["volume"] == "4,000 tokens"
    assert (line["title"], line["period"]) == ("tokens of class L", "month of Mar 2026")
    assert line["url"] == "/market/calls/7/"


def test_a_call_that_did_not_trade_has_an_unknown_price_and_no_volume():
    line = call_line(call(status="carried", price_ticks=None, volume_lots=0), now=NOW)
    assert (line["price"], line["volume"]) == ("–", "–")
    assert line["status"] == "carried on: too few teams"


def test_the_money_of_a_call_adds_up_to_what_the_fund_gets():
    lines = {each["name"]: each["value"] for each in money_lines(call())}
    assert lines["Buyers paid"] == "$0.0125"
    assert lines["Sellers received"] == "−$0.0120"
    assert lines["The Fund’s part"] == "$0.000500"
    assert money_lines(call())[-1]["is_total"]


def test_the_curve_tells_what_is_wanted_and_offered_at_every_price_where_one_of_them_changes():
    curve = Curve(
        demand=(Step(price_ticks=330, lots=20), Step(price_ticks=310, lots=50)),
        supply=(Step(price_ticks=300, lots=15), Step(price_ticks=310, lots=40), Step(price_ticks=320, lots=60)),
    )
    rows = curve_rows(curve, call())
    told = [(row["price"], row["wanted"], row["offered"]) for row in rows]
    assert told == [
        ("$0.003", "5,000", "1,500"),
        ("$0.0031", "5,000", "4,000"),
        ("$0.0032", "2,000", "6,000"),
        ("$0.0033", "2,000", "6,000"),
    ]
    assert [row["is_price"] for row in rows] == [False, True, False, False]
    assert json.loads(curve_chart(call()))["mark"] == 0.0031


def test_a_curve_without_a_price_has_no_mark():
    assert "mark" not in json.loads(curve_chart(call(price_ticks=None)))


def test_fills_of_others_have_no_money():
    fills = (
        Fill(side="buy", lots=10, is_own=True, money_micro_usd=3_100),
        Fill(side="sell", lots=10, is_own=False, money_micro_usd=None),
    )
    own, other = fill_rows(fills, call())
    assert (own["whose"], own["money"]) == ("yours", "$0.003100")
    assert (other["whose"], other["money"]) == ("another team’s", "")


def test_the_cards_say_who_went_without():
    detail = AuctionDetail(
        row=call(),
        curve=None,
        rationing=Rationing(side="buy", lots=10),
        fills=(),
        fill_count=0,
        inputs_sha256="",
    )
    assert call_cards(detail)[1]["note"] == "1,000 tokens of bids at the price went without"


def test_a_replay_that_differs_says_how():
    words = replay_words(Replay(auction_id=7, agrees=False, sha256="ab", trades=3, differences=("Order 1 differs.",)))
    assert (words["word"], words["detail"], words["tone"]) == ("differs", "Order 1 differs.", "bad")


def test_a_halt_without_an_end_lasts_until_somebody_resumes():
    halt = HaltRow(
        id=1,
        instrument=None,
        kind="admin",
        starts_at=NOW,
        until=None,
        ended_at=None,
        reason="Books are checked.",
        actor="a",
        ended_by="",
    )
    row = halt_row(halt)
    assert row["title"] == "Everything: trading is halted."
    assert row["until"] == "Until an administrator resumes it."
