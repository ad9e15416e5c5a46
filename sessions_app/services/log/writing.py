"""Appending to the log of a session, and folding what is appended into its state."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish
from sessions_app.domain.deltas import (
    DeltaError,
    Items,
    Touched,
    canonical,
    changed_items,
    moved_digest,
    text_of_state,
    touched_by,
)
from sessions_app.events import SessionChanged
from sessions_app.models import Event, Instance, Session, StateBody
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import read_head
from sessions_app.services.log.keys import find_archived
from sessions_app.services.log.store import find_active, find_line, find_locked, read_items, write_event

MOST_DELTA_BYTES = 256 * 1024
MOST_STATE_BYTES = 8 * 1024 * 1024
LONGEST_POINTER = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event to append. `delta` is a merge patch (an object) or a patch (a list), by `format`.

    `instance` is who wrote it: it must be the active one of its agent. `key` is stored once per session.
    """

    kind: str
    actor: str
    format: str = Event.Format.NONE
    delta: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    tokens: int = 0
    key: str | None = None
    instance: Instance | None = None


def locked(session_id: UUID, *, team_id: int | None = None, may_be_ended: bool = False) -> Session:
    """The session, locked until the transaction ends. Raises NotFound (also for another team's), or Conflict.

    First of all locks: budgets, instances and items are locked after their session.
    """
    session = find_locked(session_id)
    if session is None or team_id not in (None, session.team_id):
        raise NotFound("There is no such session.", field="session")
    if session.status == Session.Status.ENDED and not may_be_ended:
        raise Conflict("This session has ended.", code="session_ended", head_seq=session.head_seq)
    return session


def active_instance(session: Session, agent: str, *, epoch: int | None = None) -> Instance:
    """The active instance of an agent of a locked session.

    Raises NotFound, or Conflict with code `stale_epoch` if the caller is another life of the agent.
    """
    instance = find_active(session.pk, agent)
    if instance is None:
        raise NotFound("The session has no active agent of that name.", field="agent")
    if epoch is not None and epoch != instance.epoch:
        raise Conflict(
            f"{agent} is in epoch {instance.epoch} now: epoch {epoch} "
            + ("has been taken over." if epoch < instance.epoch else "has not begun."),
            field="epoch",
            code="stale_epoch",
            epoch=instance.epoch,
        )
    return instance


def find_event(session: Session, key: str) -> Event | None:
    """The event that was stored under a key of the caller, also where it has left the log in the last 48 hours."""
    return find_line(session.pk, key) or find_archived(session, key)


def append(session: Session, draft: Draft, *, now: datetime) -> int:
    """Append to the log of a locked session and return the number of the event.

    One transaction: the event, the items that it changes, the head. Raises InvalidInput naming `delta`,
    Conflict if a test of a patch fails (`test_failed`) or an instance is no longer active (`stale_epoch`).
    """
    if draft.instance is not None and draft.instance.status != Instance.Status.ACTIVE:
        raise Conflict("This instance is not active.", field="epoch", code="stale_epoch")
    delta = text_of_delta(draft)
    before = read_items(session, touched_of(draft)) if draft.format else {}
    written, gone = advance(session, draft, before, delta=delta, now=now)
    write_event(session, line_of_draft(draft, delta), written, gone)
    if has_body(session):
        store_body(session)
    tell(session, draft)
    return session.head_seq


def tell(session: Session, draft: Draft) -> None:
    """Publish that the log has a new line."""
    publish(
        SessionChanged(
            session_id=session.pk,
            team_id=session.team_id,
            seq=session.head_seq,
            kind=draft.kind,
            at=session.last_event_at,
        )
    )


def line_of_draft(draft: Draft, delta: str) -> dict[str, Any]:
    """The event's own columns (`store.OWN`)."""
    return {
        "kind": draft.kind,
        "actor": draft.actor,
        "instance_id": draft.instance.pk if draft.instance else None,
        "format": str(draft.format),
        "delta": delta,
        "facts": draft.facts,
        "tokens": draft.tokens,
        "key": draft.key,
    }


