"""Whether to warn before work is asked for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from budgets.domain.advice import Advice, BudgetFigures, advise
from budgets.domain.units import Unit
from budgets.models import Budget
from budgets.selectors.escrow import free_in_escrow
from budgets.selectors.exhaustion import spent_and_reset
from budgets.selectors.figures import get_bands, get_estimate_terms
from config.kernel.errors import NotFound


def get_advice(*, budget_id: UUID, estimate_tokens: int, now: datetime) -> Advice:
    """What work of `estimate_tokens` in all, with the policy's margin, would bring the budgets of a path to.

    Reserved counts as used, but not what a session's block holds and nobody has been promised. A budget
    whose period is over counts as begun anew. Raises NotFound.
    """
    leaf = Budget.objects.filter(pk=budget_id, deallocated_at=None).first()
    if leaf is None:
        raise NotFound("There is no such budget.", field="budget")
    above = {str(row.pk): row for row in Budget.objects.filter(pk__in=leaf.path_ids[1:])}
    path = [leaf, *(above[pk] for pk in leaf.path_ids[1:])]
    free = free_in_escrow([row.pk for row in path])
    return advise(
        [_figures(row, free=free.get(row.pk, 0), now=now) for row in path],
        tokens=estimate_tokens,
        margin=get_estimate_terms().margin_tokens,
        bands=get_bands(),
        as_of=now,
    )


def _figures(budget: Budget, *, free: int, now: datetime) -> BudgetFigures:
    spent, _ = spent_and_reset(budget, now=now)
    return BudgetFigures(
        id=budget.pk,
        name=budget.name,
        level=budget.level,
        unit=Unit(budget.unit),
        limit=budget.limit,
        used=spent + budget.reserved - free,
        warning_amounts=tuple(budget.warning_amounts),
    )
