"""The oldest part of a long log leaves it for archives, whole and verified, and is read from there."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db.models import F

from config.kernel.errors import Conflict, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.deltas import canonical
from sessions_app.models import Archive, Event, Session, SessionPolicy
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import Line, line_of
from sessions_app.services.archiving import keep
from sessions_app.services.log.keys import keys_text
from sessions_app.services.log.writing import Draft, append, locked

logger = logging.getLogger(__name__)
MOST_ARCHIVE_BYTES = 4 * 1024 * 1024
MOST_KEY_CHARACTERS = 90_000
"""In one archive: its text has to hold the keys of its events, which are still looked for."""
ACTOR = "log"


def tend_logs(*, now: datetime) -> int:
    """Archive what is too long of every open session's log; returns how many events left. One cannot stop others."""
    count = 0
    for session_id in _long_logs():
        try:
            count += archive_log(session_id=session_id, now=now)
        except (Conflict, NotFound) as refusal:
            logger.warning("a log was not archived", extra={"session": str(session_id), "why": refusal.detail})
    return count


@transactional
def archive_log(*, session_id: UUID, now: datetime) -> int:
    """Archive the oldest events if the log is longer than its policy lets it be; returns how many left it.

    Raises NotFound, or Conflict if the session has ended or an archive cannot be read back.
    """
    return shorten(locked(session_id), now=now)


def shorten(session: Session, *, now: datetime) -> int:
    """The same of a locked session, which keeps half of what its policy lets it have."""
    most = terms_of(session).checkpoints.log_events
    if session.head_seq - session.archived_seq <= most:
        return 0
    target, first = session.head_seq - max(1, most // 2), session.archived_seq + 1
    while session.archived_seq < target:
        _archive_part(session, target, now=now)
    facts = {"seq_from": first, "seq_to": session.archived_seq}
    append(session, Draft(kind="log.archived", actor=ACTOR, facts=facts), now=now)
    return session.archived_seq - first + 1


def _archive_part(session: Session, target: int, *, now: datetime) -> None:
    lines = _part(session, target)
    first, last = lines[0]["seq"], lines[-1]["seq"]
    keep(
        session,
        kind=Archive.Kind.EVENTS,
        title=f"Events {first} to {last}",
        body=canonical(lines),
        text=keys_text(lines) + "\n".join(sorted({line["kind"] for line in lines})),
        tokens=sum(line["tokens"] for line in lines),
        seq_from=first,
        seq_to=last,
        now=now,
    )
    gone, _ = Event.objects.filter(session=session, seq__gte=first, seq__lte=last).delete()
    if gone != last - first + 1:
        raise AssertionError("The log of a locked session changed while it was archived.")
    session.archived_seq = last
    session.save(update_fields=["archived_seq"])


def _part(session: Session, target: int) -> list[Line]:
    """The oldest events up to `target`, as many as one archive takes; at least one."""
    lines: list[Line] = []
    bytes_left, characters_left = MOST_ARCHIVE_BYTES, MOST_KEY_CHARACTERS
    rows = Event.objects.filter(session=session, seq__gt=session.archived_seq, seq__lte=target).order_by("seq")
    for event in rows.iterator(chunk_size=500):
        bytes_left -= len(event.delta)
        characters_left -= len(event.key or "") + 1
        if lines and min(bytes_left, characters_left) < 0:
            break
        lines.append(line_of(event))
    return lines


def _long_logs() -> list[UUID]:
    """Open sessions whose logs are longer than their policies let them be."""
    sessions = Session.objects.filter(status=Session.Status.OPEN, head_seq__gt=F("archived_seq") + _least_events())
    columns = ("policy_id", "overrides", "head_seq", "archived_seq")
    return [
        each.pk
        for each in sessions.only("pk", *columns)
        if each.head_seq - each.archived_seq > terms_of(each).checkpoints.log_events
    ]


def _least_events() -> int:
    """The shortest log that a session with more than it may still have to be shortened."""
    policies = SessionPolicy.objects.values_list("body__checkpoints__log_events", flat=True)
    proposed = Session.objects.exclude(overrides={}).exists()
    return 0 if proposed else min(policies, default=0)
