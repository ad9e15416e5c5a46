"""Giving back what leases hold and do not need."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from budgets.models import Budget
from budgets.services.charging import charge_all
from budgets.services.escrow.leases import close_if_empty, held_at, lock
from budgets.services.escrow.moving import charges_of, empty
from config.kernel.transactions import transactional

ACTOR = "escrow"


def recall_under(*, budget_id: UUID, now: datetime, also_lock: Collection[UUID] = ()) -> bool:
    """Give back everything free that leases hold at this budget or on behalf of it; True if anything came back.

    What they spent moves to the ancestors too, so that the answer to whoever asks next is that of
    a world without leases. May be called in a transaction that has not locked any budget yet;
    `also_lock` names budgets that it will change next, so that all are locked deepest first.
    """
    return recall_at([budget_id], now=now, also_lock=also_lock)


@transactional
def recall_at(budget_ids: Collection[UUID], *, now: datetime, also_lock: Collection[UUID] = ()) -> bool:
    """`recall_under` for several budgets, their leases locked by key and then all budgets deepest first."""
    lease_ids = held_at(budget_ids)
    if not lease_ids:
        return False
    leases = lock(lease_ids)
    moves = [move for lease in leases for move in empty(lease, now=now, gives_free=True)]
    charges = charges_of(moves)
    _lock_budgets({*also_lock, *(charge.budget.pk for charge in charges)})
    if charges:
        charge_all(charges, actor=ACTOR, reason="recalled", now=now)
    for lease in leases:
        close_if_empty(lease, now=now)
    return bool(charges)


def _lock_budgets(budget_ids: Collection[UUID]) -> None:
    list(Budget.objects.filter(pk__in=budget_ids).order_by("-depth", "pk").select_for_update(no_key=True))
