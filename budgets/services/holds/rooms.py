"""Budgets as locked figures, read and kept in memory while many holds end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from budgets.domain.bands import Bands
from budgets.domain.units import Unit
from budgets.models import Budget
from config.kernel.sql import fetch, identifier, locking, moment, some

LOCK = """
SELECT id, unit, "limit", spent, reserved, period_starts_at, period_ends_at, window_hours, warning_amounts,
       deallocated_at
  FROM budgets_budget WHERE id IN """
BANDS = """
SELECT (SELECT value FROM budgets_threshold WHERE name = 'budget-warn'),
       (SELECT value FROM budgets_threshold WHERE name = 'budget-critical'),
       (SELECT value FROM budgets_threshold WHERE name = 'budget-emergency'),
       EXISTS (SELECT 1 FROM budgets_escrowlease WHERE NOT (status = 'closed'))
"""


@dataclass(slots=True, kw_only=True)
class Room:
    """One locked budget, in steps of its unit."""

    id: UUID
    unit: Unit
    limit: int
    spent: int
    reserved: int
    period_starts_at: datetime
    period_ends_at: datetime | None
    window_hours: int | None
    warning_amounts: tuple[int, ...]
    has_ended: bool

    @property
    def free(self) -> int:
        """What can still be reserved or spent."""
        return self.limit - self.spent - self.reserved

    def is_over(self, now: datetime) -> bool:
        """As `periods.is_over`."""
        return not self.has_ended and self.period_ends_at is not None and self.period_ends_at <= now

    def as_row(self, *, free_in_blocks: int) -> Budget:
        """An unsaved row with these figures, as alerts tell them: what blocks hold free is not used."""
        return Budget(
            pk=self.id,
            limit=self.limit,
            spent=self.spent,
            reserved=self.reserved - free_in_blocks,
            period_starts_at=self.period_starts_at,
        )


def lock_rooms(budget_ids: Sequence[UUID]) -> dict[UUID, Room]:
    """These budgets, locked deepest first."""
    rows = fetch(f"{LOCK}{some(len(budget_ids))} ORDER BY depth DESC, id{locking()}", budget_ids)
    rooms = {}
    for budget_id, unit, limit, spent, reserved, starts_at, ends_at, window_hours, amounts, ended_at in rows:
        key = identifier(budget_id)
        rooms[key] = Room(
            id=key,
            unit=Unit(unit),
            limit=limit,
            spent=spent,
            reserved=reserved,
            period_starts_at=moment(starts_at),  # type: ignore[arg-type]  # never NULL
            period_ends_at=moment(ends_at),
            window_hours=window_hours,
            warning_amounts=tuple(json.loads(amounts)) if amounts != "[]" else (),
            has_ended=ended_at is not None,
        )
    return rooms


def get_bands_and_blocks() -> tuple[Bands, bool]:
    """The thresholds of budgets in force, and whether any block in escrow is alive."""
    warn, critical, emergency, has_blocks = fetch(BANDS)[0]
    unsaid = Bands()
    bands = Bands(
        warn=unsaid.warn if warn is None else int(warn),
        critical=unsaid.critical if critical is None else int(critical),
        emergency=unsaid.emergency if emergency is None else int(emergency),
    )
    return bands, bool(has_blocks)
