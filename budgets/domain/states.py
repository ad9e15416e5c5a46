"""A budget as a value that crosses a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from budgets.domain.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget now. Amounts are in its unit (tokens, grams CO2e, micro-USD, Wh), exact.

    `status` is ok, warn, critical or emergency and `utilisation` low, moderate, high or critical, both
    by the thresholds in force; `crossed` lists the percentages passed in this period, and
    `warnings_passed` those of the `warning_amounts` that were. `sold` is the part of the base that was sold or
    lent away for this period. `model_class` is empty where it pays for work of every class.
    """

    id: UUID
    name: str
    level: str
    organisation_id: int
    team_id: int | None
    team_name: str
    parent_id: UUID | None
    depth: int
    unit: Unit
    model_class: str
    period: str
    window_hours: int | None
    period_starts_at: datetime
    period_ends_at: datetime | None
    limit: Decimal
    spent: Decimal
    reserved: Decimal
    tradeable: Decimal
    overdraft: Decimal
    available: Decimal
    base_limit: Decimal
    carried: Decimal
    pooled: Decimal
    bonus: Decimal
    sold: Decimal
    pool: Decimal
    pool_drawn: Decimal
    floor: Decimal
    warning_amounts: tuple[Decimal, ...]
    rollover_percent: int
    rollover_cap_percent: int
    overflow_percent: int
    tradeable_percent: int
    gear_choice: str
    needs_two: bool
    used_percent: float
    status: str
    utilisation: str
    crossed: tuple[int, ...]
    warnings_passed: tuple[Decimal, ...]
    is_default: bool
