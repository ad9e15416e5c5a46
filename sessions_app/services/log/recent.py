"""What this process wrote last: the heads of sessions and the parts of their states that it has seen.

A guess, never the truth: whoever writes from it lets the database compare number and digest of the head. Somebody else
may have written since, in another process; then nothing is stored, and the session is read.
"""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

from sessions_app.domain.folding import Part
from sessions_app.models import Session

MOST_SESSIONS = 64
MOST_BYTES = 256 * 1024
"""Of a state. Of a larger one nothing is kept."""
MOST_KEYS = 1000
"""Looked for in one session: an agent that names its tasks anew each time must not fill the memory."""

Known = tuple[Session, Part]
_recent: OrderedDict[UUID, Known] = OrderedDict()


def take(session_id: UUID, *, seq: int) -> Known | None:
    """A session as it was at the event `seq`, if that was the last one stored here. It is whose who takes it."""
    known = _recent.pop(session_id, None)
    return known if known is not None and known[0].head_seq == seq else None


def keep(session: Session, part: Part) -> None:
    """A session after an event that was stored here, for the next one."""
    if session.state_bytes > MOST_BYTES or len(part.exact) + len(part.below) > MOST_KEYS:
        return
    _recent[session.pk] = session, part
    if len(_recent) > MOST_SESSIONS:
        _recent.popitem(last=False)
