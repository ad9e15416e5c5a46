"""Holds that are set to an amount, again and again, instead of being placed once: what a plan promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from budgets.domain.admission import Reason, Refused, Room
from budgets.domain.units import Amounts

PLAN_PREFIX = "plan:"
"""A hold whose reference begins like this pays for all that a plan promises out of one budget."""


def plan_reference(budget_id: UUID) -> str:
    """The reference of the plan hold of a budget."""
    return f"{PLAN_PREFIX}{budget_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTarget:
    """What the open hold with this reference is to hold of a budget and all its ancestors; nothing ends it."""

    reference: str
    budget_id: UUID
    amounts: Amounts
    lease_expires_at: datetime
    may_draw: bool = True
    """Whether a budget that is short may draw on its parent's pool for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carving:
    """A part of a plan hold that becomes a hold of its own, for one piece of work."""

    reference: str
    amounts: Amounts
    lease_expires_at: datetime
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized:
    """What came of targets: the hold by reference (None: nothing is held), or why it stayed as it was."""

    holds: Mapping[str, UUID | None]
    refused: Mapping[str, Refused]


@dataclass(slots=True, kw_only=True)
class Resize:
    """A target with what it changes: steps by budget of its path, leaf first, from below zero."""

    target: HoldTarget
    steps: Mapping[UUID, int]
    refused: Refused | None = field(default=None)

    @property
    def path(self) -> tuple[UUID, ...]:
        """The budgets that it moves or would move, leaf first."""
        return tuple(self.steps)

    @property
    def grows(self) -> bool:
        """Whether any budget is asked for more."""
        return any(steps > 0 for steps in self.steps.values())


def short_room(resize: Resize, rooms: Mapping[UUID, Room]) -> Room | None:
    """The deepest budget that cannot pay what a resize adds there; None if all can."""
    for budget_id, steps in resize.steps.items():
        room = rooms[budget_id]
        if steps > 0 and (room.has_ended or room.limit - room.used < steps):
            return room
    return None


def refusal(resize: Resize, room: Room) -> Refused:
    """Why a resize is refused: the budget that has ended or has too little left."""
    if room.has_ended:
        return Refused(reason=Reason.MISSING, path=resize.path)
    return Refused(
        reason=Reason.SHORT,
        path=resize.path,
        budget_id=room.id,
        name=room.name,
        level=room.level,
        unit=room.unit,
        limit=room.limit,
        spent=room.spent,
        reserved=room.reserved,
        needed=resize.steps[room.id],
        resets_at=room.period_ends_at,
        choice=room.choice,
    )
