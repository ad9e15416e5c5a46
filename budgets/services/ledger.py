"""Keeping ledger and state in step."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from budgets.models import Hold, LedgerEntry


def entry(
    budget_id: UUID,
    kind: LedgerEntry.Kind,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
    hold: Hold | None = None,
    **deltas: int,
) -> LedgerEntry:
    """An unsaved ledger entry.

    `deltas` are limit_delta, spent_delta, reserved_delta, overdraft_delta and tradeable_delta.
    """
    return LedgerEntry(budget_id=budget_id, kind=kind, at=now, actor=actor, reason=reason, hold=hold, **deltas)
