"""Where the items of a state are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sessions_app.models import StateItem


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRow:
    """An item of a state without its value."""

    id: int
    key: str
    tier: str
    bytes: int
    salience: float
    changed_seq: int
    read_at: datetime | None


def list_tiers(
    session_id: UUID, *, tier: str | None = None, before: int | None = None, limit: int = 50
) -> list[TierRow]:
    """Items of the state of a session, the newest rows first; `before` is the id of the last one of a page."""
    wanted = {"tier": tier, "pk__lt": before}
    rows = StateItem.objects.filter(session_id=session_id, **{name: each for name, each in wanted.items() if each})
    columns = ("id", "key", "tier", "bytes", "salience", "changed_seq", "read_at")
    return [TierRow(**each) for each in rows.order_by("-pk").values(*columns)[:limit]]
