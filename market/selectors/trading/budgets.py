"""Which budget of a team an order is for, and which one pays."""

from __future__ import annotations

from uuid import UUID

from budgets import selectors as budgets
from budgets.domain.periods import Period
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from config.kernel.errors import InvalidInput, NotAllowed


def budget_of_quota(team_id: int, budget_id: UUID | None, unit: Unit) -> BudgetState:
    """The budget that an order in `unit` is for: the one named, else the team's default, else its only one.

    Raises InvalidInput naming `budget` (`no_budget`, `ambiguous_budget`, `wrong_unit`, `rolling_period`) and
    NotAllowed `not_your_budget`, which an unknown or ended budget is too.
    """
    found = _budget_of(team_id, budget_id, unit, field="budget")
    if found.period == Period.ROLLING or (found.parent_id and budgets.is_below_rolling(found.id)):
        raise InvalidInput("Quota of rolling periods is not traded.", field="budget", code="rolling_period")
    return found


def budget_of_money(team_id: int, budget_id: UUID | None, *, field: str) -> UUID:
    """The micro-USD budget of a team that was named, or its only one. Raises as `budget_of_quota` does."""
    return _budget_of(team_id, budget_id, Unit.MICRO_USD, field=field).id


def find_budget_of_money(team_id: int) -> UUID | None:
    """The team's only live micro-USD budget; None if it has none or several."""
    found = [each for each in _live(team_id) if each.unit == Unit.MICRO_USD]
    return found[0].id if len(found) == 1 else None


def _budget_of(team_id: int, budget_id: UUID | None, unit: Unit, *, field: str) -> BudgetState:
    live = _live(team_id)
    if budget_id is not None:
        return _named(live, budget_id, unit, field)
    fitting = [each for each in live if each.unit == unit]
    default = [each for each in fitting if each.is_default]
    chosen = default or fitting
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise InvalidInput(
            f"Your team has {len(chosen)} budgets in {unit}. Name the one it is for.",
            field=field,
            code="ambiguous_budget",
        )
    raise InvalidInput(f"Your team has no budget in {unit}.", field=field, code="no_budget")


def _named(live: list[BudgetState], budget_id: UUID, unit: Unit, field: str) -> BudgetState:
    found = next((each for each in live if each.id == budget_id), None)
    if found is None:
        raise NotAllowed("No budget of your team has this id.", field=field, code="not_your_budget")
    if found.unit != unit:
        raise InvalidInput(f"This budget counts {found.unit}, not {unit}.", field=field, code="wrong_unit")
    return found


def _live(team_id: int) -> list[BudgetState]:
    return budgets.list_budgets(team_ids=frozenset({team_id}))
