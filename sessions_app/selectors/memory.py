"""Facts of a session, and its memory of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from config.kernel.errors import NotFound
from sessions_app.models import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """A fact as it was recorded. `superseded_by` is the number of the one that has taken its place."""

    id: int
    number: int
    kind: str
    text: str
    agent: str
    is_pinned: bool
    from_seq: int
    superseded_by: int | None
    at: datetime


def list_facts(
    session_id: UUID, *, current_only: bool = True, pinned_only: bool = False, kind: str | None = None
) -> list[FactRow]:
    """Facts of a session, the oldest first."""
    rows = _facts(session_id, current_only=current_only, pinned_only=pinned_only, kind=kind)
    return [_row(each) for each in rows.order_by("number")]


def page_facts(
    session_id: UUID,
    *,
    current_only: bool = True,
    pinned_only: bool = False,
    kind: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[FactRow]:
    """Facts of a session, the newest first; `before` is the number of the last one of a page."""
    rows = _facts(session_id, current_only=current_only, pinned_only=pinned_only, kind=kind)
    if before is not None:
        rows = rows.filter(number__lt=before)
    return [_row(each) for each in rows.order_by("-number")[:limit]]


def _facts(session_id: UUID, *, current_only: bool, pinned_only: bool, kind: str | None) -> QuerySet[Fact]:
    rows = Fact.objects.filter(session_id=session_id).select_related("superseded_by")
    wanted = {"superseded_by": None} if current_only else {}
    if pinned_only:
        rows = rows.filter(is_pinned=True)
    if kind is not None:
        rows = rows.filter(kind=kind)
    return rows.filter(**wanted)


def get_fact(session_id: UUID, number: int) -> FactRow:
    """One fact. Raises NotFound."""
    fact = Fact.objects.filter(session_id=session_id, number=number).select_related("superseded_by").first()
    if fact is None:
        raise NotFound("The session has no fact of that number.", field="number")
    return _row(fact)


def _row(fact: Fact) -> FactRow:
    return FactRow(
        id=fact.number,
        number=fact.number,
        kind=fact.kind,
        text=fact.text,
        agent=fact.agent,
        is_pinned=fact.is_pinned,
        from_seq=fact.from_seq,
        superseded_by=fact.superseded_by.number if fact.superseded_by else None,
        at=fact.at,
    )
