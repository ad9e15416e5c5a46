"""What leaves a thread: archived whole and verified first, then removed, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Max, Q

from config.kernel.errors import Conflict
from config.kernel.transactions import transactional
from sessions_app.models import Archive, Session, ThreadBlob, ThreadCheckpoint, ThreadWrite
from sessions_app.selectors.threads import batched, find_thread, list_blobs, versions_of
from sessions_app.services.archiving import keep
from sessions_app.services.log import Draft, append, locked
from sessions_app.services.threads.lines import Lines, archived

CHECKPOINTS_AN_ARCHIVE = 100
DELTA_CHANNELS = "counters_since_delta_snapshot"
"""LangGraph tells in this member of the metadata that a value is rebuilt from older checkpoints."""


@transactional
def delete_thread(*, thread_id: str, team_id: int, actor: str, now: datetime) -> int:
    """Archive and remove all checkpoints and writes of a thread; count the checkpoints. The log stays."""
    session = _thread(thread_id, team_id)
    if session is None:
        return 0
    rows = list(ThreadCheckpoint.objects.filter(session=session).order_by("checkpoint_id"))
    writes = ThreadWrite.objects.filter(session=session)
    stray = list(writes.exclude(_at(rows)))  # whose checkpoint never came
    return _remove(session, rows, stray, kind="thread.deleted", actor=actor, now=now)


@transactional
def prune_thread(*, thread_id: str, team_id: int, actor: str, now: datetime) -> int:
    """Keep the newest checkpoint of each namespace, archive and remove the others; count these.

    Raises Conflict with code `delta_channels` where the newest is rebuilt from older ones.
    """
    session = _thread(thread_id, team_id)
    if session is None:
        return 0
    rows = ThreadCheckpoint.objects.filter(session=session)
    if rows.filter(metadata__has_key=DELTA_CHANNELS).exists():
        raise Conflict(
            "The newest checkpoint of this thread is rebuilt from older ones.", field="thread_id", code="delta_channels"
        )
    heads = set(rows.order_by().values_list("namespace").annotate(Max("checkpoint_id")))
    old = [row for row in rows.order_by("checkpoint_id") if (row.namespace, row.checkpoint_id) not in heads]
    return _remove(session, old, [], kind="thread.pruned", actor=actor, now=now)


@transactional
def delete_runs(*, run_ids: Sequence[str], team_id: int, actor: str, now: datetime) -> int:
    """Archive and remove every checkpoint of some runs in all threads of a team; count them."""
    of_runs = ThreadCheckpoint.objects.filter(run_id__in=[each for each in run_ids if each], session__team_id=team_id)
    removed = 0
    for session_id in sorted(set(of_runs.values_list("session_id", flat=True))):  # one order: no two wait in a circle
        session = locked(session_id, team_id=team_id, may_be_ended=True)
        rows = list(of_runs.filter(session=session).order_by("checkpoint_id"))
        removed += _remove(session, rows, [], kind="thread.pruned", actor=actor, now=now)
    return removed


def _thread(thread_id: str, team_id: int) -> Session | None:
    session_id = find_thread(team_id, thread_id)
    return locked(session_id, team_id=team_id, may_be_ended=True) if session_id else None


def _remove(
    session: Session,
    rows: Sequence[ThreadCheckpoint],
    stray: Sequence[ThreadWrite],
    *,
    kind: str,
    actor: str,
    now: datetime,
) -> int:
    """Archive checkpoints with their writes and values, then remove them and the values that nothing else needs."""
    if not rows and not stray:
        return 0
    left = ThreadCheckpoint.objects.filter(session=session).exclude(pk__in=[row.pk for row in rows])
    needed = versions_of(left.only("namespace", "channel_versions"))
    parts = list(batched(rows, CHECKPOINTS_AN_ARCHIVE)) or [[]]
    archives = [
        _archive(session, _lines(session, part, () if index else stray), now=now) for index, part in enumerate(parts)
    ]
    for part in parts:
        ThreadWrite.objects.filter(_at(part), session=session).delete()
        gone = list_blobs(session.pk, versions_of(part) - needed)
        ThreadBlob.objects.filter(pk__in=[blob.pk for blob in gone]).delete()
        ThreadCheckpoint.objects.filter(pk__in=[row.pk for row in part]).delete()
    ThreadWrite.objects.filter(pk__in=[write.pk for write in stray]).delete()
    append(session, Draft(kind=kind, actor=actor, facts={"checkpoints": len(rows), "archives": archives}), now=now)
    return len(rows)


def _at(rows: Iterable[ThreadCheckpoint]) -> Q:
    """Writes at some checkpoints; at none, none."""
    of_namespace: dict[str, list[str]] = {}
    for row in rows:
        of_namespace.setdefault(row.namespace, []).append(row.checkpoint_id)
    asked = Q(pk__in=())
    for namespace, ids in of_namespace.items():
        asked |= Q(namespace=namespace, checkpoint_id__in=ids)
    return asked


def _lines(session: Session, rows: Sequence[ThreadCheckpoint], stray: Sequence[ThreadWrite]) -> Lines:
    writes = ThreadWrite.objects.filter(_at(rows), session=session)
    return Lines(
        checkpoints=rows, blobs=list_blobs(session.pk, versions_of(rows)), writes=[*writes.order_by("pk"), *stray]
    )


def _archive(session: Session, lines: Lines, *, now: datetime) -> int:
    seqs = [row.seq for row in lines.checkpoints] or [session.head_seq]
    words = {session.external_id, *(row.checkpoint_id for row in lines.checkpoints)}
    archive = keep(
        session,
        kind=Archive.Kind.THREAD,
        title=f"{len(lines.checkpoints)} checkpoints of {session.external_id}",
        body=archived(lines),
        text=" ".join(sorted(words)),
        tokens=0,
        seq_from=min(seqs),
        seq_to=max(seqs),
        strategy="thread",
        now=now,
    )
    return archive.pk
