"""Past sessions that are like one. The page does not follow the log: to compare thousands takes most of a second."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.sessions.similar import comparison_row
from dashboard.sections import read_part
from dashboard.views.page import page
from dashboard.views.sessions.seen import common, seen_session
from sessions_app.selectors.alike import compare


@require_safe
@seen_by("details")
def similar(request: HttpRequest, session_id: UUID, *, sight: Sight) -> HttpResponse:
    """Sessions of the viewer's teams that are like this one, what they took, and what that says of this one."""
    now = datetime.now(UTC)
    line = seen_session(sight, session_id)
    found = read_part("sessions like this one", lambda: compare(session_id, team_ids=sight.sealed_team_ids))
    alike = None if found is None else comparison_row(found, now=now)
    context = {**common(sight, line, "similar", now=now), "alike": alike}
    return page(request, "dashboard/sessions/similar.html", sight, now, "sessions", context)
