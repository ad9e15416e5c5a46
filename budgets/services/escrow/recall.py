"""Giving back what leases hold and do not need."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID


def recall_under(*, budget_id: UUID, now: datetime) -> bool:
    """Give back everything free that leases hold at this budget; True if anything came back.

    May be called inside a transaction that has not yet locked any budget.
    """
    return False
