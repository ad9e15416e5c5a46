"""Many holds that end at once: what is held, what was really used, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from budgets.domain.estimates import Estimate
from budgets.domain.units import Amounts, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedLine:
    """What a locked hold takes from one budget, in its steps. `ends_at` is when the budget's period is over."""

    id: int
    reserved: int
    budget_id: UUID
    unit: Unit
    window_hours: int | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedHold:
    """A hold that nobody else changes until this transaction ends, with its lines, leaf first."""

    id: UUID
    budget_id: UUID
    reference: str
    is_open: bool
    is_in_escrow: bool
    lines: tuple[LockedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldUse:
    """What the work of an open, locked hold really used."""

    hold: LockedHold
    amounts: Amounts
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReturn:
    """An open, locked hold of which nothing was used, and why."""

    hold: LockedHold
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledHold:
    """The highest threshold passed on its path, and what its own budget has left, as a plain decimal of its unit."""

    warning_percent: int | None
    remaining: str
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What was predicted of a piece of work, and the tokens it took beyond its input."""

    reference: str
    predicted: Estimate
    actual_tokens: int
