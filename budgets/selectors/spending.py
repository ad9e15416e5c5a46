"""What a budget spent, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from budgets.domain.periods import bucket_seconds
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget, SpendBucket
from config.kernel.errors import NotFound

HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendHour:
    """What was spent from `starts_at` until `ends_at`, in the budget's unit, and how many asks were turned away."""

    starts_at: datetime
    ends_at: datetime
    spent: Decimal
    refusals: int


def list_spend_by_hour(budget_id: UUID, *, since: datetime, until: datetime) -> list[SpendHour]:
    """Every hour that touches `since` to `until`, oldest first, with 0 where nothing was spent. Two queries.

    Hours before the budget was made are left out: nothing is known of them. A rolling budget of more
    than 60 hours counts in slices of a sixtieth of its window, which are longer than an hour: then
    each row is such a slice. Raises NotFound.
    """
    budget = Budget.objects.filter(pk=budget_id).first()
    if budget is None:
        raise NotFound("There is no such budget.", field="budget")
    step = max(HOUR_SECONDS, bucket_seconds(budget.window_hours))
    first = _floor(max(since, budget.created_at), step)
    found = _sums(budget, step=step, since=first, until=until)
    hours, unit, length = [], Unit(budget.unit), timedelta(seconds=step)
    while first < until:
        spent, refusals = found.get(first, (0, 0))
        hours.append(
            SpendHour(starts_at=first, ends_at=first + length, spent=from_steps(unit, spent), refusals=refusals)
        )
        first += length
    return hours


def _sums(budget: Budget, *, step: int, since: datetime, until: datetime) -> dict[datetime, tuple[int, int]]:
    rows = SpendBucket.objects.filter(budget=budget, starts_at__gte=since, starts_at__lt=until)
    sums: dict[datetime, tuple[int, int]] = {}
    for starts_at, spent, refusals in rows.values_list("starts_at", "spent", "refusals"):
        hour = _floor(starts_at, step)
        before = sums.get(hour, (0, 0))
        sums[hour] = (before[0] + spent, before[1] + refusals)
    return sums


def _floor(at: datetime, step: int) -> datetime:
    """The slice that `at` lies in; slices are counted from 1970, as they are stored."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % step, tz=UTC)
