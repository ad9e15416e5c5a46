"""What budgets could offer, and how much quota there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, Sum

from budgets.domain.periods import Period
from budgets.domain.quota import QUOTA_PREFIX, OfferRoom, Sellable
from budgets.domain.units import COLUMN_OF, Unit
from budgets.models import Budget, Hold
from budgets.selectors.escrow import free_in_escrow
from budgets.selectors.turned import turned


def list_sellable(budget_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Sellable]:
    """What each of these budgets could offer; one that has ended or does not exist is left out.

    Nothing where changes wait for a second person, and nothing on a path that counts a rolling window
    in the budget's unit: what leaves such a budget would never come back. A period that is over counts
    as turned.
    """
    leaves = Budget.objects.filter(pk__in=budget_ids, deallocated_at=None)
    paths = dict(leaves.values_list("pk", "path_ids"))
    on_paths = {UUID(each) for path in paths.values() for each in path}
    rows = {row.pk: turned(row, now=now) for row in Budget.objects.filter(pk__in=on_paths)}
    return sellable_of([rows[pk] for pk in paths], rows)


def sellable_of(leaves: Iterable[Budget], rows: Mapping[UUID, Budget]) -> dict[UUID, Sellable]:
    """The same for rows that were read; `rows` are those of the whole paths."""
    leaves = list(leaves)
    idle = free_in_escrow(list(rows))
    offers = list_on_offer(leaves)
    found = {}
    for leaf in leaves:
        path = [row for row in (rows[UUID(each)] for each in leaf.path_ids) if row.unit == leaf.unit]
        room = room_of(leaf, on_offer=offers.get(leaf.pk, 0), idle=idle.get(leaf.pk, 0))
        may_not = leaf.needs_two or any(row.period == Period.ROLLING for row in path)
        found[leaf.pk] = Sellable(
            budget_id=leaf.pk,
            unit=Unit(leaf.unit),
            tradeable=0 if may_not else max(0, min(room.by_rule, room.own)),
            free=max(0, min(row.limit - row.spent - row.reserved + idle.get(row.pk, 0) for row in path)),
            on_offer=room.on_offer,
        )
    return found


def room_of(leaf: Budget, *, on_offer: int, idle: int) -> OfferRoom:
    """A row as a value."""
    return OfferRoom(
        limit=leaf.limit,
        spent=leaf.spent,
        reserved=leaf.reserved,
        base=leaf.base_limit,
        pooled=leaf.pooled,
        bonus=leaf.bonus,
        tradeable=leaf.tradeable,
        sold=leaf.sold,
        tradeable_percent=leaf.tradeable_percent,
        on_offer=on_offer,
        idle=idle,
    )


def list_on_offer(leaves: Collection[Budget]) -> dict[UUID, int]:
    """Steps in the open holds of quota of these budgets, in their units; those that offer nothing are left out."""
    by_unit: dict[Unit, list[UUID]] = defaultdict(list)
    for leaf in leaves:
        by_unit[Unit(leaf.unit)].append(leaf.pk)
    found: dict[UUID, int] = {}
    for unit, budget_ids in by_unit.items():
        found |= dict(_sums(budget_ids, unit))
    return found


def _sums(budget_ids: Collection[UUID], unit: Unit) -> Iterator[tuple[UUID, int]]:
    rows = offered().filter(budget__in=budget_ids).order_by().values_list("budget").annotate(Sum(COLUMN_OF[unit]))
    return ((budget_id, int(steps)) for budget_id, steps in rows)


def offered() -> QuerySet[Hold]:
    """Open holds that keep quota."""
    return Hold.objects.filter(status__in=Hold.OPEN, reference__startswith=QUOTA_PREFIX)


def is_below_rolling(budget_id: UUID) -> bool:
    """Whether a level of a budget's path in its unit counts a rolling window: there quota does not change hands."""
    unit, path_ids = Budget.objects.values_list("unit", "path_ids").get(pk=budget_id)
    return Budget.objects.filter(pk__in=path_ids, unit=unit, period=Period.ROLLING).exists()


def list_quota_holds() -> dict[str, tuple[UUID, int]]:
    """Budget and steps in its unit of every open hold that keeps quota, by reference."""
    rows = offered().select_related("budget").only("reference", "budget__unit", *COLUMN_OF.values())
    return {row.reference: (row.budget_id, getattr(row, COLUMN_OF[Unit(row.budget.unit)])) for row in rows}


def total_base_steps(*, unit: Unit, period: Period, model_class: str) -> int:
    """How much quota of an instrument there is in a period: the sum of what is allotted, in steps.

    Counted are live budgets of this unit, period and model class (empty: for any class), and of those
    on one path only the topmost: what those below it are allotted is part of it.
    """
    budgets = Budget.objects.filter(unit=unit, period=period, model_class=model_class, deallocated_at=None)
    rows = list(budgets.only("path_ids", "limit", "carried", "pooled", "bonus", "sold"))
    counted = {str(row.pk) for row in rows}
    return sum(row.base_limit for row in rows if counted.isdisjoint(row.path_ids[1:]))
