"""A session as its viewer may see it: what every page of one begins with."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404

from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.presentation.sessions.board import head_row
from sessions_app.selectors.board import SessionLine, get_session_line


def seen_session(sight: Sight, session_id: UUID) -> SessionLine:
    """The session, or 404: one of a team that the viewer may not see does not exist for them."""
    try:
        return get_session_line(session_id, team_ids=sight.sealed_team_ids)
    except NotFound as error:
        raise Http404(error.detail) from error


def common(sight: Sight, line: SessionLine, section: str, *, now: datetime) -> dict[str, Any]:
    """What stands above every page, and whether the viewer may act."""
    may_act = sight.session_team_id is not None and sight.session_team_id == line.team_id
    return {
        "section": section,
        "session": head_row(line, now=now),
        "may_act": may_act and line.ended_at is None,
        "is_handing_over": bool(line.handoff_phase),
    }
