"""Short words for what tests of budgets do again and again."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from budgets import services
from budgets.domain.units import Amounts
from budgets.models import Budget
from tests.integration.world import NOW


def hold(budget_id: UUID, tokens: int, *, now: datetime = NOW) -> UUID:
    """Reserve tokens for an hour."""
    return services.place_hold(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
        reference=f"test:{uuid4()}",
        lease_expires_at=now + timedelta(hours=1),
        actor="test",
        now=now,
    ).hold_id


def spend(budget_id: UUID, tokens: int, *, held: int | None = None, now: datetime = NOW) -> None:
    """Hold and settle at once; more than was held is overdrawn where there is no room."""
    hold_id = hold(budget_id, tokens if held is None else held, now=now)
    settle(hold_id, tokens, now=now)


def settle(hold_id: UUID, tokens: int, *, now: datetime = NOW) -> None:
    """Settle a hold at so many tokens."""
    amounts = Amounts(tokens=tokens, carbon_ug=0, micro_usd=0)
    services.settle_hold(hold_id=hold_id, amounts=amounts, actor="test", now=now)


def row(budget_id: UUID) -> Budget:
    """The budget as it is stored."""
    return Budget.objects.get(pk=budget_id)
