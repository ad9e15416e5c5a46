"""What a session is found by: its words, and what it took."""

from __future__ import annotations

from datetime import datetime

from sessions_app.domain.similar import term_counts
from sessions_app.models import Session, SessionLikeness
from sessions_app.selectors.alike import text_of


def refresh_likeness(session: Session, *, now: datetime) -> None:
    """Write down the words of a locked session and what it has taken so far, in the caller's transaction."""
    text = text_of(session)
    SessionLikeness.objects.update_or_create(
        session=session,
        defaults={
            "team_id": session.team_id,
            "text": text,
            "term_counts": term_counts(text),
            "tokens_used": session.tokens_used,
            "seconds": max(0, int((session.last_event_at - session.created_at).total_seconds())),
            "at": now,
        },
    )
