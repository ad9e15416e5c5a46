"""What the windows of a session hold."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.sessions.board import session_cards
from dashboard.presentation.sessions.handoffs import PROTOCOLS, handoff_row
from dashboard.presentation.sessions.windows import (
    COMPONENTS,
    forecast_rows,
    item_row,
    ladder_words,
    occupancy_chart,
    window_row,
)
from dashboard.sections import read_part
from dashboard.views.page import page
from dashboard.views.sessions.seen import common, seen_session
from sessions_app.selectors.handoffs import list_handoffs
from sessions_app.selectors.story import list_forecast_lines, list_item_lines, list_readings

MOST_ITEMS = 50
MOST_HANDOFFS = 5


@require_safe
@seen_by("details")
def windows(request: HttpRequest, session_id: UUID, *, sight: Sight) -> HttpResponse:
    """How full the windows are, what fills them, when they will be full, and who hands over."""
    now = datetime.now(UTC)
    line = seen_session(sight, session_id)
    found = read_part("forecasts of a session", lambda: list_forecast_lines(session_id)) or []
    forecasts = forecast_rows(found, now=now)
    readings = read_part("readings of windows", lambda: list_readings(session_id)) or []
    agents, rows, chart = occupancy_chart(readings)
    items = read_part("items of windows", lambda: list_item_lines(session_id, limit=MOST_ITEMS)) or []
    handoffs = read_part("handoffs", lambda: list_handoffs(session_id, limit=MOST_HANDOFFS)) or []
    context = {
        **common(sight, line, "windows", now=now),
        "cards": session_cards(line, next((row for row in forecasts if row["is_collective"]), None), now=now),
        "windows": [window_row(window, line.terms, now=now) for window in line.windows],
        "components": [(each.value.replace("_", "-"), name) for each, name in COMPONENTS.items()],
        "ladder": ladder_words(line.terms),
        "readings": rows,
        "chart": chart,
        "chart_agents": [key["agent"] for key in agents],
        "chart_keys": agents,
        "forecasts": forecasts,
        "handoffs": [handoff_row(each, now=now) for each in handoffs],
        "protocols": PROTOCOLS,
        "items": [item_row(each, now=now) for each in items],
    }
    return page(request, "dashboard/sessions/windows.html", sight, now, "sessions", context)
