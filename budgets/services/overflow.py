"""Pooled overflow: a budget that is short draws on what its parent keeps for that."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from budgets.domain.units import Unit
from budgets.events import BudgetsChanged
from budgets.models import Budget, LedgerEntry
from budgets.services.ledger import entry
from budgets.services.periods import begin_period_if_over
from budgets.services.rows import in_lock_order, present
from config.kernel.events import publish


@transaction.atomic
def draw_overflow(*, budget_id: UUID, short_steps: int, now: datetime) -> bool:
    """Raise the limit of a budget by exactly what it is short of, out of its parent's pool; False if it may not.

    It may as long as its draws of this period stay within `overflow_percent` of its base, and all
    draws on the parent within the parent's `pool` of the parent's period. The parent's own limit is
    no larger by that: a hold is still checked there. Locks the budget, then its parent.
    """
    budget = in_lock_order(Budget.objects.filter(pk=budget_id, deallocated_at=None)).first()
    parent_id = budget.parent_id if budget else None
    if budget is None or parent_id is None or short_steps <= 0:
        return False
    budget = present(budget, now=now)
    if budget.pooled + short_steps > budget.base_limit * budget.overflow_percent // 100:
        return False
    if not _take_from_pool(parent_id, Unit(budget.unit), short_steps, now=now):
        return False
    Budget.objects.filter(pk=budget_id).update(limit=F("limit") + short_steps, pooled=F("pooled") + short_steps)
    entry(
        budget_id,
        LedgerEntry.Kind.OVERFLOW,
        now=now,
        actor="pool",
        reason="drawn from the pool of the budget above",
        limit_delta=short_steps,
    ).save()
    publish(BudgetsChanged(budget_ids=(budget_id, parent_id), at=now))
    return True


def _take_from_pool(parent_id: UUID, unit: Unit, steps: int, *, now: datetime) -> bool:
    parent = Budget.objects.get(pk=parent_id)
    begin_period_if_over(parent, now=now)
    has_it = Budget.objects.filter(pk=parent_id, unit=unit, pool__gte=F("pool_drawn") + steps)
    return bool(has_it.update(pool_drawn=F("pool_drawn") + steps))
