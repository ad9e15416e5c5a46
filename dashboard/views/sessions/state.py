"""The shared state of a session at any point, its checkpoints and its log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.domain.figures import moment
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.sessions.state import checkpoint_row, state_rows
from dashboard.presentation.sessions.timeline import event_row
from dashboard.sections import read_part
from dashboard.views.page import page
from dashboard.views.sessions.seen import common, seen_session
from sessions_app.selectors.board import SessionLine
from sessions_app.selectors.checkpoints import list_checkpoints
from sessions_app.selectors.state import get_state, get_state_at, lines_between

EVENTS_SHOWN = 50
CHECKPOINTS_SHOWN = 20


@require_safe
@seen_by("details")
def state(request: HttpRequest, session_id: UUID, *, sight: Sight) -> HttpResponse:
    """The state after the event that the address asks for, else as it stands."""
    now = datetime.now(UTC)
    line = seen_session(sight, session_id)
    checkpoints = read_part("checkpoints", lambda: list_checkpoints(session_id, limit=CHECKPOINTS_SHOWN))
    context = {
        **common(sight, line, "state", now=now),
        **_state(line, _number(request.GET.get("at", ""), most=line.head_seq)),
        **_log(line, _number(request.GET.get("to", ""), most=line.head_seq)),
        "checkpoints": None if checkpoints is None else [checkpoint_row(each, now=now) for each in checkpoints],
        "every_tokens": f"{line.terms.checkpoints.every_tokens:,}",
        "every_minutes": line.terms.checkpoints.every_minutes,
    }
    return page(request, "dashboard/sessions/state.html", sight, now, "sessions", context)


def _state(line: SessionLine, seq: int | None) -> dict[str, Any]:
    is_newest = seq is None or seq == line.head_seq
    found = read_part(
        "the state of a session",
        lambda: get_state(line.id) if seq is None or is_newest else get_state_at(line.id, seq),
    )
    return {
        "state": state_rows(found) if found else None,
        "digest": found.digest if found else "",
        "at": moment(found.at) if found else "",
        "seq": found.seq if found else line.head_seq,
        "is_newest": is_newest,
    }


def _log(line: SessionLine, to_seq: int | None) -> dict[str, Any]:
    last = to_seq or line.head_seq
    first = max(0, last - EVENTS_SHOWN)
    lines = read_part("the log of a session", lambda: list(lines_between(line.id, first, last)))
    return {
        "events": None if lines is None else [event_row(each) for each in reversed(lines)],
        "older_seq": first,
        "is_newest_page": last == line.head_seq,
    }


def _number(text: str, *, most: int) -> int | None:
    """The number of an event of the log; None for what is none."""
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if is_number and int(text) <= most else None
