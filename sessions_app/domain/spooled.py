"""A checkpoint that waits outside of the database: what it says, and how one knows that it is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sessions_app.domain.continuity import readable
from sessions_app.domain.deltas import canonical
from sessions_app.domain.words import Reason

VERSION = 1
MOST_EMERGENCY_BYTES = 1000
MOST_ACTOR_BYTES = 120
"""Of the name of who asked, as JSON in an emergency record."""


class Damaged(ValueError):
    """A file that is not what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """What was asked for. `seq` is the head of the log as it was last seen, where it was seen.

    An agent that asked is known again by `agent_hash` (`hash_of_agent`) and its epoch. `is_short`: the
    emergency record, which keeps the point and the first words of the summary only.
    """

    key: str
    session_id: UUID
    team_id: int
    reason: Reason
    actor: str
    at: datetime
    agent_hash: str | None = None
    epoch: int | None = None
    seq: int | None = None
    summary: str | None = None
    source: str | None = None
    notes: Mapping[str, list[str]] = field(default_factory=dict)
    is_short: bool = False

    @property
    def name(self) -> str:
        """Of its file: the same key again is the same file."""
        return sha256(f"{self.session_id}\0{self.key}".encode()).hexdigest()[:40]


def hash_of_agent(agent: str) -> str:
    """A name of any length and letters in so many characters that a short record has room for it."""
    return sha256(agent.encode("utf-8", "replace")).hexdigest()[:32]


def written(entry: Spooled) -> str:
    """The text of a file: an entry and its SHA-256."""
    body = {
        "version": VERSION,
        "key": entry.key,
        "session": str(entry.session_id),
        "team": entry.team_id,
        "reason": entry.reason.value,
        "actor": readable(entry.actor),
        "at": entry.at.isoformat(),
        "agent_hash": entry.agent_hash,
        "epoch": entry.epoch,
        "seq": entry.seq,
        "summary": entry.summary,
        "source": entry.source,
        "notes": dict(entry.notes),
        "is_short": entry.is_short,
    }
    return canonical({"entry": body, "sha256": _hash(body)})


def read(text: str) -> Spooled:
    """An entry from the text of its file. Raises Damaged."""
    try:
        file = json.loads(text)
        body = file["entry"]
        if file["sha256"] != _hash(body):
            raise Damaged("Its hash does not agree.")
        if body["version"] != VERSION:
            raise Damaged("It is of another version.")
        return Spooled(
            key=body["key"],
            session_id=UUID(body["session"]),
            team_id=body["team"],
            reason=Reason(body["reason"]),
            actor=body["actor"],
            at=datetime.fromisoformat(body["at"]),
            agent_hash=body["agent_hash"],
            epoch=body["epoch"],
            seq=body["seq"],
            summary=body["summary"],
            source=body["source"],
            notes=body["notes"],
            is_short=body["is_short"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(str(error)) from error


def shortened(entry: Spooled) -> Spooled:
    """The emergency record of an entry: its file has less than a kilobyte."""
    words = " ".join((entry.summary or "").split())
    short = _short(entry, None)
    room = MOST_EMERGENCY_BYTES - len(written(short))
    return _short(entry, _cut(words, room) or None)


def _cut(words: str, most_bytes: int) -> str:
    """The first words, as far as they fit: a letter takes up to twelve bytes of JSON."""
    while words and len(canonical(words)) > most_bytes:
        words = words[: len(words) * 3 // 4]
    return words


def _short(entry: Spooled, summary: str | None) -> Spooled:
    return Spooled(
        key=entry.key,
        session_id=entry.session_id,
        team_id=entry.team_id,
        reason=entry.reason,
        actor=_cut(entry.actor, MOST_ACTOR_BYTES),
        at=entry.at,
        agent_hash=entry.agent_hash,
        epoch=entry.epoch,
        seq=entry.seq,
        summary=summary,
        is_short=True,
    )


def _hash(body: Any) -> str:
    return sha256(canonical(body).encode()).hexdigest()
