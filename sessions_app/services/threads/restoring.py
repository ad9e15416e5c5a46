"""What was archived of a thread comes back as it was."""

from __future__ import annotations

from datetime import datetime

from config.kernel.errors import Conflict, NotFound
from config.kernel.transactions import transactional
from sessions_app.models import Archive, ThreadBlob, ThreadCheckpoint, ThreadWrite
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.threads import find_thread
from sessions_app.services.log import Draft, append, locked
from sessions_app.services.threads.lines import unarchived


@transactional
def restore_thread(*, thread_id: str, team_id: int, archive_id: int, actor: str, now: datetime) -> int:
    """Put the checkpoints of an archive back where they are missing, with values and writes; count the archived ones.

    Raises NotFound if the thread has no such archive, Conflict if it is damaged or the session has ended.
    """
    session_id = find_thread(team_id, thread_id)
    if session_id is None:
        raise NotFound("Your team has no such thread.", field="thread_id")
    session = locked(session_id, team_id=team_id)
    archive = Archive.objects.filter(session=session, pk=archive_id, kind=Archive.Kind.THREAD).first()
    if archive is None:
        raise NotFound("The thread has no such archive.", field="archive_id")
    lines = unarchived(read_body(archive), session)
    if not lines.checkpoints and not lines.writes:
        raise Conflict("The archive holds nothing of a thread.", field="archive_id", code="archive_damaged")
    ThreadBlob.objects.bulk_create(lines.blobs, ignore_conflicts=True)
    ThreadCheckpoint.objects.bulk_create(lines.checkpoints, ignore_conflicts=True)
    ThreadWrite.objects.bulk_create(lines.writes, ignore_conflicts=True)
    archive.restored_at = now
    archive.save(update_fields=["restored_at"])
    facts = {"archive": archive_id, "checkpoints": len(lines.checkpoints)}
    append(session, Draft(kind="thread.restored", actor=actor, facts=facts), now=now)
    return len(lines.checkpoints)
