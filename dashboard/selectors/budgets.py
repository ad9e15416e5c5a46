"""What the page of budgets shows, read through the viewer's sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from budgets.domain.adjustments import AdjustmentFacts
from budgets.domain.states import BudgetState
from budgets.selectors import (
    Picture,
    ProposalFacts,
    get_picture,
    list_adjustments,
    list_escrowed,
    list_proposals,
)
from dashboard.domain.sight import Sight
from dashboard.selectors.overview import list_seen_budgets

GEARS_OF = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetBoard:
    """The budgets the viewer may see, in tree order, and what goes on in them.

    Adjustments and proposals are those that wait for somebody's decision.
    """

    budgets: list[BudgetState]
    picture: Picture
    escrowed: dict[UUID, Decimal]
    adjustments: list[AdjustmentFacts]
    proposals: list[ProposalFacts]


def get_budget_board(sight: Sight, *, now: datetime) -> BudgetBoard:
    """The viewer's budgets with what goes on in them. As many queries for a thousand budgets as for one."""
    budgets = list_seen_budgets(sight)
    ids = [budget.id for budget in budgets]
    known = set(ids)
    return BudgetBoard(
        budgets=budgets,
        picture=get_picture(budget_ids=ids, gears_since=now - GEARS_OF),
        escrowed=list_escrowed(ids),
        adjustments=[each for each in list_adjustments(status="proposed") if each.budget_id in known],
        proposals=[each for each in list_proposals(status="open") if each.parent_id in known],
    )
