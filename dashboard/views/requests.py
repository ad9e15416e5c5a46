"""Decisions, and the whole story of one request."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.detail import request_story
from dashboard.presentation.rows import decision_row
from dashboard.selectors.overview import list_feed
from dashboard.selectors.region import list_capacity_sources
from dashboard.views.page import page
from market.domain.views import DecisionRow
from market.selectors import get_request_detail

PAGE_LENGTH = 50


@require_safe
@seen_by("details")
def requests(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Decisions the viewer may see, newest first, a page at a time."""
    now = datetime.now(UTC)
    before = _parse_cursor(request.GET.get("before", ""))
    feed = list_feed(sight, limit=PAGE_LENGTH + 1, before=before)
    context = {
        "decisions": [decision_row(row) for row in feed[:PAGE_LENGTH]],
        "older": _cursor_of(feed[PAGE_LENGTH - 1]) if len(feed) > PAGE_LENGTH else "",
        "is_first": before is None,
    }
    return page(request, "dashboard/requests.html", sight, now, "requests", context)


@require_safe
@seen_by("details")
def request_page(request: HttpRequest, request_id: UUID, *, sight: Sight) -> HttpResponse:
    """One request with its whole story. A foreign one is as unknown as one that never was."""
    now = datetime.now(UTC)
    try:
        detail = get_request_detail(request_id)
    except NotFound as error:
        raise Http404(error.detail) from error
    if not sight.sees_team(detail.team_id):
        raise Http404("There is no such request.")
    context = {"story": request_story(detail, capacity_sources=list_capacity_sources(detail.model_class))}
    return page(request, "dashboard/request.html", sight, now, "requests", context)


def _cursor_of(row: DecisionRow) -> str:
    """Where a page of decisions ends, as text for an address."""
    return f"{row.made_at.isoformat()}~{row.decision_id}"


def _parse_cursor(text: str) -> tuple[datetime, int] | None:
    """What `_cursor_of` wrote, or None where there is nothing that it could have written."""
    moment, _, decision_id = text.partition("~")
    try:
        made_at, number = datetime.fromisoformat(moment), int(decision_id)
    except ValueError:
        return None
    # At the ends of the calendar an offset leads to a moment that is no date.
    is_plausible = made_at.tzinfo and 2000 <= made_at.year <= 2100 and 0 <= number < 2**63
    return (made_at, number) if is_plausible else None
