"""What the budgets app tells the apps above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetsChanged(Event):
    """Spent, reserved or limit of these budgets changed together."""

    budget_ids: tuple[UUID, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAlerted(Event):
    """Something about these budgets should be noticed: a threshold passed, an overdraft, a forecast."""

    budget_ids: tuple[UUID, ...]
    at: datetime
