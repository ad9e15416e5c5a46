"""Spending in one step."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from budgets.domain.asks import PlacedHold
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.services.holds.place import place_hold
from budgets.services.holds.refusals import note_refusal
from budgets.services.holds.settle import settle_hold
from config.kernel.transactions import in_transaction


def consume(*, budget_id: UUID, amounts: Amounts, reference: str, actor: str, now: datetime) -> PlacedHold:
    """Spend `amounts` on a budget and all its ancestors, or on none of them.

    Raises BudgetExhausted naming the level that cannot pay, InvalidInput if there is no such budget.
    """

    def place_and_settle() -> PlacedHold:
        placed = place_hold(
            budget_id=budget_id, amounts=amounts, reference=reference, lease_expires_at=now, actor=actor, now=now
        )
        settle_hold(hold_id=placed.hold_id, amounts=amounts, actor=actor, now=now)
        return placed

    try:
        return in_transaction(place_and_settle)
    except BudgetExhausted as refusal:
        if not connection.in_atomic_block:
            note_refusal(refusal, now=now)
        raise
