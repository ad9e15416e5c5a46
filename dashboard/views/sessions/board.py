"""The list of sessions."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.sessions.board import board_cards, session_row
from dashboard.sections import read_part
from dashboard.views.page import page
from sessions_app.selectors.board import count_sessions, list_session_lines

SHOWN = 50
FILTERS = (("open", "Open"), ("ended", "Ended"), ("all", "All"))


@require_safe
@seen_by("details")
def sessions(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Sessions, those heard of last first."""
    now = datetime.now(UTC)
    chosen = request.GET.get("status", "open")
    status = chosen if chosen in dict(FILTERS) else "open"
    before = _time(request.GET.get("before", ""))
    lines = read_part(
        "sessions",
        lambda: list_session_lines(
            team_ids=sight.sealed_team_ids, status=None if status == "all" else status, before=before, limit=SHOWN + 1
        ),
    )
    counts = read_part("counts of sessions", lambda: count_sessions(team_ids=sight.sealed_team_ids))
    shown = (lines or [])[:SHOWN]
    context = {
        "sessions": None if lines is None else [session_row(line, now=now) for line in shown],
        "cards": board_cards(shown, counts) if counts else [],
        "filters": FILTERS,
        "status": status,
        "is_first": before is None,
        "older": shown[-1].last_event_at.isoformat() if lines and len(lines) > SHOWN else "",
    }
    return page(request, "dashboard/sessions/sessions.html", sight, now, "sessions", context)


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
