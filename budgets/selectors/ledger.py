"""Reads of the ledger: newest first, page by page, as fast at ten million entries as at ten.

A page starts where another ended, by time and id (keyset), and an index leads to that place. What
no index leads to (an actor, an amount, a kind that most entries have) is looked for in a bounded
number of entries: such a page can be short, even empty, and still name the place to go on from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, UUIDField
from django.db.models.functions import Cast

from budgets.domain.units import Unit, from_steps, to_steps
from budgets.models import Budget, Hold, LedgerEntry
from budgets.models.ledger import COMMON_KINDS, IS_RARE

SCANS = (2_000, 20_000, 100_000)
"""How many entries are looked through, in turns, until a page is full."""
ARMS = 200
"""Budgets in one query; SQLite joins at most 500."""
MOST_HOLDS = 1_000
DELTAS = ("limit", "spent", "reserved", "overdraft", "tradeable")
NEWEST_FIRST = ("-at", "-pk")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One ledger entry; amounts in the budget's unit."""

    id: int
    at: datetime
    budget_id: UUID
    budget_name: str
    unit: str
    kind: str
    actor: str
    reason: str
    hold_id: UUID | None
    limit_delta: Decimal
    spent_delta: Decimal
    reserved_delta: Decimal
    overdraft_delta: Decimal
    tradeable_delta: Decimal


@dataclass(frozen=True, slots=True, order=True)
class LedgerPlace:
    """A place between two entries: the next page begins with what is older."""

    at: datetime
    id: int

    @classmethod
    def parse(cls, text: str) -> LedgerPlace:
        """The place that `str` wrote. Raises ValueError."""
        micros, _, key = text.partition("-")
        if not (text.isascii() and micros.isdigit() and key.isdigit() and len(text) < 40):
            raise ValueError("no place in a ledger")
        try:
            place = cls(_EPOCH + timedelta(microseconds=int(micros)), int(key))
        except OverflowError as error:
            raise ValueError("no place in a ledger") from error
        if place.id >= 2**63:
            raise ValueError("no place in a ledger")
        return place

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilters:
    """Which entries; all that are set must hold.

    `since` counts, `until` does not. `least_amount`, in the budget's unit: some delta is at least
    that much, up or down. `reference` is that of the hold, for example `request:<id>`.
    """

    kind: str | None = None
    actor: str | None = None
    hold_id: UUID | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    least_amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """Entries newest first; `next` is the place to go on from, None at the end."""

    lines: list[LedgerLine]
    next: LedgerPlace | None


def list_ledger(budget_id: UUID, *, limit: int = 100) -> list[LedgerLine]:
    """The newest entries of a budget."""
    return get_ledger_page([budget_id], filters=LedgerFilters(), limit=limit).lines


def get_ledger_page(
    budget_ids: Sequence[UUID], *, filters: LedgerFilters, after: LedgerPlace | None = None, limit: int = 100
) -> LedgerPage:
    """A page of the ledgers of these budgets together. Pages never overlap and lose nothing."""
    budgets = {row.pk: row for row in Budget.objects.filter(pk__in=budget_ids).only("name", "unit")}
    if filters.hold_id is not None or filters.reference is not None:
        return _page_of_holds(budgets, filters, after, limit)
    if _is_led_to(filters):
        return _cut([_line(row, budgets) for row in _rows(budgets, filters, after, None, limit + 1)], limit)
    found: list[LedgerLine] = []
    for scan in SCANS:
        until = _place_after(budgets, filters, after, scan)
        rows = _rows(budgets, filters, after, until, limit + 1 - len(found))
        found += [_line(row, budgets) for row in rows]
        if until is None or len(found) > limit:
            return _cut(found, limit)
        after = until
    return LedgerPage(lines=found, next=after)


def _is_led_to(filters: LedgerFilters) -> bool:
    """Whether an index leads to all that is asked for."""
    return filters.kind not in COMMON_KINDS and filters.actor is None and filters.least_amount is None


def _page_of_holds(
    budgets: Mapping[UUID, Budget], filters: LedgerFilters, after: LedgerPlace | None, limit: int
) -> LedgerPage:
    """A hold has few entries: the index of holds leads to them, and the rest is a filter."""
    holds = [filters.hold_id] if filters.hold_id is not None else []
    if filters.reference is not None:
        named = Hold.objects.filter(reference=filters.reference)
        named = named.filter(pk__in=holds) if holds else named
        holds = list(named.order_by("-created_at").values_list("pk", flat=True)[:MOST_HOLDS])
    # The cast keeps databases from going by the budget's index, which has millions of others.
    rows = LedgerEntry.objects.filter(hold__in=holds).annotate(of=Cast("budget", UUIDField()))
    rows = rows.filter(_matching(filters), _older_than(after), of__in=list(budgets))
    if filters.least_amount is not None:
        per_unit = [Q(budget__unit=unit) & _at_least(unit, filters.least_amount) for unit in Unit]
        rows = rows.filter(per_unit[0] | per_unit[1] | per_unit[2])
    return _cut([_line(row, budgets) for row in rows.order_by(*NEWEST_FIRST)[: limit + 1]], limit)


