"""Who gets what, of several who ask at once: the rule of admission, apart from any database.

The stored function of PostgreSQL says the same for a single ask; a property test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from budgets.domain.asks import HoldAsk
from budgets.domain.bands import Bands, percentages_passed
from budgets.domain.gears import Gear, GearChoice
from budgets.domain.units import Amounts, Unit


class Reason(StrEnum):
    """Why an ask is turned away. The stored function answers with the same words."""

    MISSING = "missing"
    """There is no such budget, or it has ended."""
    DUPLICATE = "duplicate"
    """Work with this reference has an open hold."""
    OVER = "over"
    """The period of a budget on the path is over: the next one must begin first."""
    SHORT = "short"
    """A budget on the path has too little left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An ask that is reserved on its whole path, or on its leaf out of the block in escrow."""

    hold_id: UUID
    gear: Gear
    warning_percent: int | None
    path: tuple[UUID, ...]
    is_alerted: bool
    choice: GearChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An ask that is turned away, with the figures of the budget that did it; amounts in steps."""

    reason: Reason
    path: tuple[UUID, ...] = ()
    budget_id: UUID | None = None
    name: str = ""
    level: str = ""
    unit: Unit = Unit.TOKENS
    limit: int = 0
    spent: int = 0
    reserved: int = 0
    needed: int = 0
    resets_at: datetime | None = None
    choice: GearChoice = GearChoice.AUTO

    @property
    def remaining(self) -> int:
        """What the budget still had."""
        return self.limit - self.spent - self.reserved


@dataclass(slots=True, kw_only=True)
class Room:
    """One budget while asks are decided; amounts in steps. `recorded` are alerts of this period.

    `free` is what blocks hold there and nobody has been promised. It is reserved, and no alert counts it:
    without blocks it would not be there.
    """

    id: UUID
    name: str
    level: str
    unit: Unit
    choice: GearChoice
    limit: int
    spent: int
    reserved: int
    period_starts_at: datetime
    period_ends_at: datetime | None
    has_ended: bool
    warning_amounts: Sequence[int]
    free: int = 0
    recorded: set[tuple[str, int]] = field(default_factory=set)
    taken: int = 0

    @property
    def used(self) -> int:
        """Spent and reserved."""
        return self.spent + self.reserved


