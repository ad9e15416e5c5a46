"""Whether the books agree with themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from budgets.models import Budget, Hold, HoldLine, LedgerEntry


def list_ledger_differences() -> list[str]:
    """Every budget whose state is not the sum of its ledger or of its open holds, in words."""
    sums = _sums_by_budget(LedgerEntry.objects.all(), "limit_delta", "spent_delta", "reserved_delta", "overdraft_delta")
    held = _sums_by_budget(HoldLine.objects.filter(hold__status__in=Hold.OPEN), "reserved")
    found = []
    for row in Budget.objects.all().iterator():
        state = (row.limit, row.spent, row.reserved, row.overdraft)
        ledger = sums.get(row.pk, (0, 0, 0, 0))
        if state != ledger:
            found.append(f"budget {row.pk} {row.name}: state {state} but ledger {ledger}")
        if row.reserved != held.get(row.pk, (0,))[0]:
            found.append(
                f"budget {row.pk} {row.name}: reserved {row.reserved} but open holds {held.get(row.pk, (0,))[0]}"
            )
    return found


def _sums_by_budget(rows: QuerySet[Any], *columns: str) -> dict[UUID, tuple[int, ...]]:
    grouped = rows.values("budget").annotate(**{f"sum_{column}": Sum(column) for column in columns})
    return {row["budget"]: tuple(int(row[f"sum_{column}"]) for column in columns) for row in grouped.order_by()}
