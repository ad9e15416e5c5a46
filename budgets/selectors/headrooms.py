"""What whole paths of budgets can still pay, and what plans hold of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from budgets.domain.resizing import PLAN_PREFIX, plan_reference
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, Hold
from budgets.selectors.escrow import free_in_escrow
from budgets.selectors.turned import turned


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One budget of a path: what it can still pay, in steps of its unit. One that has ended pays nothing."""

    budget_id: UUID
    unit: Unit
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHold:
    """What the plan in force holds of one budget and all its ancestors, in steps."""

    hold_id: UUID
    fence: int
    amounts: Amounts
    expires_at: datetime


def list_headrooms(budget_ids: Collection[UUID], *, now: datetime) -> dict[UUID, tuple[Level, ...]]:
    """The levels of each budget's path, leaf first; a budget that does not exist is left out.

    What blocks in escrow hold free counts as remaining: it is called back before anybody is refused.
    What plan holds hold does not. A calendar period that is over counts as turned, which whoever
    reserves does first; what efficiency earns then, or leaves a rolling window, comes on top.
    """
    paths = Budget.objects.filter(pk__in=budget_ids).values_list("pk", "path_ids")
    by_leaf = {pk: [UUID(each) for each in path] for pk, path in paths}
    on_paths = {budget_id for path in by_leaf.values() for budget_id in path}
    free = free_in_escrow(on_paths)
    levels = {
        row.pk: Level(
            budget_id=row.pk,
            unit=Unit(row.unit),
            remaining=0 if row.deallocated_at else row.limit - row.spent - row.reserved + free.get(row.pk, 0),
        )
        for row in (turned(row, now=now) for row in Budget.objects.filter(pk__in=on_paths))
    }
    return {leaf: tuple(levels[budget_id] for budget_id in path) for leaf, path in by_leaf.items()}


def list_plan_holds(budget_ids: Collection[UUID] | None = None) -> dict[UUID, PlanHold]:
    """The open plan hold of each of these budgets (None: of all); one without any is left out."""
    rows = Hold.objects.filter(status__in=Hold.OPEN)
    if budget_ids is None:
        rows = rows.filter(reference__startswith=PLAN_PREFIX)
    else:
        rows = rows.filter(reference__in=[plan_reference(budget_id) for budget_id in budget_ids])
    return {
        row.budget_id: PlanHold(
            hold_id=row.pk,
            fence=row.fence,
            amounts=Amounts.in_columns(row),
            expires_at=row.lease_expires_at,
        )
        for row in rows
    }
