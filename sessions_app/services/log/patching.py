"""Deltas from outside: compare-and-set on the number of the last event that the writer has seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from config.kernel.errors import Conflict, InvalidInput
from config.kernel.transactions import retried, transactional
from sessions_app.domain.deltas import canonical, touched_by
from sessions_app.models import Session
from sessions_app.selectors.events import list_events
from sessions_app.selectors.state import lines_between
from sessions_app.services.log.unlocked import append_unlocked
from sessions_app.services.log.writing import Draft, active_instance, append, find_event, locked, parsed

MOST_REBASED_EVENTS = 500
MOST_TOLD_EVENTS = 100
LONGEST_KEY_CHARACTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes; as an agent, in which epoch it believes itself to be."""

    actor: str
    agent: str | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """What became of a delta: its number in the log. `was_rebased`: others wrote elsewhere in the state meanwhile."""

    seq: int
    was_rebased: bool = False
    was_replayed: bool = False


def patch_state(
    *,
    session_id: UUID,
    team_id: int,
    base_seq: int,
    format: str,
    delta: Any,
    writer: Writer,
    key: str | None = None,
    may_rebase: bool = False,
    now: datetime,
) -> Patched:
    """Append a delta if the writer has seen the whole log, up to `base_seq`.

    With `may_rebase` a delta is also taken if none of the items that it touches was touched since. The
    same `key` again answers with the event that it stored. Raises Conflict with code `stale_sequence`
    and `head_seq` for who has lost: read on from `base_seq`, then try again. Raises as `append` does.
    """
    draft = Draft(kind="state.changed", actor=writer.actor, format=format, delta=delta, key=key)
    if writer.agent is None and key is None and not connection.in_atomic_block:
        seq = retried(lambda: append_unlocked(session_id, draft, team_id=team_id, base_seq=base_seq, now=now))
        if seq is not None:
            return Patched(seq=seq)
    return _patch_locked(session_id, team_id, base_seq, draft, writer=writer, may_rebase=may_rebase, now=now)


@transactional
def _patch_locked(
    session_id: UUID, team_id: int, base_seq: int, draft: Draft, *, writer: Writer, may_rebase: bool, now: datetime
) -> Patched:
    session = locked(session_id, team_id=team_id)
    if draft.key is not None and (known := find_event(session, draft.key)) is not None:
        if (known.format, known.delta) != (draft.format, canonical(draft.delta)):
            raise InvalidInput("This key was used for another event.", field="Idempotency-Key", code="key_reused")
        return Patched(seq=known.seq, was_replayed=True)
    instance = active_instance(session, writer.agent, epoch=writer.epoch) if writer.agent else None
    was_rebased = base_seq != session.head_seq
    if was_rebased and not (may_rebase and _is_apart(session, base_seq, draft.format, draft.delta)):
        raise Conflict(
            f"The log has gone on to {session.head_seq}; this delta was made at {base_seq}.",
            field="base_seq",
            code="stale_sequence",
            head_seq=session.head_seq,
            base_seq=base_seq,
        )
    return Patched(seq=append(session, replace(draft, instance=instance), now=now), was_rebased=was_rebased)


def patch_from_outside(*, session_id: UUID, base_seq: int, key: str | None, **values: Any) -> Patched:
    """`patch_state`; who has lost is told the events since, oldest first, as far as they are few.

    Raises also InvalidInput for a key that is none.
    """
    if key is not None and not (key.strip() and len(key) <= LONGEST_KEY_CHARACTERS and key.isascii()):
        words = f"A key has 1 to {LONGEST_KEY_CHARACTERS} ASCII characters."
        raise InvalidInput(words, field="Idempotency-Key")
    try:
        return patch_state(session_id=session_id, base_seq=base_seq, key=key, **values)
    except Conflict as refusal:
        if refusal.code == "stale_sequence":
            # Outside of the lock: what is in the log does not change.
            refusal.facts["events"] = _told(session_id, base_seq, refusal.facts["head_seq"])
        raise


def _told(session_id: UUID, base_seq: int, head_seq: int) -> list[dict[str, Any]] | None:
    if not 0 <= head_seq - base_seq <= MOST_TOLD_EVENTS:
        return None
    rows = list_events(session_id, after=base_seq, before=head_seq + 1, with_deltas=True, limit=MOST_TOLD_EVENTS)
    return [
        {"seq": each.seq, "kind": each.kind, "agent": each.agent, "format": each.format, "delta": each.delta}
        for each in rows
    ]


def _is_apart(session: Session, base_seq: int, format: str, delta: Any) -> bool:
    """Whether no event after `base_seq` touched an item that this delta touches."""
    if not 0 <= base_seq < session.head_seq or session.head_seq - base_seq > MOST_REBASED_EVENTS:
        return False
    own = touched_by(format, delta)
    lines = lines_between(session.pk, base_seq, session.head_seq)
    return not any(own.meets(touched_by(line["format"], parsed(line["delta"]))) for line in lines if line["format"])
