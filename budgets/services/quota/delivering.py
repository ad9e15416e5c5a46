"""Quota leaves some budgets and comes to others: none is made, none is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from budgets.domain.quota import Parts, QuotaGive, QuotaTake, net
from budgets.domain.units import COLUMN_OF, LARGEST_LIMIT, Unit
from budgets.events import BudgetsChanged
from budgets.models import Budget, Hold
from budgets.services.alerting import note_crossings
from budgets.services.quota.escrowing import not_available, require_trading
from budgets.services.quota.many import among
from budgets.services.quota.moving import Paths, find_paths, lock_levels, parts_of
from budgets.services.quota.writing import Booking, close_holds, shrink_holds, write_budgets, write_entries
from config.kernel.errors import InvalidInput
from config.kernel.events import publish
from config.kernel.transactions import transactional

LONGEST_REASON = 300
Kind = TypeVar("Kind")


@transactional
def deliver_quota(
    *, gives: Sequence[QuotaGive], takes: Sequence[QuotaTake], actor: str, reason: str, now: datetime
) -> None:
    """Move quota of the present period from budgets to others of one unit, at all levels of their paths in it.

    At each giver the limit falls, and what its hold reserved with it; at each taker the limit rises as
    a bonus. Where the paths of both meet only the difference moves. All of it happens or nothing.
    Raises Conflict `not_available` naming the first budget that lacks what it is to give; InvalidInput
    for a taker that has ended or counts a rolling window; ValueError if the sums differ, a number of
    steps is not positive or units differ. Locks the holds, then all budgets deepest first: call it
    last, and once in a transaction.
    """
    _require_sums(gives, takes)
    if not gives:
        return
    paths = find_paths({each.budget_id for each in gives} | {each.budget_id for each in takes})
    held = _locked_holds(gives, paths.unit)
    delivery = _Delivery(paths=paths, held=held)
    delivery.note_gives(gives)
    rows = lock_levels(paths.all, delivery.free, now=now)
    delivery.require_available(gives, rows)
    _require_takers(takes, rows)
    deltas = delivery.deltas(gives, takes, rows)
    _write(delivery, deltas, gives, actor=actor, reason=reason[:LONGEST_REASON], now=now)
    note_crossings(budget_ids=[pk for pk, delta in deltas.items() if delta.limit < 0], now=now)
    publish(BudgetsChanged(budget_ids=tuple(deltas), at=now))


def _require_sums(gives: Sequence[QuotaGive], takes: Sequence[QuotaTake]) -> None:
    if any(each.steps <= 0 for each in gives) or any(each.steps <= 0 for each in takes):
        raise ValueError("Whoever gives or takes, gives or takes something.")
    if sum(each.steps for each in gives) != sum(each.steps for each in takes):
        raise ValueError("What is given is what is taken.")


class _Held(NamedTuple):
    """An open hold: its steps in the unit that moves."""

    hold_id: UUID
    budget_id: UUID
    steps: int


def _locked_holds(gives: Sequence[QuotaGive], unit: Unit) -> dict[str, _Held]:
    references = {each.reference for each in gives if each.reference is not None}
    rows = among(Hold.objects.filter(status__in=Hold.OPEN), "reference", references).order_by("pk")
    locked = rows.select_for_update(no_key=True).values_list("reference", "pk", "budget_id", COLUMN_OF[unit])
    return {reference: _Held(pk, budget_id, steps) for reference, pk, budget_id, steps in locked}


@dataclass(slots=True, kw_only=True)
class _Delivery:
    """What leaves: out of each hold, and by level what was reserved and what must be free."""

    paths: Paths
    held: Mapping[str, _Held]
    out_of: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reserved: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    free: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))

    def note_gives(self, gives: Iterable[QuotaGive]) -> None:
        """Add up what leaves."""
        by_leaf: dict[tuple[UUID, bool], int] = defaultdict(int)
        for give in gives:
            by_leaf[give.budget_id, give.reference is None] += give.steps
            if give.reference is not None:
                self.out_of[give.reference] += give.steps
        for (leaf, is_free), steps in by_leaf.items():
            sums, sign = (self.free, 1) if is_free else (self.reserved, -1)
            for level in self.paths.levels[leaf]:
                sums[level] += sign * steps

    def require_available(self, gives: Iterable[QuotaGive], rows: Mapping[UUID, Budget]) -> None:
        """Raise for the first give whose hold, or whose path, has too little."""
        for give in gives:
            if give.reference is not None:
                held = self.held.get(give.reference)
                if held is not None and held.budget_id != give.budget_id:
                    raise ValueError(f"The hold {give.reference} is another budget's.")
                if held is None or held.steps < self.out_of[give.reference]:
                    steps = held.steps if held else 0
                    raise not_available(give.budget_id, rows[give.budget_id].name, self.paths.unit, steps)
                continue
            for level in self.paths.levels[give.budget_id]:
                row = rows[level]
                if row.limit - row.spent - row.reserved < self.free[level]:
                    raise not_available(row.pk, row.name, self.paths.unit, row.limit - row.spent - row.reserved)

    def deltas(
        self, gives: Sequence[QuotaGive], takes: Sequence[QuotaTake], rows: Mapping[UUID, Budget]
    ) -> dict[UUID, Parts]:
        """What changes of each level's limit. Raises InvalidInput where it would be larger than any may be."""
        after = {pk: parts_of(row) for pk, row in rows.items()}
        for (leaf, bought_first), steps in _sums(((each.budget_id, each.bought_first), each.steps) for each in gives):
            for level in self.paths.levels[leaf]:
                after[level].leave(steps, is_own=level == leaf, bought_first=bought_first)
        taken = _sums(((each.budget_id, (each.sold_first, each.is_undone)), each.steps) for each in takes)
        for (leaf, (sold_first, is_undone)), steps in taken:
            for level in self.paths.levels[leaf]:
                after[level].arrive(steps, sold_first=sold_first, is_tradeable=is_undone and level == leaf)
        if too_large := next((pk for pk, parts in after.items() if parts.limit > LARGEST_LIMIT), None):
            raise InvalidInput(f"The limit of {rows[too_large].name} would be too large.", field="quantity")
        return {pk: net(parts_of(rows[pk]), parts) for pk, parts in after.items()}


