"""Checkpoints of a session: what each keeps, wherever it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from config.kernel.errors import Conflict, NotFound
from sessions_app.domain.deltas import canonical
from sessions_app.models import Archive, Checkpoint
from sessions_app.selectors.archives import read_body


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointLine:
    """A checkpoint as a list shows it. `archive_id` is where its document is, once it has left the hot tier."""

    id: int
    seq: int
    at: datetime
    reason: str
    tier: str
    store: str
    digest: str
    keeps_text: bool
    windows: dict[str, int]
    gate: dict[str, Any]
    archive_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFacts:
    """A checkpoint with its document and its summary, whose hash agrees."""

    line: CheckpointLine
    document: dict[str, Any]
    summary: str
    sha256: str


def list_checkpoints(
    session_id: UUID, *, before: int | None = None, reason: str | None = None, tier: str | None = None, limit: int
) -> list[CheckpointLine]:
    """Checkpoints of a session, newest first; `before` is the id where the next page begins."""
    rows = Checkpoint.objects.filter(session=session_id).defer("document", "summary").order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    if reason:
        rows = rows.filter(reason=reason)
    if tier:
        rows = rows.filter(tier=tier)
    return [_line(row) for row in rows[:limit]]


def get_checkpoint(session_id: UUID, checkpoint_id: int) -> CheckpointFacts:
    """One checkpoint, read whole. Raises NotFound, or Conflict if it does not agree with its hash."""
    row = Checkpoint.objects.filter(session=session_id, pk=checkpoint_id).select_related("archive").first()
    if row is None:
        raise NotFound("The session has no such checkpoint.", field="checkpoint")
    text = content_of(row) if row.archive is None else _read_archive(row, row.archive)
    if sha256(text.encode()).digest() != bytes(row.sha256):
        raise _damaged(row)
    content: dict[str, Any] = json.loads(text)
    return CheckpointFacts(
        line=_line(row), document=content["document"], summary=content["summary"], sha256=bytes(row.sha256).hex()
    )


def content_of(checkpoint: Checkpoint) -> str:
    """What the hash of a hot checkpoint is of: its document, its summary and its windows, as canonical JSON."""
    content: Mapping[str, Any] = {
        "document": checkpoint.document,
        "summary": checkpoint.summary,
        "windows": checkpoint.windows,
    }
    return canonical(content)


def _read_archive(row: Checkpoint, archive: Archive) -> str:
    try:
        return read_body(archive)
    except Conflict as error:
        raise _damaged(row) from error


def _damaged(row: Checkpoint) -> Conflict:
    detail = f"Checkpoint {row.pk} does not agree with its hash."
    return Conflict(detail, code="checkpoint_damaged", checkpoint_id=row.pk)


def _line(row: Checkpoint) -> CheckpointLine:
    return CheckpointLine(
        id=row.pk,
        seq=row.seq,
        at=row.at,
        reason=row.reason,
        tier=row.tier,
        store=row.store,
        digest=bytes(row.digest).hex(),
        keeps_text=row.keeps_text,
        windows=row.windows,
        gate=row.gate,
        archive_id=row.archive_id,
    )
