"""Reads of holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from budgets.domain.quota import QUOTA_PREFIX
from budgets.domain.resizing import PLAN_PREFIX
from budgets.domain.units import Amounts
from budgets.models import Hold

OF_NO_WORK = (
    Q(reference__startswith="escrow:") | Q(reference__startswith=PLAN_PREFIX) | Q(reference__startswith=QUOTA_PREFIX)
)
"""Blocks in escrow, holds of plans and quota on offer: they stand for work, and are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueHold:
    """A hold whose lease has run out."""

    hold_id: UUID
    reference: str
    is_dispatched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLease:
    """How long a hold lasts, and who may change it: `fence` is the number to show with the next change.

    `held` is what was held, in steps.
    """

    id: UUID
    status: str
    fence: int
    expires_at: datetime
    held: Amounts

    @property
    def is_open(self) -> bool:
        """Whether it reserves something still."""
        return self.status in Hold.OPEN


def find_hold_leases(hold_ids: Iterable[UUID]) -> dict[UUID, HoldLease]:
    """These holds by id; one that does not exist is left out."""
    rows = Hold.objects.in_bulk(list(hold_ids))
    return {
        pk: HoldLease(
            id=pk,
            status=row.status,
            fence=row.fence,
            expires_at=row.lease_expires_at,
            held=Amounts.in_columns(row),
        )
        for pk, row in rows.items()
    }


def overdue(*, now: datetime) -> QuerySet[Hold]:
    """Open holds whose lease has run out, oldest first; blocks in escrow and plan holds have no such end."""
    rows = Hold.objects.filter(status__in=Hold.OPEN, lease_expires_at__lte=now)
    return rows.exclude(OF_NO_WORK).order_by("lease_expires_at")


def list_overdue_holds(*, now: datetime, reference_prefix: str = "", limit: int = 500) -> list[OverdueHold]:
    """Holds whose lease has run out and whose reference begins like that, oldest first."""
    rows = overdue(now=now).filter(reference__startswith=reference_prefix)
    return [
        OverdueHold(hold_id=row.pk, reference=row.reference, is_dispatched=row.status == Hold.Status.DISPATCHED)
        for row in rows[:limit]
    ]


def count_open_holds(*, team_ids: frozenset[int] | None) -> int:
    """Holds of work that still reserve something; None means of all teams."""
    rows = Hold.objects.filter(status__in=Hold.OPEN).exclude(OF_NO_WORK)
    return rows.count() if team_ids is None else rows.filter(budget__team__in=team_ids).count()