def _sums(rows: Iterable[tuple[Kind, int]]) -> list[tuple[Kind, int]]:
    sums: dict[Kind, int] = defaultdict(int)
    for kind, steps in rows:
        sums[kind] += steps
    return list(sums.items())


def _require_takers(takes: Iterable[QuotaTake], rows: Mapping[UUID, Budget]) -> None:
    for row in rows.values():
        require_trading(row)
    for take in takes:
        row = rows[take.budget_id]
        if row.deallocated_at is not None:
            raise InvalidInput(f"{row.name} has ended and takes nothing more.", field="budget", budget=str(row.pk))


def _write(
    delivery: _Delivery,
    deltas: Mapping[UUID, Parts],
    gives: Sequence[QuotaGive],
    *,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    taken = [(delivery.held[reference], steps) for reference, steps in delivery.out_of.items()]
    close_holds([held.hold_id for held, steps in taken if held.steps == steps], now=now)
    left = {held.hold_id: steps for held, steps in taken if held.steps > steps}
    shrink_holds(left, COLUMN_OF[delivery.paths.unit])
    write_budgets(deltas, delivery.reserved)
    bookings = list(_bookings(taken, deltas, delivery.reserved))
    write_entries(bookings, actor=actor, reason=reason, now=now)


def _bookings(
    taken: Sequence[tuple[_Held, int]], deltas: Mapping[UUID, Parts], reserved: Mapping[UUID, int]
) -> Iterator[Booking]:
    """One entry for each hold at its own budget; one for all else that happens to a budget."""
    limits = {pk: delta.limit for pk, delta in deltas.items()}
    tradeable = {pk: delta.tradeable for pk, delta in deltas.items()}
    left = {pk: reserved.get(pk, 0) for pk in deltas}
    for (hold_id, budget_id, _), steps in taken:
        limits[budget_id] += steps
        left[budget_id] += steps
        earned = max(tradeable[budget_id], -steps)
        tradeable[budget_id] -= earned
        yield Booking(budget_id, hold_id, -steps, -steps, earned)
    for pk in deltas:
        if limits[pk] or left[pk] or tradeable[pk]:
            yield Booking(pk, None, limits[pk], left[pk], tradeable[pk])
