"""What the Fund took in and paid out, by kind and day, and its books line by line."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate

from market.domain.trading.auction_views import FundDay, FundEntryRow, FundFlows, FundKind
from market.models import FUND_NAME, Fund, FundEntry

MICRO_USD = "balance_delta_micro_usd"


def get_fund_flows(*, since: datetime, now: datetime) -> FundFlows:
    """The Fund now, and the sums of its entries since a moment. Three queries."""
    fund = Fund.objects.filter(name=FUND_NAME).first()
    entries = FundEntry.objects.filter(fund=FUND_NAME, at__gte=since).exclude(**{MICRO_USD: 0}).order_by()
    return FundFlows(
        balance_micro_usd=fund.balance_micro_usd if fund else 0,
        reserved_micro_usd=fund.reserved_micro_usd if fund else 0,
        since=since,
        as_of=now,
        kinds=tuple(
            FundKind(
                kind=row["kind"],
                label=FundEntry.Kind(row["kind"]).label,
                in_micro_usd=row["came"] or 0,
                out_micro_usd=-(row["went"] or 0),
                entries=row["entries"],
            )
            for row in entries.values("kind")
            .annotate(
                came=Sum(MICRO_USD, filter=Q(**{f"{MICRO_USD}__gt": 0})),
                went=Sum(MICRO_USD, filter=Q(**{f"{MICRO_USD}__lt": 0})),
                entries=Count("pk"),
            )
            .order_by("kind")
        ),
        days=tuple(
            FundDay(day=row["day"], kind=row["kind"], net_micro_usd=row["net"])
            for row in entries.annotate(day=TruncDate("at", tzinfo=UTC))
            .values("day", "kind")
            .annotate(net=Sum(MICRO_USD))
            .order_by("day", "kind")
        ),
    )


def list_fund_entries(*, kind: str | None = None, before: int | None = None, limit: int = 50) -> list[FundEntryRow]:
    """Lines of the Fund's books, newest first; `before` is the id of the last one of the page before."""
    wanted = {"kind": kind, "pk__lt": before}
    rows = FundEntry.objects.filter(fund=FUND_NAME, **{name: each for name, each in wanted.items() if each is not None})
    return [
        FundEntryRow(
            id=entry.pk,
            at=entry.at,
            kind=entry.kind,
            label=FundEntry.Kind(entry.kind).label,
            balance_delta_micro_usd=entry.balance_delta_micro_usd,
            reserved_delta_micro_usd=entry.reserved_delta_micro_usd,
            reason=entry.reason,
            auction_id=entry.journal.auction_id if entry.journal else None,
        )
        for entry in rows.select_related("journal")[:limit]
    ]
