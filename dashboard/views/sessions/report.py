"""The analysis of a session, and what it suggests."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.sessions.report import (
    cost_tables,
    estimate_row,
    exhaustion_rows,
    proposal_row,
    report_cards,
)
from dashboard.sections import read_part
from dashboard.views.page import page
from dashboard.views.sessions.seen import common, seen_session
from sessions_app.selectors.proposals import list_proposals
from sessions_app.selectors.report import get_report

MOST_PROPOSALS = 20


@require_safe
@seen_by("details")
def report(request: HttpRequest, session_id: UUID, *, sight: Sight) -> HttpResponse:
    """What cost most, where room ran out, how good estimates were, what to change."""
    now = datetime.now(UTC)
    line = seen_session(sight, session_id)
    found = read_part("the report of a session", lambda: get_report(session_id, now=now))
    proposals = read_part("proposals", lambda: list_proposals(session_id, limit=MOST_PROPOSALS))
    context = {
        **common(sight, line, "report", now=now),
        "is_read": found is not None,
        "cards": report_cards(found) if found else [],
        "tables": cost_tables(found) if found else [],
        "exhaustion": exhaustion_rows(found) if found else [],
        "estimates": [estimate_row(each) for each in found.estimates] if found else [],
        "proposals": None if proposals is None else [proposal_row(each, now=now) for each in proposals],
    }
    return page(request, "dashboard/sessions/report.html", sight, now, "sessions", context)
