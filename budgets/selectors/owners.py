"""Whose a budget is and what it counts: asked by every spending, and never different later."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from budgets.domain.units import Unit
from budgets.models import Budget
from config.kernel.errors import NotFound

MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetOwner:
    """Facts of a budget that are fixed when it is made."""

    team_id: int | None
    organisation_id: int
    unit: Unit
    model_class: str


_known: dict[UUID, BudgetOwner] = {}


def get_owner(budget_id: UUID) -> BudgetOwner:
    """Whose budget it is, also of an ended one; read once by each process. Raises NotFound."""
    if (known := find_known_owner(budget_id)) is not None:
        return known
    row = Budget.objects.filter(pk=budget_id).values_list("team", "organisation", "unit", "model_class").first()
    if row is None:
        raise NotFound("There is no such budget.", field="budget")
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    owner = BudgetOwner(team_id=row[0], organisation_id=row[1], unit=Unit(row[2]), model_class=row[3])
    _known[budget_id] = owner
    return owner


def find_known_owner(budget_id: UUID) -> BudgetOwner | None:
    """What this process has read of a budget before, without asking the database."""
    return _known.get(budget_id)