def _rows(
    budgets: Mapping[UUID, Budget],
    filters: LedgerFilters,
    after: LedgerPlace | None,
    down_to: LedgerPlace | None,
    limit: int,
) -> list[LedgerEntry]:
    """Entries between two places that match, newest first."""
    conditions = _matching(filters) & _older_than(after) & _not_older_than(down_to)

    def arm(budget: Budget) -> QuerySet[LedgerEntry]:
        rows = LedgerEntry.objects.filter(conditions, budget=budget.pk).order_by(*NEWEST_FIRST)
        if filters.least_amount is None:
            return rows
        return rows.filter(_at_least(Unit(budget.unit), filters.least_amount))

    every = [row for part in _parts(budgets) for row in _joined([arm(each)[:limit] for each in part], limit)]
    return sorted(every, key=lambda row: (row.at, row.pk), reverse=True)[:limit]


def _place_after(
    budgets: Mapping[UUID, Budget], filters: LedgerFilters, after: LedgerPlace | None, count: int
) -> LedgerPlace | None:
    """A place that at most `count` entries further on is newer than; None if there are fewer in every budget."""
    conditions, each_count = _in_time(filters) & _older_than(after), max(1, count // len(budgets or " "))
    places = []
    for part in _parts(budgets):
        rows = (LedgerEntry.objects.filter(conditions, budget=each.pk).order_by(*NEWEST_FIRST) for each in part)
        marks = _joined([each[each_count - 1 : each_count] for each in rows], limit=1)
        places += [LedgerPlace(row.at, row.pk) for row in marks]
    return max(places, default=None)


def _parts(budgets: Mapping[UUID, Budget]) -> list[list[Budget]]:
    every = list(budgets.values())
    return [every[at : at + ARMS] for at in range(0, len(every), ARMS)]


def _joined(arms: list[QuerySet[LedgerEntry]], limit: int) -> list[LedgerEntry]:
    """The newest of what each of these takes from the index of its own budget, in one query."""
    if len(arms) == 1:
        return list(arms[0])
    # Neither database walks along several budgets at once, and SQLite limits no part of a union: hence by key.
    few = [LedgerEntry.objects.filter(pk__in=each.values("pk")).order_by() for each in arms]
    return list(few[0].union(*few[1:], all=True).order_by(*NEWEST_FIRST)[:limit])


def _matching(filters: LedgerFilters) -> Q:
    found = _in_time(filters)
    if filters.kind is not None:
        found &= Q(kind=filters.kind)
        found &= Q() if filters.kind in COMMON_KINDS else IS_RARE
    if filters.actor is not None:
        found &= Q(actor=filters.actor)
    return found


def _in_time(filters: LedgerFilters) -> Q:
    found = Q()
    if filters.since is not None:
        found &= Q(at__gte=filters.since)
    if filters.until is not None:
        found &= Q(at__lt=filters.until)
    return found


def _older_than(place: LedgerPlace | None) -> Q:
    return Q() if place is None else Q(at__lte=place.at) & (Q(at__lt=place.at) | Q(pk__lt=place.id))


def _not_older_than(place: LedgerPlace | None) -> Q:
    return Q() if place is None else Q(at__gte=place.at) & (Q(at__gt=place.at) | Q(pk__gte=place.id))


def _at_least(unit: Unit, amount: Decimal) -> Q:
    steps = to_steps(unit, amount)
    found = Q()
    for name in DELTAS:
        found |= Q(**{f"{name}_delta__gte": steps}) | Q(**{f"{name}_delta__lte": -steps})
    return found


def _cut(lines: list[LedgerLine], limit: int) -> LedgerPage:
    shown = lines[:limit]
    more = len(lines) > limit
    return LedgerPage(lines=shown, next=LedgerPlace(shown[-1].at, shown[-1].id) if more else None)


def _line(row: LedgerEntry, budgets: Mapping[UUID, Budget]) -> LedgerLine:
    budget = budgets[row.budget_id]
    unit = Unit(budget.unit)
    deltas: dict[str, Any] = {f"{name}_delta": from_steps(unit, getattr(row, f"{name}_delta")) for name in DELTAS}
    return LedgerLine(
        id=row.pk,
        at=row.at,
        budget_id=row.budget_id,
        budget_name=budget.name,
        unit=unit.value,
        kind=row.kind,
        actor=row.actor,
        reason=row.reason,
        hold_id=row.hold_id,
        **deltas,
    )
