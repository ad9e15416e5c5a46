"""A change by hand as a value that crosses a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class AdjustmentKind(StrEnum):
    """What is changed by hand. The names are part of the API."""

    LIMIT = "limit"
    SPENT = "spent"
    RESET = "reset"
    SINGLE = "single"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentFacts:
    """A change by hand, proposed, applied or rejected.

    `amount` is in the budget's unit: the new base limit, or what is added to spent (below zero: taken
    off it); None for the other kinds. `is_other_person` says whether whoever decided is known to be
    another person than who proposed; None where the person behind a key is not known, or nobody decided.
    """

    id: int
    budget_id: UUID
    budget_name: str
    unit: str
    kind: AdjustmentKind
    amount: Decimal | None
    reason: str
    status: str
    needed_two: bool
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision_reason: str
    is_other_person: bool | None
