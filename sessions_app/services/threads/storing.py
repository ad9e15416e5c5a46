"""Checkpoints and pending writes come in. What was stored already is not stored, or told, again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from config.kernel.errors import Conflict
from config.kernel.transactions import transactional
from sessions_app.models import Session, ThreadBlob, ThreadCheckpoint, ThreadWrite
from sessions_app.selectors.threads import find_thread, latest_id
from sessions_app.services.lives import SessionAsk, open_session
from sessions_app.services.log import Draft, append, locked
from sessions_app.services.threads.asks import CheckpointAsk, WriteAsk, WritesAsk

LONGEST_NAME = 120


@transactional
def put_checkpoint(*, thread_id: str, team_id: int, ask: CheckpointAsk, actor: str, now: datetime) -> int:
    """Store a checkpoint and return the number of the event that tells it; the thread begins with its first.

    The same checkpoint again changes nothing; another of the same id replaces it. Raises Conflict with code
    `stale_parent` if it must follow the newest one and does not.
    """
    session = opened_thread(thread_id, team_id=team_id, actor=actor, now=now)
    known = ThreadCheckpoint.objects.filter(
        session=session, namespace=ask.namespace, checkpoint_id=ask.checkpoint_id
    ).first()
    if known is not None and _is_same(known, ask):
        return known.seq
    if known is None and ask.follows:
        _check_follows(session, ask)
    _keep_blobs(session, ask)
    seq = append(session, Draft(kind="thread.checkpoint", actor=actor, facts=_facts(ask)), now=now)
    row = ThreadCheckpoint(
        pk=known.pk if known else None,
        session=session,
        namespace=ask.namespace,
        checkpoint_id=ask.checkpoint_id,
        parent_id=ask.parent_id,
        seq=seq,
        run_id=ask.run_id,
        type=ask.type,
        body=ask.body,
        metadata=ask.metadata,
        channel_versions=ask.channel_versions,
    )
    row.save(force_insert=known is None, force_update=known is not None)
    return seq


@transactional
def put_writes(*, thread_id: str, team_id: int, ask: WritesAsk, actor: str, now: datetime) -> int:
    """Store what is new of pending writes and return the number of the newest event.

    A task may write before its checkpoint arrives.
    """
    session = opened_thread(thread_id, team_id=team_id, actor=actor, now=now)
    of_task = ThreadWrite.objects.filter(
        session=session, namespace=ask.namespace, checkpoint_id=ask.checkpoint_id, task_id=ask.task_id
    )
    known = {row.index: row for row in of_task}
    asked = _standing(ask.writes)
    fresh = [write for write in asked if write.index not in known]
    replaced = [
        write for write in asked if write.index < 0 and write.index in known and _differs(known[write.index], write)
    ]
    if not fresh and not replaced:
        return session.head_seq
    of_task.filter(index__in=[write.index for write in replaced]).delete()
    ThreadWrite.objects.bulk_create(_row(session, ask, write) for write in [*fresh, *replaced])
    channels: Sequence[str] = sorted({write.channel for write in [*fresh, *replaced]})[:20]
    facts = {"checkpoint": ask.checkpoint_id, "task": ask.task_id, "channels": channels}
    return append(session, Draft(kind="thread.writes", actor=actor, facts=facts), now=now)


def opened_thread(thread_id: str, *, team_id: int, actor: str, now: datetime) -> Session:
    """The session of a thread, locked; begun if the team has none. Raises Conflict if it has ended."""
    session_id = find_thread(team_id, thread_id)
    if session_id is None:
        ask = SessionAsk(name=thread_id[:LONGEST_NAME], external_id=thread_id)
        try:
            session_id = open_session(ask=ask, team_id=team_id, actor=actor, now=now)
        except Conflict:
            session_id = find_thread(team_id, thread_id)  # somebody else began it meanwhile
            if session_id is None:
                raise
    return locked(session_id, team_id=team_id)


def _check_follows(session: Session, ask: CheckpointAsk) -> None:
    newest = latest_id(session.pk, ask.namespace)
    if newest != ask.parent_id:
        raise Conflict(
            "Somebody else has stored a checkpoint since the one that this follows.",
            field="parent_id",
            code="stale_parent",
            latest_id=newest,
        )


def _is_same(known: ThreadCheckpoint, ask: CheckpointAsk) -> bool:
    stored = (known.type, bytes(known.body), known.metadata, known.channel_versions, known.parent_id)
    return stored == (ask.type, ask.body, ask.metadata, ask.channel_versions, ask.parent_id)


def _standing(writes: Sequence[WriteAsk]) -> list[WriteAsk]:
    """Of several of one number the one that would stand had they come one by one: special ones replace."""
    found: dict[int, WriteAsk] = {}
    for write in writes:
        if write.index < 0 or write.index not in found:
            found[write.index] = write
    return list(found.values())


def _differs(row: ThreadWrite, write: WriteAsk) -> bool:
    return (row.channel, row.type, bytes(row.body)) != (write.channel, write.type, write.body)


def _keep_blobs(session: Session, ask: CheckpointAsk) -> None:
    """A version of a channel is stored once: what is there already stays."""
    rows = (
        ThreadBlob(
            session=session,
            namespace=ask.namespace,
            channel=blob.channel,
            version=blob.version,
            type=blob.type,
            body=blob.body,
        )
        for blob in ask.blobs
    )
    ThreadBlob.objects.bulk_create(rows, ignore_conflicts=True)


def _row(session: Session, ask: WritesAsk, write: WriteAsk) -> ThreadWrite:
    return ThreadWrite(
        session=session,
        namespace=ask.namespace,
        checkpoint_id=ask.checkpoint_id,
        task_id=ask.task_id,
        task_path=ask.task_path,
        index=write.index,
        channel=write.channel,
        type=write.type,
        body=write.body,
    )


def _facts(ask: CheckpointAsk) -> dict[str, object]:
    known = {name: ask.metadata[name] for name in ("source", "step") if isinstance(ask.metadata.get(name), int | str)}
    namespace = {"namespace": ask.namespace} if ask.namespace else {}
    bytes_new = len(ask.body) + sum(len(blob.body) for blob in ask.blobs)
    return {"checkpoint": ask.checkpoint_id, **namespace, **known, "bytes": bytes_new}
