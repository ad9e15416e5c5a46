"""Pooled overflow: a budget that is short draws on what its parent keeps for that."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q, Sum

from budgets.domain.units import LARGEST_AMOUNT, Unit
from budgets.events import BudgetsChanged
from budgets.models import Budget, LedgerEntry
from budgets.services.ledger import entry
from budgets.services.periods import begin_periods_if_over
from budgets.services.rows import in_lock_order
from config.kernel.events import publish

BEGINS = [LedgerEntry.Kind.RESET, LedgerEntry.Kind.PERIOD]
"""Entries with which a calendar period begins, and the count of what is drawn in it."""


@transaction.atomic
def draw_overflow(*, budget_id: UUID, short_steps: int, now: datetime) -> bool:
    """Raise the limit of a budget by exactly what it is short of, out of its parent's pool; False if it may not.

    It may as long as its draws of this period, and what it sold, which would live on the pool else, stay
    within `overflow_percent` of its base, and all
    draws on the parent within the parent's `pool` of the parent's period. The parent's own limit is
    no larger by that: a hold is still checked there. Locks the budget, then its parent.
    """
    child = Budget.objects.filter(pk=budget_id)
    begin_periods_if_over(Budget.objects.filter(Q(pk=budget_id) | Q(pk__in=child.values("parent"))), now=now)
    budget = in_lock_order(Budget.objects.filter(pk=budget_id, deallocated_at=None)).first()
    parent_id = budget.parent_id if budget else None
    if budget is None or parent_id is None or short_steps <= 0:
        return False
    if budget.pooled + budget.sold + short_steps > budget.base_limit * budget.overflow_percent // 100:
        return False
    if budget.limit + short_steps > LARGEST_AMOUNT:
        return False
    if not _take_from_pool(parent_id, Unit(budget.unit), short_steps):
        return False
    Budget.objects.filter(pk=budget_id).update(limit=F("limit") + short_steps, pooled=F("pooled") + short_steps)
    _entry(budget_id, short_steps, "drawn from the pool of the budget above", now=now)
    publish(BudgetsChanged(budget_ids=(budget_id, parent_id), at=now))
    return True


def return_draws(budget: Budget, *, now: datetime) -> int:
    """Give back to the pool what a locked budget that ends drew and did not use; how many steps that were.

    The caller lowers its limit: here it is only written to the ledger. Draws of an earlier period,
    of the budget or of its parent, are counted by nobody any more.
    """
    if not budget.pooled or budget.parent_id is None:
        return 0
    parent = Budget.objects.select_for_update(no_key=True).get(pk=budget.parent_id)
    steps = min(_counted(budget, parent), budget.pooled, budget.limit - budget.spent)
    if steps:
        Budget.objects.filter(pk=parent.pk).update(pool_drawn=F("pool_drawn") - steps)
        _entry(budget.pk, -steps, "not used, back to the pool of the budget above", now=now)
    return steps


@transaction.atomic
def undo_draw(*, budget_id: UUID, steps: int, now: datetime) -> int:
    """Give back what was drawn for work that was refused after all, unless others use it; how many steps that were.

    Locks the budget, then its parent.
    """
    family = Q(pk=budget_id) | Q(pk__in=Budget.objects.filter(pk=budget_id).values("parent"))
    budget, parent = in_lock_order(Budget.objects.filter(family))
    steps = min(steps, _counted(budget, parent), budget.pooled, budget.limit - budget.spent - budget.reserved)
    if steps <= 0:
        return 0
    Budget.objects.filter(pk=budget_id).update(limit=F("limit") - steps, pooled=F("pooled") - steps)
    Budget.objects.filter(pk=parent.pk).update(pool_drawn=F("pool_drawn") - steps)
    _entry(budget_id, -steps, "refused after all, back to the pool of the budget above", now=now)
    publish(BudgetsChanged(budget_ids=(budget_id, parent.pk), at=now))
    return steps


def _counted(budget: Budget, parent: Budget) -> int:
    """Steps drawn in the present period of both."""
    begins = LedgerEntry.objects.filter(budget__in=[budget, parent], kind__in=BEGINS).aggregate(last=Max("pk"))
    draws = LedgerEntry.objects.filter(budget=budget, kind=LedgerEntry.Kind.OVERFLOW, pk__gt=begins["last"] or 0)
    return int(draws.aggregate(steps=Sum("limit_delta", default=0))["steps"])


def _take_from_pool(parent_id: UUID, unit: Unit, steps: int) -> bool:
    has_it = Budget.objects.filter(pk=parent_id, unit=unit, pool__gte=F("pool_drawn") + steps)
    return bool(has_it.update(pool_drawn=F("pool_drawn") + steps))


def _entry(budget_id: UUID, steps: int, reason: str, *, now: datetime) -> None:
    entry(budget_id, LedgerEntry.Kind.OVERFLOW, now=now, actor="pool", reason=reason, limit_delta=steps).save()
