"""A checkpoint that somebody asks for, kept somewhere even if the database fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

from config.kernel.transactions import transactional
from sessions_app.domain.spooled import Spooled, hash_of_agent
from sessions_app.domain.words import Reason
from sessions_app.selectors.spool import has_waiting
from sessions_app.services.checkpoints.making import Origin, Said, make_checkpoint
from sessions_app.services.checkpoints.replaying import STORE_FAILED, replay_spool
from sessions_app.services.checkpoints.spool import put_aside
from sessions_app.services.log import Writer, active_instance, locked
from sessions_app.services.thinking import thinking_first

MOST_REPLAYED_IN_PASSING = 20
"""So many are replayed by whoever asks for the next checkpoint; the tender takes the rest."""


@dataclass(slots=True, kw_only=True)
class CheckpointAsk:
    """What is asked for. `seq` becomes the head of the log as it was seen, if the database came so far."""

    session_id: UUID
    team_id: int
    reason: Reason
    writer: Writer
    said: Said = field(default_factory=Said)
    key: str = field(default_factory=lambda: key_of(str(uuid4())))
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where a checkpoint is kept: `database` with its id, else `spool`, `emergency` or `log` until it is replayed."""

    store: str
    key: str
    checkpoint_id: int | None = None


def key_of(name: str) -> str:
    """The key in the log of a checkpoint that a caller names."""
    return f"checkpoint:{sha256(name.encode()).hexdigest()}"


@thinking_first
@transactional
def ask_checkpoint(*, ask: CheckpointAsk, now: datetime) -> Kept:
    """Make the checkpoint in the database, once per key. Raises as `make_checkpoint` and `active_instance` do."""
    session = locked(ask.session_id, team_id=ask.team_id)
    ask.seq = session.head_seq
    if ask.writer.agent:
        active_instance(session, ask.writer.agent, epoch=ask.writer.epoch)
    origin = Origin(key=ask.key)
    made = make_checkpoint(session, reason=ask.reason, actor=ask.writer.actor, now=now, said=ask.said, origin=origin)
    return Kept(store=made.store, key=ask.key, checkpoint_id=made.pk)


def save_checkpoint(*, ask: CheckpointAsk, now: datetime, work: Callable[[], Kept] | None = None) -> Kept:
    """Keep a checkpoint on the highest rung that holds: the database, a spool file, an emergency record, the log.

    `work` is what asks the database, `ask_checkpoint` unless told otherwise. Must not be called inside a
    transaction. What waits from before is replayed once the database has answered.
    """
    try:
        kept = work() if work else ask_checkpoint(ask=ask, now=now)
    except STORE_FAILED:
        return keep_aside(ask, now=now)
    if has_waiting():
        replay_spool(now=now, most=MOST_REPLAYED_IN_PASSING)
    return kept


def keep_aside(ask: CheckpointAsk, *, now: datetime) -> Kept:
    """Keep it outside of the database until that is back. Whoever asks again under the same key adds nothing."""
    entry = Spooled(
        key=ask.key,
        session_id=ask.session_id,
        team_id=ask.team_id,
        reason=ask.reason,
        actor=ask.writer.actor,
        at=now,
        agent_hash=hash_of_agent(ask.writer.agent) if ask.writer.agent else None,
        epoch=ask.writer.epoch,
        seq=ask.seq,
        summary=ask.said.summary,
        source=ask.said.source,
        notes={name: list(lines) for name, lines in ask.said.notes.lines.items()},
    )
    return Kept(store=put_aside(entry), key=ask.key)
