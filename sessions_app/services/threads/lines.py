"""Checkpoints, values and writes of a thread as an archive keeps them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from sessions_app.domain.deltas import canonical
from sessions_app.models import Session, ThreadBlob, ThreadCheckpoint, ThreadWrite


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Rows of a thread."""

    checkpoints: Sequence[ThreadCheckpoint]
    blobs: Sequence[ThreadBlob]
    writes: Sequence[ThreadWrite]


def archived(lines: Lines) -> str:
    """The body of an archive."""
    return canonical(
        {
            "checkpoints": [_line(row) for row in lines.checkpoints],
            "blobs": [_line(row) for row in lines.blobs],
            "writes": [_line(row) for row in lines.writes],
        }
    )


def unarchived(body: str, session: Session) -> Lines:
    """The rows of an archive, not stored yet, of this session."""
    told = json.loads(body)
    return Lines(
        checkpoints=[ThreadCheckpoint(session=session, **_values(line)) for line in told["checkpoints"]],
        blobs=[ThreadBlob(session=session, **_values(line)) for line in told["blobs"]],
        writes=[ThreadWrite(session=session, **_values(line)) for line in told["writes"]],
    )


def _line(row: Model) -> dict[str, Any]:
    names = [field.attname for field in row._meta.concrete_fields if field.attname not in ("id", "session_id")]
    values = {name: getattr(row, name) for name in names}
    return {**values, "body": b64encode(bytes(values["body"])).decode()}


def _values(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "body": b64decode(line["body"])}
