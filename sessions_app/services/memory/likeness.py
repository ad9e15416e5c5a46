"""What a session is found by: its words, a vector of them where one is wanted, and what it took."""

from __future__ import annotations

from datetime import datetime

from sessions_app.domain.similar import term_counts
from sessions_app.domain.vectors import Why
from sessions_app.models import Session, SessionLikeness, SessionVector
from sessions_app.selectors.alike import text_of
from sessions_app.selectors.policies import terms_of


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


def ask_for_vector(session: Session, *, now: datetime) -> None:
    """Have a vector made of what a locked session is about, where its policy names a model; in the caller's
    transaction. `services.memory.embedding` makes it, later and outside; what a session has until then is let go."""
    model = terms_of(session).similar.embedding_model
    if not model:
        return
    is_paid = session.budget_id is not None
    SessionVector.objects.update_or_create(
        session=session,
        defaults={
            "model": model,
            "status": SessionVector.Status.WAITING if is_paid else SessionVector.Status.NONE,
            "problem": "" if is_paid else Why.NO_BUDGET.value,
            "tries": 0,
            "asked_at": now,
            "due_at": now,
            "made_at": None,
            "dimensions": None,
        },
    )
