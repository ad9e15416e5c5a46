"""A new period before the old one is over."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from budgets.domain.periods import Period
from budgets.events import BudgetsChanged
from budgets.models import Budget, LedgerEntry, SpendBucket
from budgets.services.alerting import note_crossings
from budgets.services.buckets import add_spent
from budgets.services.guards import require_one_person
from budgets.services.ledger import entry
from budgets.services.rows import locked, note_change
from budgets.services.turns import write_records
from config.kernel.events import publish


@transaction.atomic
def reset_budget(*, budget_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Begin a new period of a budget now, at zero. Raises Conflict if that waits for a second person.

    Reservations stay. What was overdrawn is paid first, as far as it fits. The limit stays as it is,
    with what was bought or sold: that was for the time until the calendar's period ends.
    """
    budget = locked(budget_id, now=now)
    require_one_person(budget)
    reset_locked(budget, actor=actor, reason=reason, now=now)


def reset_locked(budget: Budget, *, actor: str, reason: str, now: datetime) -> None:
    """The same for a budget that is locked already, whoever agreed to it."""
    write_records([budget], {budget.pk: now})
    paid = min(budget.overdraft, budget.limit - budget.reserved)
    columns = {"spent": paid, "overdraft": budget.overdraft - paid, "period_starts_at": now, "pool_drawn": 0}
    is_rolling = budget.period == Period.ROLLING
    if is_rolling:
        columns["period_ends_at"] = None
        SpendBucket.objects.filter(budget=budget, spent__gt=0).update(spent=0)
    Budget.objects.filter(pk=budget.pk).update(**columns)
    if is_rolling:
        add_spent([(budget, paid)], now=now)
    entry(
        budget.pk,
        LedgerEntry.Kind.RESET,
        now=now,
        actor=actor,
        reason=reason,
        spent_delta=paid - budget.spent,
        overdraft_delta=-paid,
    ).save()
    budget.period_starts_at = now
    note_change(budget, actor, reason)
    note_crossings(budget_ids=[budget.pk], now=now)
    publish(BudgetsChanged(budget_ids=(budget.pk,), at=now))