def _require_storable(keys: Iterable[str]) -> None:
    """PostgreSQL keeps no NUL and no half of a surrogate pair in a text; in values both stand escaped."""
    for key in keys:
        if "\0" in key or key.encode(errors="ignore").decode() != key:
            raise InvalidInput("A name in a state has no NUL and no half of a surrogate pair.", field="delta")


def text_of_delta(draft: Draft) -> str:
    """What the log keeps of it. Raises InvalidInput if it is too long, or holds a number that JSON does not have."""
    try:
        delta = canonical(draft.delta) if draft.format else ""
    except ValueError as error:
        raise InvalidInput(
            "A number of the delta is beyond what JSON holds.", field="delta", code="not_finite"
        ) from error
    if len(delta) > MOST_DELTA_BYTES:
        raise InvalidInput(f"A delta has at most {MOST_DELTA_BYTES} bytes.", field="delta", code="too_large")
    return delta


def touched_of(draft: Draft) -> Touched:
    """The items that have to be read before its delta can be folded in. Raises InvalidInput."""
    try:
        touched = touched_by(draft.format, draft.delta)
    except DeltaError as error:
        raise InvalidInput(str(error), field="delta") from error
    _require_storable(touched.exact | touched.below)
    return touched


def advance(session: Session, draft: Draft, before: Items, *, delta: str, now: datetime) -> tuple[Items, set[str]]:
    """Move the head in `session` on by one event; the items that it writes and those that go.

    `before` holds the items that it touches, `delta` its text. Nothing is stored. Raises as `append` does.
    """
    session.head_seq += 1
    session.last_event_at = max(now, session.last_event_at)
    changes = _folded(session, draft, before, delta) if draft.format else ({}, set())
    _plan_body(session)
    return changes


def _folded(session: Session, draft: Draft, before: Items, delta: str) -> tuple[Items, set[str]]:
    session.delta_bytes += len(delta)
    try:
        written, gone = changed_items(before, draft.format, draft.delta)
    except DeltaError as error:
        if error.is_conflict:
            raise Conflict(str(error), field="delta", code="test_failed", head_seq=session.head_seq - 1) from error
        raise InvalidInput(str(error), field="delta") from error
    _require_storable(written)
    if longest := next((key for key in written if len(key) > LONGEST_POINTER), None):
        raise InvalidInput(f"The name {longest[:60]}... is too long.", field="delta", code="too_long")
    replaced = {key: text for key, text in before.items() if key in gone or key in written}
    session.digest = moved_digest(bytes(session.digest), gone=replaced.items(), come=written.items())
    session.state_bytes += sum(map(len, written.values())) - sum(map(len, replaced.values()))
    if session.state_bytes > MOST_STATE_BYTES:
        raise InvalidInput(f"A state has at most {MOST_STATE_BYTES} bytes.", field="delta", code="too_large")
    return written, gone


def _plan_body(session: Session) -> None:
    """Let the head have a whole state if enough was written since the last one."""
    terms = terms_of(session).checkpoints
    due_bytes = session.state_bytes * terms.body_percent // 100
    if session.head_seq - session.body_seq >= terms.body_events and session.delta_bytes >= due_bytes:
        session.body_seq, session.delta_bytes = session.head_seq, 0


def has_body(session: Session) -> bool:
    """Whether the whole state is stored with the event at the head."""
    return session.body_seq == session.head_seq


def store_body(session: Session) -> None:
    """Store the whole state at the head of a session whose row is locked, or was changed, by this transaction."""
    text = text_of_state(read_head(session.pk)[1]).encode()
    StateBody.objects.create(
        session=session, seq=session.head_seq, sha256=sha256(text).digest(), body=zlib.compress(text, 6)
    )


def parsed(delta: str) -> Any:
    """A stored delta as values."""
    return json.loads(delta)
