"""The turn of calendar periods: a record of what ended, what goes on, and the ledger's word for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from budgets.domain.efficiency import efficiency_bonus
from budgets.domain.periods import Period, bounds, periods_missed
from budgets.domain.rollover import Begun, turn
from budgets.models import Budget, LedgerEntry, PeriodRecord, SpendBucket
from budgets.selectors.efficiencies import list_efficiencies
from budgets.selectors.figures import get_efficiency_terms
from budgets.selectors.turned import ended_of
from budgets.services.ledger import entry

CALENDAR = "calendar"


def turn_calendar(rows: Sequence[Budget], *, now: datetime) -> None:
    """Begin the period that holds `now` of locked budgets whose own is over, with few statements.

    Whole periods that nobody looked at are one turn: its record reaches to the start of the new period.
    """
    records = write_records(rows, {row.pk: bounds(Period(row.period), now)[0] for row in rows})
    terms = get_efficiency_terms()
    entries: list[LedgerEntry] = []
    groups: dict[tuple[tuple[str, Any], ...], list[UUID]] = defaultdict(list)
    for row in rows:
        begun = turn(ended_of(row, efficiency_bonus(row.base_limit, records[row.pk].efficiency, terms)))
        entries += _entries(row, begun, now=now)
        groups[_columns(row, begun, now=now)].append(row.pk)
    for columns, budget_ids in groups.items():
        Budget.objects.filter(pk__in=budget_ids).update(**dict(columns))
    LedgerEntry.objects.bulk_create(entries)


def write_records(rows: Sequence[Budget], ended_at: dict[UUID, datetime]) -> dict[UUID, PeriodRecord]:
    """Keep how the present periods of locked budgets ended; return the records by budget.

    Refusals are those of the slices of time that began in the period.
    """
    refusals, efficiencies = _refusals(rows), _efficiencies(rows, ended_at)
    records = {}
    for row in rows:
        slices = [count for at, count in refusals[row.pk] if row.period_starts_at <= at < ended_at[row.pk]]
        records[row.pk] = PeriodRecord(
            budget=row,
            starts_at=row.period_starts_at,
            ended_at=ended_at[row.pk],
            base_limit=row.base_limit,
            limit=row.limit,
            spent=row.spent,
            reserved=row.reserved,
            overdraft=row.overdraft,
            refusals=sum(slices),
            hours_refused=len(slices),
            efficiency=efficiencies.get(row.pk),
        )
    # A budget that is reset twice in one moment has one record of it.
    PeriodRecord.objects.bulk_create(records.values(), ignore_conflicts=True)
    return records


def _refusals(rows: Sequence[Budget]) -> dict[UUID, list[tuple[datetime, int]]]:
    """Slices in which each of the budgets turned somebody away, since the earliest of their periods began."""
    found: dict[UUID, list[tuple[datetime, int]]] = defaultdict(list)
    since = min(row.period_starts_at for row in rows)
    slices = SpendBucket.objects.filter(budget__in=rows, starts_at__gte=since, refusals__gt=0)
    for budget_id, at, count in slices.values_list("budget", "starts_at", "refusals"):
        found[budget_id].append((at, count))
    return found


def _efficiencies(rows: Sequence[Budget], ended_at: dict[UUID, datetime]) -> dict[UUID, float]:
    """How efficient the periods were, of budgets for which, or below which, a quality was reported."""
    spans: dict[tuple[datetime, datetime], list[UUID]] = defaultdict(list)
    for row in rows:
        spans[row.period_starts_at, ended_at[row.pk]].append(row.pk)
    found: dict[UUID, float] = {}
    for (since, until), budget_ids in spans.items():
        found |= list_efficiencies(budget_ids, since=since, until=until)
    return found


def _columns(row: Budget, begun: Begun, *, now: datetime) -> tuple[tuple[str, Any], ...]:
    """What changes, so that the many budgets to which the same happens are written at once."""
    starts_at, ends_at = bounds(Period(row.period), now)
    columns = {"period_starts_at": starts_at, "period_ends_at": ends_at, "spent": begun.spent, "pool_drawn": 0}
    for name in ("limit", "overdraft", "carried", "pooled", "bonus", "sold", "tradeable"):
        if getattr(begun, name) != getattr(row, name):
            columns[name] = getattr(begun, name)
    return tuple(columns.items())


def _entries(row: Budget, begun: Begun, *, now: datetime) -> list[LedgerEntry]:
    """A turn, and apart from it what was earned."""
    turned = entry(
        row.pk,
        LedgerEntry.Kind.PERIOD,
        now=now,
        actor=CALENDAR,
        reason=_reason(row, now=now),
        limit_delta=begun.limit - begun.bonus - row.limit,
        spent_delta=begun.spent - row.spent,
        overdraft_delta=begun.overdraft - row.overdraft,
        tradeable_delta=-row.tradeable,
    )
    if not begun.bonus:
        return [turned]
    earned = entry(
        row.pk,
        LedgerEntry.Kind.BONUS,
        now=now,
        actor=CALENDAR,
        reason="earned by efficiency in the last period",
        limit_delta=begun.bonus,
        tradeable_delta=begun.tradeable,
    )
    return [turned, earned]


def _reason(row: Budget, *, now: datetime) -> str:
    missed = periods_missed(Period(row.period), row.period_ends_at or now, now)
    words = f"a new {row.period} begins"
    return f"{words}; {missed} in between had no work" if missed else words
