"""What the page of one budget shows, read through the viewer's sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from budgets.domain.alerts import AlertFacts
from budgets.domain.exhaustion import ExhaustionForecast
from budgets.domain.gears import Gear
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from budgets.selectors import (
    EconomyFacts,
    GearFacts,
    HoldOnBudget,
    LeaseFacts,
    PastPeriod,
    SpendHour,
    get_economy,
    get_gear,
    list_budget_alerts,
    list_children,
    list_escrowed,
    list_gear_use,
    list_holds_on,
    list_leases,
    list_past_periods,
    list_path,
    list_spend_by_hour,
)
from budgets.selectors.exhaustion import list_exhaustion
from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.selectors.budgets import GEARS_OF

MOST_HOLDS = 20
MOST_ALERTS = 50
PERIODS_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStory:
    """A budget with all that is told of it.

    `path` is from the root to the budget itself; None stands for a level that the viewer may not see.
    `economy` is None for budgets that do not count tokens, `forecast` for ended ones.
    """

    budget: BudgetState
    path: list[BudgetState | None]
    children: list[BudgetState]
    escrowed: dict[UUID, Decimal]
    hours: list[SpendHour]
    forecast: ExhaustionForecast | None
    holds: list[HoldOnBudget]
    leases: list[LeaseFacts]
    gear: GearFacts
    gears_used: dict[Gear, int]
    alerts: list[AlertFacts]
    periods: list[PastPeriod]
    economy: EconomyFacts | None


def get_seen_path(sight: Sight, budget_id: UUID) -> list[BudgetState]:
    """A budget that the viewer may see, with those above it, the root first.

    What they may not see does not exist for them. Raises NotFound.
    """
    path = list_path(budget_id)
    if not _sees(sight, path[-1]):
        raise NotFound("There is no such budget.", field="budget")
    return path


def get_budget_story(sight: Sight, path: list[BudgetState], *, hours_back: int, now: datetime) -> BudgetStory:
    """Everything about the last budget of a path. As many queries for a busy budget as for a quiet one."""
    budget = path[-1]
    children = [child for child in list_children(budget.id) if _sees(sight, child)]
    since = now - timedelta(hours=hours_back)
    return BudgetStory(
        budget=budget,
        path=[each if _sees(sight, each) else None for each in path],
        children=children,
        escrowed=list_escrowed([budget.id, *(child.id for child in children)]),
        hours=list_spend_by_hour(budget.id, since=since, until=now),
        forecast=next(iter(list_exhaustion([budget.id], now=now)), None),
        holds=list_holds_on(budget.id, limit=MOST_HOLDS + 1),
        leases=list_leases(budget_id=budget.id),
        gear=get_gear(budget.id),
        gears_used=list_gear_use(budget.id, since=now - GEARS_OF),
        alerts=list_budget_alerts(team_ids=None, budget_id=budget.id, since=budget.period_starts_at, limit=MOST_ALERTS),
        periods=list_past_periods(budget.id, limit=PERIODS_SHOWN),
        economy=get_economy(budget.id, since=budget.period_starts_at, until=now)
        if budget.unit is Unit.TOKENS
        else None,
    )


def _sees(sight: Sight, state: BudgetState) -> bool:
    return sight.sees_budget(team_id=state.team_id, organisation_id=state.organisation_id)
