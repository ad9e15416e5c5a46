"""Short words for what tests of quota that changes hands do again and again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.quota import QuotaGive, QuotaTake, Sellable, quota_reference
from budgets.domain.units import Unit
from budgets.selectors import list_sellable
from tests.integration.budgets.work import row
from tests.integration.world import NOW, Team, make_budget, make_team


def make_path(*limits: int, team: Team | None = None, unit: Unit = Unit.TOKENS, **changes: Any) -> list[UUID]:
    """Budgets of a month below each other, the leaf first; anything may be sold of their bases."""
    values: dict[str, Any] = {"period": Period.MONTH, "tradeable_percent": 100, **changes}
    team = team or make_team(f"Team {uuid4()}")
    ids: list[UUID] = []
    for limit in reversed(limits):
        parent = ids[0] if ids else None
        name = f"level {len(ids)}"
        ids.insert(0, make_budget(team, limit, name=name, parent_id=parent, unit=unit, **values))
    return ids


def offer(budget_id: UUID, steps: int, name: str = "one", *, keep: int = 0, now: datetime = NOW) -> UUID | None:
    """Set what an order keeps aside."""
    return services.escrow_quota(
        reference=quota_reference("order", name),
        budget_id=budget_id,
        steps=steps,
        keep_steps=keep,
        actor="seller",
        now=now,
    )


def give(budget_id: UUID, steps: int, name: str | None = None, **flags: bool) -> QuotaGive:
    """Out of an order, or out of what is free."""
    reference = quota_reference("order", name) if name else None
    return QuotaGive(budget_id=budget_id, steps=steps, reference=reference, **flags)


def take(budget_id: UUID, steps: int, **flags: bool) -> QuotaTake:
    """Into a budget."""
    return QuotaTake(budget_id=budget_id, steps=steps, **flags)


def deliver(gives: list[QuotaGive], takes: list[QuotaTake], *, now: datetime = NOW) -> None:
    """Move quota."""
    services.deliver_quota(gives=gives, takes=takes, actor="call", reason="call 12:00", now=now)


def sellable(budget_id: UUID, *, now: datetime = NOW) -> Sellable:
    """What it could offer."""
    return list_sellable([budget_id], now=now)[budget_id]


def figures(*budget_ids: UUID) -> list[tuple[int, int, int, int]]:
    """Limit, reserved, sold and bonus of each."""
    return [(each.limit, each.reserved, each.sold, each.bonus) for each in map(row, budget_ids)]
