"""Making, resizing and ending budgets."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from budgets.domain.levels import Level, level_below
from budgets.domain.periods import Period, bounds
from budgets.domain.units import LARGEST_AMOUNT, Unit, from_steps, to_steps
from budgets.events import BudgetsChanged
from budgets.models import Budget, LedgerEntry
from budgets.services.ledger import begin_period_if_over, entry
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish

DEEPEST = 8


@transaction.atomic
def create_budget(
    *,
    name: str,
    organisation_id: int,
    team_id: int | None,
    parent_id: UUID | None,
    unit: Unit,
    limit: Decimal,
    period: Period,
    actor: str,
    now: datetime,
    is_default: bool = False,
) -> UUID:
    """Make a budget of `limit` (tokens, grams or micro-USD) and return its id.

    Raises InvalidInput naming the field: a limit that is not positive or too large, a parent of
    another organisation, a tree that is too deep, a second default of a team.
    """
    steps = _limit_steps(unit, limit)
    parent = _parent(parent_id, organisation_id)
    starts_at, ends_at = bounds(period, now)
    budget_id = uuid.uuid4()
    try:
        with transaction.atomic():
            budget = Budget(
                id=budget_id,
                name=name,
                organisation_id=organisation_id,
                team_id=team_id,
                parent=parent,
                level=level_below(Level(parent.level) if parent else None, has_team=team_id is not None),
                depth=parent.depth + 1 if parent else 0,
                path_ids=[str(budget_id), *(parent.path_ids if parent else [])],
                unit=unit,
                period=period,
                period_starts_at=starts_at,
                period_ends_at=ends_at,
                limit=steps,
                is_default=is_default,
                created_at=now,
            )
            _save(budget, actor, force_insert=True)
    except IntegrityError as error:
        raise InvalidInput("This team has a default budget already.", field="is_default") from error
    entry(budget_id, LedgerEntry.Kind.ALLOT, now=now, actor=actor, reason="created", limit_delta=steps).save()
    publish(BudgetsChanged(budget_ids=(budget_id,), at=now))
    return budget_id


@transaction.atomic
def allot(*, budget_id: UUID, limit: Decimal, actor: str, reason: str, now: datetime) -> None:
    """Set the limit of a budget. Raises Conflict if more than that is spent and reserved already."""
    budget = _locked(budget_id, now=now)
    steps = _limit_steps(Unit(budget.unit), limit)
    if steps < budget.spent + budget.reserved:
        used = from_steps(Unit(budget.unit), budget.spent + budget.reserved)
        raise Conflict(f"{used:f} {budget.unit} are spent or reserved already.", field="limit", code="limit_below_use")
    if steps == budget.limit:
        return
    delta = steps - budget.limit
    budget.limit = steps
    _save(budget, actor, update_fields=["limit"])
    entry(budget_id, LedgerEntry.Kind.ALLOT, now=now, actor=actor, reason=reason, limit_delta=delta).save()
    publish(BudgetsChanged(budget_ids=(budget_id,), at=now))


@transaction.atomic
def deallocate(*, budget_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """End a budget: what is not spent goes back. Raises Conflict while holds or children are open."""
    budget = _locked(budget_id, now=now)
    if budget.reserved:
        raise Conflict("Holds are open on this budget. Settle or release them first.", code="holds_open")
    if budget.children.filter(deallocated_at=None).exists():
        raise Conflict("This budget has children. End them first.", code="children_open")
    unspent = budget.limit - budget.spent
    Budget.objects.filter(pk=budget_id).update(limit=F("spent"))
    budget.refresh_from_db()
    budget.deallocated_at = now
    _save(budget, actor, update_fields=["deallocated_at"])
    entry(budget_id, LedgerEntry.Kind.DEALLOCATE, now=now, actor=actor, reason=reason, limit_delta=-unspent).save()
    publish(BudgetsChanged(budget_ids=(budget_id,), at=now))


def _save(budget: Budget, actor: str, **how: Any) -> None:
    """Save with the actor in the history: a key is no person that the history could name."""
    budget._change_reason = actor  # type: ignore[attr-defined]  # read by simple-history
    budget.save(**how)


def _limit_steps(unit: Unit, limit: Decimal) -> int:
    if limit <= 0:
        raise InvalidInput("A limit is more than zero.", field="limit")
    steps = to_steps(unit, limit)
    if steps > LARGEST_AMOUNT:
        raise InvalidInput(f"A limit is at most {from_steps(unit, LARGEST_AMOUNT):f} {unit}.", field="limit")
    if from_steps(unit, steps) != limit:
        raise InvalidInput(f"A limit in {unit} has no finer steps than {from_steps(unit, 1):f}.", field="limit")
    return steps


def _parent(parent_id: UUID | None, organisation_id: int) -> Budget | None:
    if parent_id is None:
        return None
    # Locked: a parent that is just being ended must not get a child.
    live = Budget.objects.select_for_update().filter(deallocated_at=None)
    parent = live.filter(pk=parent_id, organisation_id=organisation_id).first()
    if parent is None:
        raise InvalidInput("There is no such budget in this organisation.", field="parent")
    if parent.depth + 1 >= DEEPEST:
        raise InvalidInput(f"A tree of budgets is at most {DEEPEST} deep.", field="parent")
    return parent


def _locked(budget_id: UUID, *, now: datetime) -> Budget:
    """The budget in the period that holds `now`, locked against others."""
    budget = Budget.objects.select_for_update().filter(pk=budget_id, deallocated_at=None).first()
    if budget is None:
        raise NotFound("There is no such budget.", field="budget")
    if begin_period_if_over(budget, now=now):
        budget.refresh_from_db()
    return budget
