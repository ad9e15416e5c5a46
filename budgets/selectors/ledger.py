"""Reads of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from budgets.domain.units import Unit, from_steps
from budgets.models import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One ledger entry; amounts in the budget's unit."""

    id: int
    at: datetime
    kind: str
    actor: str
    reason: str
    hold_id: UUID | None
    limit_delta: Decimal
    spent_delta: Decimal
    reserved_delta: Decimal
    overdraft_delta: Decimal


def list_ledger(budget_id: UUID, *, before_id: int | None = None, limit: int = 100) -> list[LedgerLine]:
    """Entries of a budget, newest first, `before_id` onwards; keyset paging stays fast at any depth."""
    rows = LedgerEntry.objects.filter(budget=budget_id).select_related("budget")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return [_ledger_line(row) for row in rows.order_by("-id")[:limit]]


def _ledger_line(row: LedgerEntry) -> LedgerLine:
    unit = Unit(row.budget.unit)
    limit, spent, reserved, overdraft = (
        from_steps(unit, steps) for steps in (row.limit_delta, row.spent_delta, row.reserved_delta, row.overdraft_delta)
    )
    return LedgerLine(
        id=row.pk,
        at=row.at,
        kind=row.kind,
        actor=row.actor,
        reason=row.reason,
        hold_id=row.hold_id,
        limit_delta=limit,
        spent_delta=spent,
        reserved_delta=reserved,
        overdraft_delta=overdraft,
    )
