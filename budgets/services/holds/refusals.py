"""Counting what was turned away, where that is not undone by the refusal, and without a queue."""

from __future__ import annotations

import threading
from datetime import datetime
from uuid import UUID

from django.db import connection

from budgets.domain.refusals import BudgetExhausted
from budgets.models import Budget
from budgets.services import buckets
from config.kernel.transactions import in_transaction

_waiting: dict[UUID, int] = {}  # a budget is here while somebody counts for it
_lock = threading.Lock()


def note_refusal(refusal: BudgetExhausted, *, now: datetime) -> None:
    """Count that a budget turned work away.

    Of many at once one writes for the others, who do not wait: a storm of refusals must not queue
    for the row that counts them. Inside a transaction it belongs to that and stands for itself.
    """
    budget_id = UUID(refusal.facts["budget"])
    if connection.in_atomic_block:
        _count(budget_id, 1, now=now)
        return
    with _lock:
        if budget_id in _waiting:
            _waiting[budget_id] += 1
            return
        _waiting[budget_id] = 1
    try:
        while count := _take(budget_id):
            _count(budget_id, count, now=now)
    finally:
        with _lock:
            _waiting.pop(budget_id, None)


def _take(budget_id: UUID) -> int:
    with _lock:
        count = _waiting[budget_id]
        if count:
            _waiting[budget_id] = 0
        else:
            del _waiting[budget_id]
        return count


def _count(budget_id: UUID, count: int, *, now: datetime) -> None:
    budget = Budget.objects.filter(pk=budget_id).first()
    if budget is not None:
        in_transaction(lambda: buckets.note_refusals(budget, count=count, now=now))
