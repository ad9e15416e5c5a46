"""The Access Fund."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.market.fund import DAYS_CHART, day_rows, entry_rows, flow_rows, fund_cards
from dashboard.views.page import page
from market.selectors import get_fund_flows, list_fund_entries

FLOWS_OF = timedelta(days=30)


@require_safe
@seen_by("details")
def fund(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """What the Fund has, and what moved it."""
    now = datetime.now(UTC)
    flows = get_fund_flows(since=now - FLOWS_OF, now=now)
    context = {
        "section": "fund",
        "cards": fund_cards(flows),
        "flows": flow_rows(flows),
        "days": day_rows(flows),
        "days_chart": DAYS_CHART,
        "entries": entry_rows(list_fund_entries()),
    }
    return page(request, "dashboard/market/fund.html", sight, now, "market", context)
