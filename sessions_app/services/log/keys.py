"""Keys of callers, found also when their events have left the log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sessions_app.models import Archive, Event, Session
from sessions_app.selectors.state import Line, lines_of

KEPT_FOR = timedelta(hours=48)
"""What the API promises of keys. Archives that were made earlier are not looked through."""


def keys_text(lines: Iterable[Line]) -> str:
    """The keys of events as their archive lists them: one a line, between line breaks."""
    return "\n" + "".join(f"{line['key']}\n" for line in lines if line["key"])


def find_archived(session: Session, key: str) -> Event | None:
    """The event of a key in the archives of the last days."""
    if not session.archived_seq:
        return None
    archives = Archive.objects.filter(
        session=session,
        kind=Archive.Kind.EVENTS,
        made_at__gte=session.last_event_at - KEPT_FOR,
        text__contains=f"\n{key}\n",
    )
    for archive in archives:
        for line in lines_of(archive):
            if line["key"] == key:
                return event_of(session, line)
    return None


def event_of(session: Session, line: Line) -> Event:
    """An event as it was, which is not in the log."""
    values = {name: value for name, value in line.items() if name not in ("at", "digest", "instance")}
    at, digest = datetime.fromisoformat(line["at"]), bytes.fromhex(line["digest"])
    return Event(session=session, instance_id=line["instance"], at=at, digest=digest, **values)
