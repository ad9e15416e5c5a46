"""What tells one state of the market from the next, as one viewer sees it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Count, Max, QuerySet

from market.models import (
    Auction,
    ConductFlag,
    Donation,
    FundEntry,
    LoanEvent,
    OrderEvent,
    Posting,
    ShareDraw,
    StandingRule,
    TradingHalt,
)


def get_market_mark(team_ids: Collection[int] | None) -> dict[str, Any]:
    """Numbers that change when something does that these teams (None: all) may see.

    Orders, money, flags and rules of other teams move nothing: a sealed call stays sealed.
    """
    halt = TradingHalt.objects.aggregate(began=Max("starts_at"), ended=Max("ended_at"))
    donated = _of(Donation.objects.all(), "team", team_ids).aggregate(count=Count("pk"), ended=Max("closed_at"))
    return {
        "auction": _last(Auction.objects.all()),
        "reversed": _iso(Auction.objects.aggregate(last=Max("reversed_at"))["last"]),
        "fund": _last(FundEntry.objects.all()),
        "halt": [_iso(halt["began"]), _iso(halt["ended"])],
        "loan": _last(LoanEvent.objects.all()),
        "order": _last(_of(OrderEvent.objects.all(), "order__team", team_ids)),
        "money": _last(_of(Posting.objects.all(), "account__team", team_ids)),
        "flag": _last(_of(ConductFlag.objects.all(), "team", team_ids)),
        "rule": _iso(_of(StandingRule.objects.all(), "team", team_ids).aggregate(last=Max("last_run_at"))["last"]),
        "share": [
            donated["count"],
            _iso(donated["ended"]),
            _last(_of(ShareDraw.objects.all(), "donation__team", team_ids)),
        ],
    }


def _of(rows: QuerySet[Any], field: str, team_ids: Collection[int] | None) -> QuerySet[Any]:
    return rows if team_ids is None else rows.filter(**{f"{field}__in": team_ids})


def _last(rows: QuerySet[Any]) -> int:
    return rows.aggregate(last=Max("pk"))["last"] or 0


def _iso(moment: Any) -> str:
    return moment.isoformat() if moment else ""
