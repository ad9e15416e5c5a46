"""Going back: the delta that leads to an earlier state is appended; nothing is rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.errors import Conflict
from config.kernel.transactions import transactional
from sessions_app.domain.deltas import PATCH, digest_of
from sessions_app.domain.wayback import Operation, TooLarge, operations, parts
from sessions_app.models import Session
from sessions_app.selectors.checkpoints import get_checkpoint
from sessions_app.selectors.state import StateFacts, get_state, get_state_at
from sessions_app.services.log import Draft, Writer, active_instance, append, locked
from sessions_app.services.log.writing import MOST_DELTA_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The state after event `seq` is that after `to_seq` again; `changed` items were led back."""

    seq: int
    to_seq: int
    changed: int


@transactional
def restore_checkpoint(
    *,
    session_id: UUID,
    team_id: int,
    checkpoint_id: int,
    writer: Writer,
    base_seq: int | None = None,
    now: datetime,
) -> Restored:
    """Lead the shared state back to a checkpoint. Raises NotFound, and as `restore` does."""
    session = locked(session_id, team_id=team_id)
    facts = get_checkpoint(session.pk, checkpoint_id)
    then = get_state_at(session.pk, facts.line.seq)
    if then.digest != facts.line.digest:
        raise _damaged(facts.line.seq)
    return _restore(session, then, writer, base_seq=base_seq, checkpoint_id=checkpoint_id, now=now)


@transactional
def restore(
    *, session_id: UUID, team_id: int, to_seq: int, writer: Writer, base_seq: int | None = None, now: datetime
) -> Restored:
    """Lead the shared state of a session back to what it was after an event of its log.

    Windows, usage, facts and holds stay as they are: what was spent was spent. Raises NotFound, Conflict
    with code `stale_sequence` if the log has gone on from a `base_seq`, `stale_epoch`, `state_damaged`
    if what the log tells of then does not agree with its digest, or `too_large`.
    """
    session = locked(session_id, team_id=team_id)
    return _restore(session, get_state_at(session.pk, to_seq), writer, base_seq=base_seq, now=now)


def _restore(
    session: Session,
    then: StateFacts,
    writer: Writer,
    *,
    base_seq: int | None,
    checkpoint_id: int | None = None,
    now: datetime,
) -> Restored:
    if base_seq is not None and base_seq != session.head_seq:
        detail = f"The log has gone on to {session.head_seq}."
        raise Conflict(detail, field="base_seq", code="stale_sequence", head_seq=session.head_seq, base_seq=base_seq)
    if digest_of(then.state).hex() != then.digest:
        raise _damaged(then.seq)
    instance = active_instance(session, writer.agent, epoch=writer.epoch) if writer.agent else None
    steps = _steps(session, then)
    changed = sum(map(len, steps))
    for place, delta in enumerate(steps or [[]], start=1):
        facts = {"to_seq": then.seq, "checkpoint": checkpoint_id, "changed": changed, "part": place}
        draft = Draft(
            kind="checkpoint.restored",
            actor=writer.actor,
            facts={**facts, "parts": max(1, len(steps))},
            format=PATCH if delta else "",
            delta=delta or None,
            instance=instance,
        )
        append(session, draft, now=now)
    if bytes(session.digest).hex() != then.digest:
        raise _damaged(session.head_seq)
    return Restored(seq=session.head_seq, to_seq=then.seq, changed=changed)


def _steps(session: Session, then: StateFacts) -> Sequence[list[Operation]]:
    try:
        current = get_state(session.pk).state
        return list(parts(operations(current, then.state), most_bytes=MOST_DELTA_BYTES))
    except TooLarge as error:
        raise Conflict(f"A text at {error} is larger than an event may be.", code="too_large") from error


def _damaged(seq: int) -> Conflict:
    return Conflict(f"The state after event {seq} does not agree with its digest.", code="state_damaged", seq=seq)
