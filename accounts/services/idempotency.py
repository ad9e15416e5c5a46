"""One answer per Idempotency-Key, whatever the number of tries, races and crashes.

The key is claimed in a transaction of its own, so that others see it at once. The answer is
stored in the transaction of the work itself: either both exist after a crash or neither.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import IdempotentAnswer
from config.kernel.errors import InvalidInput, StillRunning

LOCK_SECONDS = 60
KEPT_FOR = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: HTTP status and JSON body."""

    status_code: int
    body: dict[str, Any]
    is_replay: bool = False


def fingerprint_of(method: str, path: str, body: Any) -> str:
    """SHA-256 over method, path and the body's canonical JSON."""
    canonical = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def answer_once(
    *, team_id: int, key: str | None, fingerprint: str, now: datetime, work: Callable[[], Answer]
) -> Answer:
    """Run `work` in one transaction and store its answer under `key`, or replay the stored one.

    Without a key the work simply runs in its transaction. If `work` raises, everything it did is
    undone, the key is free again and the error goes on. Raises InvalidInput if the key was used
    for another request, StillRunning while a first try is under way.
    """
    if key is None:
        with transaction.atomic():
            return work()
    row = _claim(team_id=team_id, key=key, fingerprint=fingerprint, now=now)
    if row.state == IdempotentAnswer.State.ANSWERED:
        return Answer(row.status_code or 200, row.body or {}, is_replay=True)
    try:
        with transaction.atomic():
            answer = work()
            _store(row, answer)
    except BaseException:
        IdempotentAnswer.objects.filter(pk=row.pk, fence=row.fence, state=IdempotentAnswer.State.RUNNING).delete()
        raise
    return answer


def forget_old_answers(*, now: datetime) -> int:
    """Delete answers that are older than the promise to keep them; return how many."""
    count, _ = IdempotentAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return count


def _claim(*, team_id: int, key: str, fingerprint: str, now: datetime) -> IdempotentAnswer:
    locked_until = now + timedelta(seconds=LOCK_SECONDS)
    try:
        with transaction.atomic():
            return IdempotentAnswer.objects.create(
                team_id=team_id, key=key, fingerprint=fingerprint, created_at=now, locked_until=locked_until
            )
    except IntegrityError:
        pass  # somebody was first
    row = IdempotentAnswer.objects.filter(team_id=team_id, key=key).first()
    if row is None:  # the first try has just failed and freed the key
        raise StillRunning("The first try with this Idempotency-Key has just ended without an answer. Send it again.")
    if row.fingerprint != fingerprint:
        raise InvalidInput(
            "This Idempotency-Key was used for another request.", field="Idempotency-Key", code="key_reused"
        )
    if row.state == IdempotentAnswer.State.ANSWERED:
        return row
    taken = IdempotentAnswer.objects.filter(
        pk=row.pk, fence=row.fence, state=IdempotentAnswer.State.RUNNING, locked_until__lt=now
    ).update(fence=F("fence") + 1, locked_until=locked_until)
    if not taken:
        raise StillRunning("The first try with this Idempotency-Key is still being answered.")
    row.fence += 1
    return row


def _store(row: IdempotentAnswer, answer: Answer) -> None:
    stored = IdempotentAnswer.objects.filter(pk=row.pk, fence=row.fence, state=IdempotentAnswer.State.RUNNING).update(
        state=IdempotentAnswer.State.ANSWERED, status_code=answer.status_code, body=answer.body
    )
    if not stored:  # a later try took over while this one was paused: its answer stands
        raise StillRunning("Another try with this Idempotency-Key took over.")
