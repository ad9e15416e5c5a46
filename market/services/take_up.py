"""Planned work becomes a grant of its own, or goes out of the plan."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from market.models import AllocationRequest, AllocationRun, Decision


def take_up(*, request_id: UUID, actor: str, now: datetime) -> Decision:
    """Give a planned request a decision and a hold of its own, exactly what the plan in force promises it.

    Raises NotFound, or Conflict if it is not waiting or not planned (`not_planned`), or its hour cannot
    take it any more (`hour_full`), BudgetExhausted if the plan's hold is gone and its budget cannot pay.
    """
    raise NotImplementedError


def take_up_due(*, now: datetime) -> int:
    """Take up all planned work whose hour has begun, or begins within a minute; return how many requests."""
    raise NotImplementedError


def withdraw(request: AllocationRequest, *, plan: AllocationRun | None, actor: str, now: datetime) -> None:
    """Give back what the plan in force keeps for a locked waiting request. `plan` is what `share_plan` gave."""
    raise NotImplementedError
