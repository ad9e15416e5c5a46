"""Making checkpoints. The state itself needs no copy: it is folded from the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from config.kernel.errors import Conflict
from sessions_app.domain.continuity import Notes
from sessions_app.domain.words import Reason
from sessions_app.models import Checkpoint, Session
from sessions_app.selectors.checkpoints import content_of
from sessions_app.selectors.continuity import get_continuity, get_continuity_at
from sessions_app.selectors.policies import terms_of
from sessions_app.services.checkpoints.drafting import Drafted
from sessions_app.services.checkpoints.keeping import archive_older
from sessions_app.services.checkpoints.telling import Told, tell
from sessions_app.services.log import Draft, append, find_event
from sessions_app.services.memory import refresh_likeness

EVERY_FEW_CALLS = frozenset({Reason.TOKENS, Reason.THRESHOLD})
"""Checkpoints that are made within a call: what the session is found by is looked at by the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an agent brings along: its own summary, the text that it is a summary of, and lines for the document.

    `draft` is a model's summary, for where there is none of an agent.
    """

    summary: str | None = None
    source: str | None = None
    notes: Notes = field(default_factory=Notes)
    draft: Drafted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a checkpoint got here. `key` makes it once, `seq` is the point of the log that was meant."""

    store: str = Checkpoint.Store.DATABASE
    key: str | None = None
    seq: int | None = None


def make_checkpoint(
    session: Session,
    *,
    reason: Reason,
    actor: str,
    now: datetime,
    summary: str | None = None,
    said: Said | None = None,
    origin: Origin | None = None,
) -> Checkpoint:
    """Make a checkpoint of a locked session, within the caller's transaction.

    Its number in the log is that of its own event, which changes nothing in the state. It is read back
    before the transaction goes on; older ones than the policy keeps hot leave for the archive. A summary
    is taken only if the gate finds nothing against it: else the text itself is kept. The same `origin.key`
    again answers with the checkpoint that it made. Raises InvalidInput naming `source` for a summary of
    an agent of which no text is known, Conflict with code `checkpoint_damaged`.
    """
    origin, said = origin or Origin(), said or Said(summary=summary)
    if origin.key and (made := find_made(session, origin.key)):
        return made
    told = tell(session, summary=said.summary, source=said.source, draft=said.draft)
    checkpoint = _draft(session, reason, told, said.notes, origin)
    facts = {
        "seq": checkpoint.seq,
        "reason": reason.value,
        "store": origin.store,
        "keeps_text": told.keeps_text,
        "summary_tokens": told.tokens,
    }
    draft = Draft(kind="checkpoint.made", actor=actor, facts=facts, key=origin.key)
    seq = append(session, draft, now=now)
    checkpoint.at = session.last_event_at
    checkpoint.save(force_insert=True)
    _read_back(checkpoint)
    session.tokens_since_checkpoint = 0
    session.last_checkpoint_at, session.last_checkpoint_seq = session.last_event_at, seq
    session.save(update_fields=["tokens_since_checkpoint", "last_checkpoint_at", "last_checkpoint_seq"])
    archive_older(session, now=now)
    if reason not in EVERY_FEW_CALLS:
        refresh_likeness(session, now=now)
    return checkpoint


def checkpoint_if_due(
    session: Session, *, actor: str, now: datetime, draft: Drafted | None = None
) -> Checkpoint | None:
    """Make the checkpoint that tokens used or time passed make due in a locked session; None if none is."""
    reason = due(session, now=now)
    return make_checkpoint(session, reason=reason, actor=actor, now=now, said=Said(draft=draft)) if reason else None


def due(session: Session, *, now: datetime) -> Reason | None:
    """Why a checkpoint is due. Time alone makes none due where nothing has happened since the last."""
    terms = terms_of(session).checkpoints
    if session.tokens_since_checkpoint >= terms.every_tokens:
        return Reason.TOKENS
    since = session.last_checkpoint_at or session.created_at
    is_old = now - since >= timedelta(minutes=terms.every_minutes)
    return Reason.TIME if is_old and session.head_seq > session.last_checkpoint_seq else None


def find_made(session: Session, key: str) -> Checkpoint | None:
    """The checkpoint that was made under a key. Raises Conflict if another event has it."""
    event = find_event(session, key)
    if event is None:
        return None
    if event.kind != "checkpoint.made":
        raise Conflict("This key was used for another event.", field="Idempotency-Key", code="key_reused")
    return Checkpoint.objects.get(session=session, seq=event.facts["seq"], reason=event.facts["reason"])


def _draft(session: Session, reason: Reason, told: Told, notes: Notes, origin: Origin) -> Checkpoint:
    """A checkpoint with all but its time."""
    own_seq = session.head_seq + 1
    if origin.seq is None or _is_taken(session, origin.seq, reason):
        point, document = get_continuity(session, as_seq=own_seq, notes=notes)
    else:
        point, document = get_continuity_at(session, origin.seq, notes=notes)
    checkpoint = Checkpoint(
        session=session,
        seq=point.seq,
        reason=reason.value,
        store=origin.store,
        digest=bytes.fromhex(point.digest),
        document=document.body,
        summary=told.text,
        keeps_text=told.keeps_text,
        gate={**told.gate, "document_tokens": document.tokens},
        windows={seat.agent: seat.context_tokens for seat in point.seats},
    )
    checkpoint.sha256 = sha256(content_of(checkpoint).encode()).digest()
    return checkpoint


def _is_taken(session: Session, seq: int, reason: Reason) -> bool:
    return Checkpoint.objects.filter(session=session, seq=seq, reason=reason.value).exists()


def _read_back(checkpoint: Checkpoint) -> None:
    stored = Checkpoint.objects.get(pk=checkpoint.pk)
    if sha256(content_of(stored).encode()).digest() != bytes(checkpoint.sha256):
        raise Conflict("The checkpoint was not stored as it was made.", code="checkpoint_damaged")