@dataclass(slots=True, kw_only=True)
class Block:
    """What a leaf's open lease still has to give while asks are decided."""

    id: int
    free: Amounts
    taken: Amounts = field(default_factory=lambda: Amounts(tokens=0, carbon_ug=0, micro_usd=0))

    def covers(self, amounts: Amounts) -> bool:
        """Whether it has room in every unit."""
        free = self.free
        return (
            free.tokens >= amounts.tokens
            and free.carbon_ug >= amounts.carbon_ug
            and free.micro_usd >= amounts.micro_usd
            and free.energy_uwh >= amounts.energy_uwh
        )

    def take(self, amounts: Amounts) -> None:
        """Promise a part of it."""
        self.free, self.taken = _sum(self.free, amounts, -1), _sum(self.taken, amounts, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An alert that becomes due by an admission, with the budget as it was then."""

    budget_id: UUID
    period_starts_at: datetime
    kind: str
    level: int
    facts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What an admitted ask takes: steps by budget, from a block where one covers the ancestors."""

    block_id: int | None
    steps: Sequence[tuple[UUID, int]]


@dataclass(slots=True, kw_only=True)
class Situation:
    """Everything that admission depends on, as it stands under the locks of one transaction."""

    paths: Mapping[UUID, tuple[UUID, ...]]
    rooms: Mapping[UUID, Room]
    blocks: Mapping[UUID, Block]
    references: set[str]
    bands: Bands
    now: datetime
    gear: Gear
    news: list[News] = field(default_factory=list)


def needs_ancestors(asks: Iterable[HoldAsk], blocks: Mapping[UUID, Block]) -> set[UUID]:
    """Leaves of asks that the blocks will not cover, if every ask before them is admitted.

    A refusal leaves more in a block, never less: an ask that is covered here is covered later.
    """
    free = {leaf: Block(id=block.id, free=block.free) for leaf, block in blocks.items()}
    uncovered = set()
    for ask in asks:
        block = free.get(ask.budget_id)
        if block is not None and block.covers(ask.amounts):
            block.take(ask.amounts)
        else:
            uncovered.add(ask.budget_id)
    return uncovered


def admit(ask: HoldAsk, hold_id: UUID, situation: Situation) -> tuple[Admitted, Charge] | Refused:
    """Decide one ask and take what it needs from the situation; a refusal takes nothing."""
    path = situation.paths.get(ask.budget_id, ())
    leaf = situation.rooms.get(ask.budget_id)
    if not path or leaf is None or leaf.has_ended:
        return Refused(reason=Reason.MISSING)
    if ask.reference in situation.references:
        return Refused(reason=Reason.DUPLICATE, path=path, choice=leaf.choice)
    block = situation.blocks.get(ask.budget_id)
    if block is not None and not block.covers(ask.amounts):
        block = None
    charged = path[:1] if block else path
    for budget_id in path:
        room = situation.rooms[budget_id]
        if refused := _refusal(room, ask, situation, path, leaf.choice, is_charged=budget_id in charged):
            return refused
    if block:
        block.take(ask.amounts)
    situation.references.add(ask.reference)
    steps = [(budget_id, ask.amounts.of(situation.rooms[budget_id].unit)) for budget_id in charged]
    before = len(situation.news)
    _take(situation, path, charged, ask.amounts)
    passed = [percent for budget_id in path for percent in _passed(situation, situation.rooms[budget_id])]
    admitted = Admitted(
        hold_id=hold_id,
        gear=Gear.LEASED if block else situation.gear,
        warning_percent=max(passed, default=None),
        path=path,
        is_alerted=len(situation.news) > before,
        choice=leaf.choice,
    )
    return admitted, Charge(block_id=block.id if block else None, steps=steps)


def _refusal(
    room: Room, ask: HoldAsk, situation: Situation, path: tuple[UUID, ...], choice: GearChoice, *, is_charged: bool
) -> Refused | None:
    """Why a budget turns an ask away; one that a block covers only because its period is over."""
    needed = ask.amounts.of(room.unit)
    is_over = room.period_ends_at is not None and room.period_ends_at <= situation.now
    if not is_over and not is_charged:
        return None
    if room.has_ended:
        return Refused(reason=Reason.MISSING, path=path)
    if not is_over and room.limit - room.used >= needed:
        return None
    return Refused(
        reason=Reason.OVER if is_over else Reason.SHORT,
        path=path,
        budget_id=room.id,
        name=room.name,
        level=room.level,
        unit=room.unit,
        limit=room.limit,
        spent=room.spent,
        reserved=room.reserved,
        needed=needed,
        resets_at=room.period_ends_at,
        choice=choice,
    )


def _take(situation: Situation, path: Sequence[UUID], charged: Sequence[UUID], amounts: Amounts) -> None:
    """Reserve on the budgets that are charged, out of what is free at those that are not; note what becomes due."""
    for budget_id in path:
        room = situation.rooms[budget_id]
        steps = amounts.of(room.unit)
        if budget_id in charged:
            room.reserved += steps
            room.taken += steps
        else:
            room.free -= steps
        _note(situation, room)


def _note(situation: Situation, room: Room) -> None:
    due = [("percent", percent) for percent in _passed(situation, room)]
    due += [("amount", amount) for amount in room.warning_amounts if room.used - room.free >= amount]
    for kind, level in due:
        if (kind, level) not in room.recorded:
            room.recorded.add((kind, level))
            facts = {"limit": room.limit, "spent": room.spent, "reserved": room.reserved - room.free}
            situation.news.append(
                News(budget_id=room.id, period_starts_at=room.period_starts_at, kind=kind, level=level, facts=facts)
            )


def _passed(situation: Situation, room: Room) -> list[int]:
    return percentages_passed(used=room.used - room.free, limit=room.limit, bands=situation.bands)


def _sum(left: Amounts, right: Amounts, sign: int) -> Amounts:
    return Amounts(
        tokens=left.tokens + sign * right.tokens,
        carbon_ug=left.carbon_ug + sign * right.carbon_ug,
        micro_usd=left.micro_usd + sign * right.micro_usd,
        energy_uwh=left.energy_uwh + sign * right.energy_uwh,
    )
