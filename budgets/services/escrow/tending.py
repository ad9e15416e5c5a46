"""Opening, refilling and returning blocks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from budgets.domain.units import Amounts


def tend(*, budget_id: UUID, amounts: Amounts, asks_per_second: float, now: datetime) -> None:
    """Open or refill the lease of a leaf where that is worth it. Never refuses: without room there is no block."""


def tend_all(*, now: datetime) -> int:
    """Move what leases spent to the ancestors, shrink and return blocks; each lease in its own transaction.

    Returns how many leases were changed.
    """
    return 0
