"""What the page of one budget shows, read through the viewer's sight."""

from __future__ import annotations

from uuid import UUID

from budgets.domain.states import BudgetState
from budgets.selectors import get_budget
from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight


def get_seen_budget(sight: Sight, budget_id: UUID) -> BudgetState:
    """A budget that the viewer may see; what they may not see does not exist for them. Raises NotFound."""
    state = get_budget(budget_id)
    if not sight.sees_budget(team_id=state.team_id, organisation_id=state.organisation_id):
        raise NotFound("There is no such budget.", field="budget")
    return state
