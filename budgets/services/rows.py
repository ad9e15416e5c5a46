"""Rows of budgets, locked in the one order that everybody keeps, and saved with who changed them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from budgets.models import Budget
from budgets.services.escrow.recall import recall_at, recall_under
from budgets.services.periods import begin_period_if_over
from config.kernel.actors import change_reason
from config.kernel.errors import NotFound


def locked(budget_id: UUID, *, now: datetime) -> Budget:
    """The budget in the period that holds `now`, locked, with nothing of it idle in escrow.

    Raises NotFound if there is none or it has ended. Call it before anything else is locked.
    """
    recall_under(budget_id=budget_id, now=now, also_lock=[budget_id])
    budget = in_lock_order(Budget.objects.filter(pk=budget_id, deallocated_at=None)).first()
    if budget is None:
        raise NotFound("There is no such budget.", field="budget")
    return present(budget, now=now)


def locked_each(budget_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Budget]:
    """Those of the budgets that are alive, as `locked` gives one, locked deepest first."""
    recall_at(budget_ids, now=now, also_lock=budget_ids)
    rows = list(in_lock_order(Budget.objects.filter(pk__in=budget_ids, deallocated_at=None)))
    return {row.pk: present(row, now=now) for row in rows}


def in_lock_order(rows: QuerySet[Budget]) -> QuerySet[Budget]:
    """`rows`, to be locked deepest first, so that two who want the same rows never wait for each other.

    Keys stay readable to others (NO KEY), because every ledger entry points at its budget.
    """
    return rows.order_by("-depth", "pk").select_for_update(no_key=True, of=("self",))


def present(budget: Budget, *, now: datetime) -> Budget:
    """A locked budget in the period that holds `now`."""
    if begin_period_if_over(budget, now=now):
        budget.refresh_from_db()
    return budget


def save(budget: Budget, actor: str, *, reason: str = "", **how: Any) -> None:
    """Save with who and why in the history: a key is no person that the history could name."""
    budget._change_reason = change_reason(actor, reason)  # type: ignore[attr-defined]  # read by simple-history
    budget.save(**how)


def note_change(budget: Budget, actor: str, reason: str) -> None:
    """Let the history say who changed what only the ledger counts, and why."""
    save(budget, actor, reason=reason, update_fields=["name"])
