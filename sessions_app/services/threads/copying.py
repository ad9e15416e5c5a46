"""A thread as the beginning of another."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from sessions_app.models import Session, ThreadBlob, ThreadCheckpoint, ThreadWrite
from sessions_app.selectors.threads import batched, find_thread
from sessions_app.services.log import Draft, append, locked
from sessions_app.services.threads.storing import opened_thread

ROWS_AT_ONCE = 200
R = TypeVar("R", ThreadBlob, ThreadWrite, ThreadCheckpoint)


@transactional
def copy_thread(*, thread_id: str, to: str, team_id: int, actor: str, now: datetime) -> int:
    """Copy all checkpoints, values and writes of a thread to one that has none; count the checkpoints.

    Raises NotFound if there is no such thread, InvalidInput or Conflict naming `to`.
    """
    source_id = find_thread(team_id, thread_id)
    if source_id is None:
        raise NotFound("Your team has no such thread.", field="thread_id")
    if to == thread_id:
        raise InvalidInput("A thread is not copied to itself.", field="to")
    source, target = _both(thread_id, to, team_id, actor, now)
    if ThreadCheckpoint.objects.filter(session=target).exists() or ThreadWrite.objects.filter(session=target).exists():
        raise Conflict("This thread has checkpoints already.", field="to", code="thread_in_use")
    facts = {"from": thread_id, "session": str(source.pk)}
    seq = append(target, Draft(kind="thread.copied", actor=actor, facts=facts), now=now)
    for blobs in batched(ThreadBlob.objects.filter(session=source).iterator(ROWS_AT_ONCE), ROWS_AT_ONCE):
        ThreadBlob.objects.bulk_create(_moved(blobs, target))
    for writes in batched(ThreadWrite.objects.filter(session=source).iterator(ROWS_AT_ONCE), ROWS_AT_ONCE):
        ThreadWrite.objects.bulk_create(_moved(writes, target))
    return _copy_checkpoints(source, target, seq)


def _both(thread_id: str, to: str, team_id: int, actor: str, now: datetime) -> tuple[Session, Session]:
    """Both sessions, locked in one order whatever is copied where: two copies do not wait in a circle."""
    locks = {
        name: opened_thread(name, team_id=team_id, actor=actor, now=now) if name == to else _readable(name, team_id)
        for name in sorted((thread_id, to))
    }
    return locks[thread_id], locks[to]


def _readable(thread_id: str, team_id: int) -> Session:
    session_id = find_thread(team_id, thread_id)
    if session_id is None:
        raise NotFound("Your team has no such thread.", field="thread_id")
    return locked(session_id, team_id=team_id, may_be_ended=True)


def _copy_checkpoints(source: Session, target: Session, seq: int) -> int:
    copied = 0
    for rows in batched(ThreadCheckpoint.objects.filter(session=source).iterator(ROWS_AT_ONCE), ROWS_AT_ONCE):
        for row in rows:
            row.seq = seq
        copied += len(ThreadCheckpoint.objects.bulk_create(_moved(rows, target)))
    return copied


def _moved(rows: list[R], target: Session) -> list[R]:
    for row in rows:
        row.pk, row.session = None, target
    return rows
