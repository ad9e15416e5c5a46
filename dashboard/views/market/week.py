"""The simulated week."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.market.week import week_board, week_cards
from dashboard.sections import read_part
from dashboard.views.page import page
from market.selectors.trading.simulation import get_simulated_week


@require_safe
@seen_by("details")
def week(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """A week of calls that nobody held, driven by real request sizes and grids."""
    policy = request.GET.get("policy", "")
    found = read_part("the simulated week", get_simulated_week)
    context = {
        "section": "week",
        "week": found and week_board(found, policy),
        "cards": found and week_cards(found, policy),
    }
    return page(request, "dashboard/market/week.html", sight, datetime.now(UTC), "market", context)
