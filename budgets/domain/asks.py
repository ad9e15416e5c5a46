"""What somebody asks a path of budgets for, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from budgets.domain.gears import Gear
from budgets.domain.units import Amounts, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldAsk:
    """Reserve `amounts` on a budget and all its ancestors, until `lease_expires_at` if nobody settles."""

    budget_id: UUID
    amounts: Amounts
    reference: str
    lease_expires_at: datetime
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedHold:
    """A hold just made. `warning_percent` is the highest threshold passed on its path, if any.

    `fence` is what a worker shows to prove that it is still the one that holds it. `left` is what its own budget
    had left after it, in `unit`; None where nobody looked.
    """

    hold_id: UUID
    expires_at: datetime
    warning_percent: int | None
    fence: int = 1
    gear: Gear = Gear.DIRECT
    left: Decimal | None = None
    unit: Unit = Unit.TOKENS
