"""Reads of holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from budgets.models import Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueHold:
    """A reservation whose lease has run out."""

    hold_id: UUID
    reference: str


def list_overdue_holds(*, now: datetime, limit: int = 500) -> list[OverdueHold]:
    """Reservations whose lease has run out, oldest first."""
    rows = Hold.objects.filter(status=Hold.Status.RESERVED, lease_expires_at__lte=now).order_by("lease_expires_at")
    return [OverdueHold(hold_id=row.pk, reference=row.reference) for row in rows[:limit]]


def count_open_holds(*, team_ids: frozenset[int] | None) -> int:
    """Holds that still reserve something; None means of all teams."""
    rows = Hold.objects.filter(status__in=Hold.OPEN)
    return rows.count() if team_ids is None else rows.filter(budget__team__in=team_ids).count()
