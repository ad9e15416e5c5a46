"""The Access Fund: what it has, what moved it, and its balance day by day."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dashboard.domain import figures
from dashboard.presentation.budgets import counted
from market.domain.trading.auction_views import FundEntryRow, FundFlows

Row = dict[str, Any]
DAY = timedelta(days=1)
MICRO = 1_000_000
DAYS_CHART = json.dumps(
    {
        "x": "time",
        "series": [
            {"label": "came in", "colour": "volume", "kind": "bars"},
            {"label": "was paid out", "colour": "b4", "kind": "bars"},
            {"label": "balance", "colour": "live-line"},
        ],
    }
)


def fund_cards(flows: FundFlows) -> list[Row]:
    """The Fund in four figures."""
    came = sum(each.in_micro_usd for each in flows.kinds)
    went = sum(each.out_micro_usd for each in flows.kinds)
    free = flows.balance_micro_usd - flows.reserved_micro_usd
    return [
        _card("Balance", flows.balance_micro_usd, "everything that came in less what was paid"),
        _card("Promised", flows.reserved_micro_usd, "to requests that are not settled yet"),
        _card("Came in, 30 days", came, counted(len(flows.kinds), "kind of flow", "kinds of flow")),
        _card("Paid out, 30 days", went, f"{figures.usd(free)} can still be promised"),
    ]


def _card(title: str, micro_usd: int, note: str) -> Row:
    return {"title": title, "value": figures.usd(micro_usd), "unit": "", "note": note}


def flow_rows(flows: FundFlows) -> list[Row]:
    """Flows by kind."""
    return [
        {
            "kind": each.kind.replace("_", " ").capitalize(),
            "note": each.label if each.label.lower() != each.kind else "",
            "count": figures.whole(each.entries),
            "incoming": figures.usd(each.in_micro_usd),
            "outgoing": figures.usd(each.out_micro_usd),
        }
        for each in flows.kinds
    ]


def day_rows(flows: FundFlows) -> list[Row]:
    """The balance at the end of each day since the first flow, worked out backwards from the balance now."""
    by_day: dict[date, list[int]] = defaultdict(list)
    for each in flows.days:
        by_day[each.day].append(each.net_micro_usd)
    if not by_day:
        return []
    balance, rows = flows.balance_micro_usd, []
    day = flows.as_of.astimezone(UTC).date()
    while day >= min(by_day):
        moved = by_day.get(day, [])
        rows.append(_day(day, balance, sum(x for x in moved if x > 0), -sum(x for x in moved if x < 0)))
        balance -= sum(moved)
        day -= DAY
    return rows[::-1]


def _day(day: date, balance: int, came: int, went: int) -> Row:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {
        "unix": int(at.timestamp()),
        "day": f"{day:%d %b %Y}",
        "values": ",".join(str(each / MICRO) for each in (came, -went, balance)),
        "balance": figures.usd(balance),
        "incoming": figures.usd(came),
        "outgoing": figures.usd(went),
    }


def entry_rows(entries: list[FundEntryRow]) -> list[Row]:
    """Lines of the books."""
    return [
        {
            "at": each.at.isoformat(),
            "when": figures.moment(each.at),
            "kind": each.kind.replace("_", " ").capitalize(),
            "reason": each.reason,
            "balance": figures.usd(each.balance_delta_micro_usd) if each.balance_delta_micro_usd else "",
            "reserved": figures.usd(each.reserved_delta_micro_usd) if each.reserved_delta_micro_usd else "",
        }
        for each in entries
    ]
