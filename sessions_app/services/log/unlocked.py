"""Appending a delta without a lock: read, think, then write only if nobody was first."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from uuid import UUID

from django.db import transaction

from sessions_app.domain.deltas import Items, Touched
from sessions_app.domain.folding import Part
from sessions_app.models import Session
from sessions_app.services.log import recent
from sessions_app.services.log.recent import Known
from sessions_app.services.log.store import read_unlocked, write_unlocked
from sessions_app.services.log.writing import (
    Draft,
    advance,
    has_body,
    line_of_draft,
    store_body,
    tell,
    text_of_delta,
    touched_of,
)


def append_unlocked(session_id: UUID, draft: Draft, *, team_id: int, base_seq: int, now: datetime) -> int | None:
    """Append a delta made at `base_seq`, outside of a transaction, and return the number of the event.

    The head is compared and set by what writes: on PostgreSQL one statement, which commits, after one that reads
    what is not remembered from the last event. Only for a draft without a key and an instance. None, with nothing
    stored, wherever more than that is to be found out: the log has gone on, the session has ended. Who holds the
    session's lock does that. Raises InvalidInput and Conflict as `append` does.
    """
    delta, touched = text_of_delta(draft), touched_of(draft)
    found = _found(session_id, touched, recent.take(session_id, seq=base_seq))
    if found is None:
        return None
    session, part, before = found
    if (session.team_id, session.head_seq, session.status) != (team_id, base_seq, Session.Status.OPEN):
        return None
    after = bytes(session.digest)
    written, gone = advance(session, draft, before, delta=delta, now=now)
    with transaction.atomic() if has_body(session) else nullcontext():
        if not write_unlocked(session, line_of_draft(draft, delta), written, gone, after=after):
            return None
        if has_body(session):
            store_body(session)
    part.change(written, gone)
    recent.keep(session, part)
    tell(session, draft)
    return session.head_seq


def _found(session_id: UUID, touched: Touched, known: Known | None) -> tuple[Session, Part, Items] | None:
    """A session, what is known of its state, and the items that a delta touches."""
    if known is not None and (before := known[1].find(touched)) is not None:
        return *known, before
    read = read_unlocked(session_id, touched)
    if read is None:
        return None
    session, before = read
    is_same = known is not None and (known[0].head_seq, known[0].digest) == (session.head_seq, session.digest)
    part = known[1] if known is not None and is_same else Part()
    part.learn(touched, before)
    return session, part, before
