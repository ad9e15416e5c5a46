"""Whether the books agree with themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum

from budgets.domain.periods import Period, bucket_seconds
from budgets.domain.quota import QUOTA_PREFIX
from budgets.domain.resizing import PLAN_PREFIX
from budgets.domain.units import COLUMN_OF, Unit
from budgets.models import Budget, BudgetAlert, EscrowLease, Hold, HoldLine, LedgerEntry, SpendBucket

COLUMNS = ("limit", "spent", "reserved", "overdraft", "tradeable")
ENTRIES_AT_ONCE = 500_000
SPENDING = (LedgerEntry.Kind.SETTLE, LedgerEntry.Kind.CORRECT, LedgerEntry.Kind.ESCROW, LedgerEntry.Kind.ADJUST)
"""Kinds of entry whose spending is counted in slices of time too."""

Progress = Callable[[int, int], None]
"""Told how many ledger entries were read, and of how many."""


@dataclass(slots=True)
class _Sums:
    columns: list[int] = field(default_factory=lambda: [0] * len(COLUMNS))
    spending: int = 0
    corrections_down: int = 0


def list_ledger_differences(*, progress: Progress = lambda done, total: None) -> list[str]:
    """Everything in the books of budgets that does not add up, in words that name the budget and the column.

    State against ledger, reserved against open holds, blocks in escrow against their lines, slices
    of spending against spending, draws against pools, alerts of overdrafts against the ledger. In one view of
    the database (the caller's transaction) and with few statements, whatever the number of entries.
    """
    budgets = list(Budget.objects.only("name", "period", "window_hours", "period_ends_at", "unit", "pool", *_STATE))
    sums = _ledger_sums(progress)
    return [
        *_state_differences(budgets, sums),
        *_slice_differences(budgets, sums),
        *_pool_differences(budgets),
        *_line_differences(),
        *_plan_line_differences(),
        *_quota_line_differences(),
        *_lease_differences(),
        *_alert_differences(),
    ]


_STATE = (*COLUMNS, "pool_drawn", "carried", "pooled", "bonus", "sold")


def _ledger_sums(progress: Progress) -> dict[UUID, _Sums]:
    ends = LedgerEntry.objects.aggregate(first=Min("pk"), last=Max("pk"))
    sums: dict[UUID, _Sums] = defaultdict(_Sums)
    first, last = ends["first"] or 0, ends["last"] or -1
    for start in range(first, last + 1, ENTRIES_AT_ONCE):
        _add_up(LedgerEntry.objects.filter(pk__gte=start, pk__lt=start + ENTRIES_AT_ONCE), sums)
        progress(min(start + ENTRIES_AT_ONCE - 1, last) - first + 1, last - first + 1)
    return sums


def _add_up(entries: QuerySet[LedgerEntry], sums: dict[UUID, _Sums]) -> None:
    grouped = (
        entries.order_by()
        .values("budget")
        .annotate(
            **{f"sum_{column}": Sum(f"{column}_delta") for column in COLUMNS},
            spending=Sum("spent_delta", filter=Q(kind__in=SPENDING), default=0),
            down=Count("pk", filter=Q(kind=LedgerEntry.Kind.ADJUST, spent_delta__lt=0)),
        )
    )
    for row in grouped:
        found = sums[row["budget"]]
        found.columns = [had + int(row[f"sum_{column}"]) for had, column in zip(found.columns, COLUMNS, strict=True)]
        found.spending += int(row["spending"])
        found.corrections_down += row["down"]


def _state_differences(budgets: list[Budget], sums: dict[UUID, _Sums]) -> Iterator[str]:
    lines = HoldLine.objects.filter(hold__status__in=Hold.OPEN).order_by()
    held = dict(lines.values_list("budget").annotate(Sum("reserved")))
    for row in budgets:
        for column, ledger in zip(COLUMNS, sums[row.pk].columns, strict=True):
            if getattr(row, column) != ledger:
                yield _differs(row, column, getattr(row, column), "its ledger", ledger)
        if row.reserved != int(held.get(row.pk, 0)):
            yield _differs(row, "reserved", row.reserved, "its open holds", int(held.get(row.pk, 0)))
        if row.base_limit < 0:
            yield _differs(row, "limit", row.limit, "what was carried, drawn and earned", row.limit - row.base_limit)


def _slice_differences(budgets: list[Budget], sums: dict[UUID, _Sums]) -> Iterator[str]:
    """A rolling budget has spent what its slices count; another one all that was ever counted.

    Not where a correction by hand took off more than the slices had.
    """
    counted = dict(SpendBucket.objects.order_by().values_list("budget").annotate(Sum("spent")))
    for row in budgets:
        if row.period == Period.ROLLING:
            slices = _counted_in_window(row)
            if row.spent != slices:
                yield _differs(row, "spent", row.spent, "the slices of its window", slices)
        elif not sums[row.pk].corrections_down and sums[row.pk].spending != int(counted.get(row.pk, 0)):
            yield _differs(row, "slices of spending", int(counted.get(row.pk, 0)), "its ledger", sums[row.pk].spending)


def _counted_in_window(row: Budget) -> int:
    """What its slices count since the row was last looked at: none has left the window before `period_ends_at`."""
    if row.period_ends_at is None:
        return 0  # everything has left: who spends sets the time again
    hours = row.window_hours or 0
    oldest = row.period_ends_at - timedelta(hours=hours, seconds=bucket_seconds(hours))
    slices = SpendBucket.objects.filter(budget=row, starts_at__gte=oldest)
    return int(slices.aggregate(sum=Sum("spent"))["sum"] or 0)


def _pool_differences(budgets: list[Budget]) -> Iterator[str]:
    """What was drawn on a pool in its period is what the budgets below got out of it since."""
    for row in budgets:
        if row.pool or row.pool_drawn:
            begun = LedgerEntry.objects.filter(budget=row, kind__in=_begins(row)).aggregate(last=Max("pk"))["last"] or 0
            draws = LedgerEntry.objects.filter(
                budget__parent=row.pk, kind=LedgerEntry.Kind.OVERFLOW, pk__gt=begun
            ).aggregate(sum=Sum("limit_delta"))
            if row.pool_drawn != int(draws["sum"] or 0):
                yield _differs(row, "pool_drawn", row.pool_drawn, "the draws of the budgets below", draws["sum"] or 0)


def _begins(row: Budget) -> list[str]:
    rolls = row.period == Period.ROLLING
    return [LedgerEntry.Kind.RESET] if rolls else [LedgerEntry.Kind.RESET, LedgerEntry.Kind.PERIOD]


def _line_differences() -> Iterator[str]:
    """An open hold has a line for each budget of its path, one under a block for its own budget only."""
    holds = (
        Hold.objects.filter(status__in=Hold.OPEN)
        .annotate(line_count=Count("lines"), depth=F("budget__depth"))
        .select_related("budget")
    )
    whole = holds.filter(escrow=None, block_of=None).exclude(line_count=F("depth") + 1)
    covered = holds.exclude(escrow=None).exclude(line_count=1)
    blocks = holds.exclude(block_of=None).exclude(line_count=F("depth"))
    for hold in (*whole, *covered, *blocks):
        yield f"budget {hold.budget_id} {hold.budget.name}: hold {hold.pk} has {hold.lines.count()} lines"


def _plan_line_differences() -> Iterator[str]:
    """A plan hold that is resized and carved holds the same at every level of its path."""
    holds = Hold.objects.filter(status__in=Hold.OPEN, reference__startswith=PLAN_PREFIX)
    for line in HoldLine.objects.filter(hold__in=holds).select_related("hold", "budget"):
        held = getattr(line.hold, COLUMN_OF[Unit(line.budget.unit)])
        if line.reserved != held:
            yield _differs(line.budget, "line of the plan hold", line.reserved, "the hold", held)


def _quota_line_differences() -> Iterator[str]:
    """Quota on offer holds the same at every level in its unit, and nothing of other units."""
    holds = Hold.objects.filter(status__in=Hold.OPEN, reference__startswith=QUOTA_PREFIX)
    for line in HoldLine.objects.filter(hold__in=holds).select_related("hold__budget", "budget"):
        unit = Unit(line.hold.budget.unit)
        held = getattr(line.hold, COLUMN_OF[unit]) if line.budget.unit == unit else 0
        if line.reserved != held:
            yield _differs(line.budget, "line of quota on offer", line.reserved, "the hold", held)


def _lease_differences() -> Iterator[str]:
    leases = EscrowLease.objects.exclude(status=EscrowLease.Status.CLOSED).select_related("budget")
    by_hold = {lease.hold_id: lease for lease in leases}
    for line in HoldLine.objects.filter(hold__block_of__in=leases).select_related("budget"):
        lease = by_hold[line.hold_id]
        column = COLUMN_OF[Unit(line.budget.unit)]
        block = sum(getattr(lease, f"{part}_{column}") for part in ("free", "used", "pending"))
        if line.reserved != block:
            yield _differs(line.budget, f"line of escrow {lease.pk}", line.reserved, "the block", block)
    covered = Hold.objects.filter(status__in=Hold.OPEN, escrow__in=leases).order_by().values("escrow")
    used = {row["escrow"]: row for row in covered.annotate(**{name: Sum(name) for name in COLUMN_OF.values()})}
    for lease in by_hold.values():
        for name in COLUMN_OF.values():
            held = int(used.get(lease.pk, {}).get(name, 0))
            if getattr(lease, f"used_{name}") != held:
                yield _differs(
                    lease.budget, f"used_{name} of escrow {lease.pk}", getattr(lease, f"used_{name}"), "its holds", held
                )
    for lease in EscrowLease.objects.filter(status="closed", hold__status__in=Hold.OPEN).select_related("budget"):
        yield f"budget {lease.budget_id} {lease.budget.name}: escrow {lease.pk} is closed but its block is held"


def _alert_differences() -> Iterator[str]:
    overdrawn = LedgerEntry.objects.filter(budget=OuterRef("budget"), hold=OuterRef("hold"), overdraft_delta__gt=0)
    alerts = BudgetAlert.objects.filter(~Exists(overdrawn), kind=BudgetAlert.Kind.OVERDRAFT)
    for alert in alerts.select_related("budget"):
        yield f"budget {alert.budget_id} {alert.budget.name}: an alert of an overdraft that its ledger does not have"


def _differs(row: Budget, column: str, state: int, other: str, amount: int) -> str:
    return f"budget {row.pk} {row.name}: {column} is {state}, but {amount} by {other}"
