"""A whole session as one JSON document, with the hash of each of its parts."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import Field, Model

from config.kernel.errors import NotFound
from sessions_app.domain.deltas import canonical
from sessions_app.models import (
    Archive,
    Checkpoint,
    ContextItem,
    ExhaustionForecast,
    Fact,
    Handoff,
    HandoffMember,
    Instance,
    Proposal,
    Round,
    Session,
    StateItem,
    ThreadBlob,
    ThreadCheckpoint,
    ThreadWrite,
    Turn,
    Usage,
)
from sessions_app.selectors.state import lines_between

FORMAT = "commonwatt.session"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A table of a session in its document. `path` leads from its rows to the session; `left_out` stays here."""

    name: str
    model: type[Model]
    path: str = "session"
    left_out: tuple[str, ...] = ()


PARTS = (
    Part("instances", Instance, left_out=("budget_id",)),
    Part("archives", Archive),
    Part("state_items", StateItem),
    Part("facts", Fact),
    Part("checkpoints", Checkpoint),
    Part("context_items", ContextItem, path="instance__session"),
    Part("usage", Usage, left_out=("hold_id",)),
    Part("handoffs", Handoff),
    Part("handoff_members", HandoffMember, path="handoff__session"),
    Part("forecasts", ExhaustionForecast),
    Part("proposals", Proposal),
    Part("rounds", Round),
    Part("turns", Turn, path="round__session"),
    Part("thread_checkpoints", ThreadCheckpoint),
    Part("thread_blobs", ThreadBlob),
    Part("thread_writes", ThreadWrite),
)
"""Tables in the order in which they are read back: a row stands after those that it points to.

Not among them: bodies of the state, which the log yields; holds, budgets and likenesses, which are of one deployment.
Archives of events are told as events. What was said in a blind cycle that is not over is nobody's to read.
"""
SESSION_COLUMNS = (
    "name",
    "external_id",
    "purpose",
    "status",
    "mode",
    "profile",
    "overrides",
    "task",
    "created_at",
    "ended_at",
    "head_seq",
    "last_event_at",
    "digest",
    "tokens_used",
    "tokens_since_checkpoint",
    "last_checkpoint_at",
    "last_checkpoint_seq",
)


def export_session(session_id: UUID, *, now: datetime) -> dict[str, Any]:
    """The document. For one moment only if the caller's transaction is one; raises NotFound.

    Raises Conflict with code `archive_damaged` if something archived is not what it was.
    """
    session = Session.objects.select_related("policy").filter(pk=session_id).first()
    if session is None:
        raise NotFound("There is no such session.", field="session")
    parts: dict[str, Any] = {
        "policy": {"name": session.policy.name, "version": session.policy.version, "body": session.policy.body},
        "session": {name: encoded(Session._meta.get_field(name), session) for name in SESSION_COLUMNS},
        "events": list(lines_between(session_id, 0, session.head_seq)),
        **{part.name: _rows(part, session_id) for part in PARTS},
    }
    hashes = {name: hash_of(part) for name, part in parts.items()}
    return {"format": FORMAT, "version": VERSION, "exported_at": now.isoformat(), "sha256": hashes, "parts": parts}


def hash_of(part: Any) -> str:
    """SHA-256 of a part's canonical JSON, in hex."""
    return sha256(canonical(part).encode()).hexdigest()


def columns_of(part: Part) -> list[Field[Any, Any]]:
    """The columns of a table that its document has."""
    left_out = {"session_id", *part.left_out}
    return [field for field in part.model._meta.concrete_fields if field.attname not in left_out and _is_ours(field)]


def encoded(field: Any, row: Model) -> Any:
    """A value as JSON has it: bytes in base 64, times in ISO 8601, ids as texts."""
    value = getattr(row, field.attname)
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _is_ours(field: Field[Any, Any]) -> bool:
    """Whether a column says something outside of this deployment: people and budgets are of this one."""
    return field.related_model is None or field.related_model._meta.app_label == "sessions_app"  # type: ignore[union-attr]


def _rows(part: Part, session_id: UUID) -> list[dict[str, Any]]:
    columns = columns_of(part)
    rows = part.model._default_manager.filter(**{part.path: session_id}).order_by("pk")
    if part.model is Archive:
        rows = rows.exclude(kind=Archive.Kind.EVENTS)
    if part.model is Turn:
        rows = rows.exclude(round__status=Round.Status.OPEN, round__cycle=1)
    return [{field.attname: encoded(field, row) for field in columns} for row in rows.iterator(chunk_size=500)]
