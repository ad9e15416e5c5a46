"""Imported files that it is over with: what they held goes, that they were there stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from climate.models import ReadingImport

KEPT_FOR = timedelta(days=30)
State = ReadingImport.State
OVER = (State.REFUSED, State.LAPSED, State.DONE, State.FAILED)


@transaction.atomic
def drop_old_files(*, now: datetime) -> int:
    """Lapse what nobody confirmed in 30 days, and empty what has been over for 30; how many were emptied.

    The row, its report, its history and the SHA-256 of the file stay. Files at work are left alone.
    """
    untouched = ReadingImport.objects.filter(touched_at__lte=now - KEPT_FOR)
    for waiting in untouched.filter(state=State.READY).select_for_update():
        waiting.state = State.LAPSED
        waiting.content = b""
        waiting.save(update_fields=["state", "content"])
    return untouched.filter(state__in=OVER).exclude(content=b"").update(content=b"")
