"""One answer per Idempotency-Key, whatever the number of tries, races and crashes.

The key is claimed in a transaction of its own, so that others see it at once. The answer is
stored in the transaction of the work itself: either both exist after a crash or neither.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, QuerySet

from accounts.models import IdempotentAnswer
from config.kernel.errors import DomainError, InvalidInput, StillRunning
from config.kernel.transactions import in_transaction

logger = logging.getLogger(__name__)

LOCK_SECONDS = 60
LONGEST_KEY_CHARACTERS = 255
HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: HTTP status and JSON body."""

    status_code: int
    body: dict[str, Any]
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A team's Idempotency-Key for one request. Raises InvalidInput if the key is malformed."""

    team_id: int
    key: str
    fingerprint: str

    def __post_init__(self) -> None:
        _check_key(self.key)

    @property
    def name(self) -> tuple[int, str]:
        """What makes two claims one."""
        return self.team_id, self.key


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
        return in_transaction(work)
    _check_key(key)
    row = _claim(team_id=team_id, key=key, fingerprint=fingerprint, now=now)
    if row.state == IdempotentAnswer.State.ANSWERED:
        return _answer_of(row)

    def work_and_store() -> Answer:
        answer = work()
        _store(row, answer)
        return answer

    try:
        return in_transaction(work_and_store)
    except BaseException:
        _free(row)
        raise


def recall_answers(claims: Iterable[Claim], *, now: datetime) -> dict[Claim, Answer | DomainError | None]:
    """What is known of several claims at once: the stored answer, or why there is none to give.

    None stands for a try that died: `answer_once` takes it over. Claims that nobody made before are
    left out. For work of several that share one transaction, which ends with `keep_answers`: no
    claim is committed before the work, so a crash leaves the keys free.
    """
    asked = {claim.name: claim for claim in claims}
    teams, keys = {team_id for team_id, _ in asked}, {key for _, key in asked}
    rows = {(row.team_id, row.key): row for row in IdempotentAnswer.objects.filter(team__in=teams, key__in=keys)}
    return {claim: _recalled(rows[claim.name], claim, now=now) for claim in claims if claim.name in rows}


def replay_within(claim: Claim, first: Claim, answer: Answer) -> Answer | DomainError:
    """The answer to a claim that came together with the first of its name."""
    return replace(answer, is_replay=True) if claim.fingerprint == first.fingerprint else _reused()


def keep_answers(answered: Sequence[tuple[Claim, Answer]], *, now: datetime) -> None:
    """Store answers in the transaction of their work. Raises IntegrityError if somebody else took a key meanwhile."""
    IdempotentAnswer.objects.bulk_create(
        IdempotentAnswer(
            team_id=claim.team_id,
            key=claim.key,
            fingerprint=claim.fingerprint,
            state=IdempotentAnswer.State.ANSWERED,
            status_code=answer.status_code,
            body=answer.body,
            created_at=now,
            locked_until=now,
        )
        # In one order everywhere: two who store the same keys wait for each other, never in a circle.
        for claim, answer in sorted(answered, key=lambda pair: pair[0].name)
    )


def forget_old_answers(*, now: datetime) -> int:
    """Delete answers that are older than the promise to keep them; return how many."""
    count, _ = IdempotentAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return count


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
        raise _reused()
    if row.state == IdempotentAnswer.State.ANSWERED:
        return row
    # Compare and swap: of several who find the lock run out, the fence lets one pass. On
    # PostgreSQL the update waits for a first try that is just committing, and then finds it answered.
    taken = _running(row).filter(locked_until__lt=now).update(fence=F("fence") + 1, locked_until=locked_until)
    if not taken:
        raise _still_running()
    row.fence += 1
    return row


def _recalled(row: IdempotentAnswer, claim: Claim, *, now: datetime) -> Answer | DomainError | None:
    if row.fingerprint != claim.fingerprint:
        return _reused()
    if row.state == IdempotentAnswer.State.ANSWERED:
        return _answer_of(row)
    return None if row.locked_until < now else _still_running()


def _answer_of(row: IdempotentAnswer) -> Answer:
    return Answer(row.status_code or 200, row.body or {}, is_replay=True)


def _reused() -> InvalidInput:
    return InvalidInput(f"This {HEADER} was used for another request.", field=HEADER, code="key_reused")


def _still_running() -> StillRunning:
    return StillRunning(f"The first try with this {HEADER} is still being answered.")


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
