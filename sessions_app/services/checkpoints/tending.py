"""Checkpoints that time makes due, while nobody reports anything."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F

from config.kernel.errors import DomainError
from config.kernel.transactions import transactional
from sessions_app.models import Session
from sessions_app.services.checkpoints.drafting import Drafted, drafted
from sessions_app.services.checkpoints.making import checkpoint_if_due, due
from sessions_app.services.log import locked
from sessions_app.services.thinking import thinking_first

logger = logging.getLogger(__name__)

ACTOR = "tender"
SHORTEST = timedelta(minutes=1)
"""No policy makes checkpoints more often."""
MOST_AT_ONCE = 500


def make_due_checkpoints(*, now: datetime) -> int:
    """Make a checkpoint of every open session whose last one is too old, each in its own transaction.

    Sessions in which nothing has happened since need none. Where the policy names a model for summaries it is asked
    before. Returns how many were made.
    """
    rows = Session.objects.filter(
        status=Session.Status.OPEN, head_seq__gt=F("last_checkpoint_seq"), last_checkpoint_at__lte=now - SHORTEST
    ).order_by("last_checkpoint_at")
    waiting = [row.pk for row in rows.iterator(chunk_size=500) if due(row, now=now)][:MOST_AT_ONCE]
    made = 0
    for session_id in waiting:
        try:
            made += _make(session_id, now, drafted(session_id))
        except DomainError as error:
            # Ended meanwhile, or damaged: the others are still to be made.
            logger.warning("no checkpoint was made", extra={"session": str(session_id), "reason": error.code})
    return made


@thinking_first
@transactional
def _make(session_id: UUID, now: datetime, draft: Drafted | None) -> bool:
    """Whether it was still due once the session was locked."""
    session = locked(session_id)
    return checkpoint_if_due(session, actor=ACTOR, now=now, draft=draft) is not None
