"""The Fund in plain words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from dashboard.presentation.market.fund import day_rows, flow_rows, fund_cards
from market.domain.trading.auction_views import FundDay, FundFlows, FundKind

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
FLOWS = FundFlows(
    balance_micro_usd=5_000_000,
    reserved_micro_usd=1_000_000,
    since=NOW - timedelta(days=30),
    as_of=NOW,
    kinds=(
        FundKind(
            kind="market_premium", label="from buyers in the market", in_micro_usd=2_000_000, out_micro_usd=0, entries=4
        ),
        FundKind(
            kind="subsidy", label="paid to buyers in the market", in_micro_usd=0, out_micro_usd=500_000, entries=2
        ),
    ),
    days=(
        FundDay(day=date(2026, 3, 2), kind="market_premium", net_micro_usd=2_000_000),
        FundDay(day=date(2026, 3, 4), kind="subsidy", net_micro_usd=-500_000),
    ),
)


def test_the_balance_of_each_day_leads_to_the_balance_now():
    rows = day_rows(FLOWS)
    assert [row["day"] for row in rows] == ["02 Mar 2026", "03 Mar 2026", "04 Mar 2026"]
    assert [row["balance"] for row in rows] == ["$5.5000", "$5.5000", "$5.0000"]
    assert rows[0]["incoming"] == "$2.0000"
    assert rows[2]["values"] == "0.0,-0.5,5.0"


def test_without_flows_there_are_no_days():
    assert day_rows(FundFlows(balance_micro_usd=0, reserved_micro_usd=0, since=NOW, as_of=NOW, kinds=(), days=())) == []


def test_flows_are_told_by_kind_with_both_directions():
    first, second = flow_rows(FLOWS)
    assert (first["kind"], first["incoming"], first["outgoing"]) == ("Market premium", "$2.0000", "$0.00")
    assert (second["note"], second["outgoing"]) == ("paid to buyers in the market", "$0.5000")


def test_what_can_still_be_promised_is_the_balance_less_promises():
    assert fund_cards(FLOWS)[3]["note"] == "$4.0000 can still be promised"
