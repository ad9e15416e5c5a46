"""One answer per Idempotency-Key, whatever the number of tries, races and crashes.

The key is claimed in a transaction of its own, so that others see it at once. The answer is
stored in the transaction of the work itself: either both exist after a crash or neither.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, IntegrityError, OperationalError, transaction
from django.db.models import F, QuerySet

from accounts.models import IdempotentAnswer
from config.kernel.errors import InvalidInput, StillRunning

logger = logging.getLogger(__name__)

LOCK_SECONDS = 60
LONGEST_KEY_CHARACTERS = 255
HEADER = "Idempotency-Key"
MOST_TRIES = 4
WORTH_ANOTHER_TRY = {"40001", "40P01"}  # serialization failure, deadlock: nothing was done, and a new try may pass
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
    undone, the key is free again and the error goes on. A try that died is taken over once its
    lock has run out; should it wake up, it cannot commit any more. Raises InvalidInput if the key
    is malformed or was used for another request, StillRunning while a first try is under way.
    Must not be called inside a transaction: others could not see the claim.
    """
    if key is None:
        return _in_transaction(work)
    _check_key(key)
    row = _claim(team_id=team_id, key=key, fingerprint=fingerprint, now=now)
    if row.state == IdempotentAnswer.State.ANSWERED:
        return Answer(row.status_code or 200, row.body or {}, is_replay=True)

    def work_and_store() -> Answer:
        answer = work()
        _store(row, answer)
        return answer

    try:
        return _in_transaction(work_and_store)
    except BaseException:
        _free(row)
        raise


def forget_old_answers(*, now: datetime) -> int:
    """Delete answers that are older than the promise to keep them; return how many."""
    count, _ = IdempotentAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return count


def _in_transaction(work: Callable[[], Answer]) -> Answer:
    """Run `work` in a transaction of its own; again if PostgreSQL undid it in favour of another."""
    for _ in range(MOST_TRIES - 1):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in WORTH_ANOTHER_TRY:
                raise
    with transaction.atomic():
        return work()


def _check_key(key: str) -> None:
    if not key.strip():
        raise InvalidInput(f"{HEADER} is empty. Leave it out, or send a key of your own making.", field=HEADER)
    if len(key) > LONGEST_KEY_CHARACTERS:
        raise InvalidInput(f"{HEADER} is longer than {LONGEST_KEY_CHARACTERS} characters.", field=HEADER)
    if not (key.isascii() and key.isprintable()):
        raise InvalidInput(f"{HEADER} may hold printable ASCII characters only.", field=HEADER)


def _claim(*, team_id: int, key: str, fingerprint: str, now: datetime) -> IdempotentAnswer:
    locked_until = now + timedelta(seconds=LOCK_SECONDS)
    try:
        with transaction.atomic(durable=True):
            return IdempotentAnswer.objects.create(
                team_id=team_id, key=key, fingerprint=fingerprint, created_at=now, locked_until=locked_until
            )
    except IntegrityError:
        pass  # somebody was first
    row = IdempotentAnswer.objects.filter(team_id=team_id, key=key).first()
    if row is None:  # the first try has just failed and freed the key
        raise StillRunning(f"The first try with this {HEADER} has just ended without an answer. Send it again.")
    if row.fingerprint != fingerprint:
        raise InvalidInput(f"This {HEADER} was used for another request.", field=HEADER, code="key_reused")
    if row.state == IdempotentAnswer.State.ANSWERED:
        return row
    # Compare and swap: of several who find the lock run out, the fence lets one pass. On
    # PostgreSQL the update waits for a first try that is just committing, and then finds it answered.
    taken = _running(row).filter(locked_until__lt=now).update(fence=F("fence") + 1, locked_until=locked_until)
    if not taken:
        raise StillRunning(f"The first try with this {HEADER} is still being answered.")
    row.fence += 1
    return row


def _running(row: IdempotentAnswer) -> QuerySet[IdempotentAnswer]:
    """The row, if it is still this try's to answer."""
    return IdempotentAnswer.objects.filter(pk=row.pk, fence=row.fence, state=IdempotentAnswer.State.RUNNING)


def _store(row: IdempotentAnswer, answer: Answer) -> None:
    """Store the answer in the work's own transaction; undo the work if a later try took over."""
    stored = _running(row).update(
        state=IdempotentAnswer.State.ANSWERED, status_code=answer.status_code, body=answer.body
    )
    if not stored:
        raise StillRunning(f"Another try with this {HEADER} took over.")


def _free(row: IdempotentAnswer) -> None:
    """Let the key be used again. Where even that fails, the lock running out does it."""
    try:
        _running(row).delete()
    except DatabaseError:
        logger.exception("idempotency key not freed", extra={"idempotent_answer": row.pk})
