"""Which budgets lie idle, and which turned work away meanwhile. For who looks for hoarding."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Sum

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.models import Budget, SpendBucket
from budgets.selectors.escrow import free_in_escrow


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetIdleness:
    """A budget without others below it, in steps of its unit. `used` in a span; `free` now: not reserved, not on offer.

    `period_hours` None: it does not end by itself.
    """

    budget_id: UUID
    name: str
    team_id: int
    unit: Unit
    model_class: str
    period: Period
    period_starts_at: datetime
    period_ends_at: datetime | None
    limit: int
    free: int
    used: int

    @property
    def period_hours(self) -> float | None:
        """How long its limit lasts."""
        if self.period_ends_at is None:
            return None
        return (self.period_ends_at - self.period_starts_at).total_seconds() / 3600


def list_idleness(*, since: datetime, now: datetime) -> list[BudgetIdleness]:
    """Live budgets of teams that were there at `since`, by id, with what they used from then until now. Four queries.

    Without those in money, which is no quota, those of rolling periods, which do not trade, those with others
    below them, whose quota is the others', and those whose period is over and was not turned yet.
    """
    below = Budget.objects.filter(parent=OuterRef("pk"), deallocated_at=None)
    rows = (
        Budget.objects.filter(
            ~Exists(below), deallocated_at=None, team__isnull=False, created_at__lte=since, limit__gt=0
        )
        .exclude(unit=Unit.MICRO_USD)
        .exclude(period=Period.ROLLING)
        .exclude(period_ends_at__lte=now)
        .order_by("pk")
    )
    budgets = list(rows)
    used = _used(since, now)
    escrowed = free_in_escrow([each.pk for each in budgets])
    return [_idleness(each, used.get(each.pk, 0), escrowed.get(each.pk, 0)) for each in budgets]


def count_refusals(*, since: datetime, now: datetime) -> dict[tuple[Unit, int], int]:
    """How many asks the budgets of each unit and team turned away in slices of time that began since. One query."""
    rows = SpendBucket.objects.filter(
        starts_at__gte=since, starts_at__lte=now, refusals__gt=0, budget__team__isnull=False
    )
    sums = rows.order_by().values_list("budget__unit", "budget__team").annotate(sum=Sum("refusals"))
    found: dict[tuple[Unit, int], int] = defaultdict(int)
    for unit, team_id, refusals in sums:
        if team_id is not None:
            found[Unit(unit), team_id] += refusals
    return dict(found)


def _used(since: datetime, now: datetime) -> dict[UUID, int]:
    rows = SpendBucket.objects.filter(starts_at__gte=since, starts_at__lte=now, spent__gt=0)
    return dict(rows.order_by().values_list("budget").annotate(sum=Sum("spent")))


def _idleness(row: Budget, used: int, escrowed: int) -> BudgetIdleness:
    return BudgetIdleness(
        budget_id=row.pk,
        name=row.name,
        team_id=row.team_id or 0,
        unit=Unit(row.unit),
        model_class=row.model_class,
        period=Period(row.period),
        period_starts_at=row.period_starts_at,
        period_ends_at=row.period_ends_at,
        limit=row.limit,
        free=row.limit - row.spent - row.reserved + escrowed,
        used=used,
    )
