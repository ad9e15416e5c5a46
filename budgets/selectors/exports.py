"""All entries of a ledger, page by page, so that ten million need no more memory than ten.

No transaction and no cursor stays open between two pages: a reader that takes an hour must not keep
PostgreSQL from tidying up the hottest rows of the deployment. What comes out is exact all the same. Of each
budget there is what was committed when the export began, up to the newest id then: entries are written
under the lock of their budget's row, so within a budget ids are given in the order of commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from budgets.domain.units import Unit
from budgets.models import Budget, LedgerEntry
from budgets.selectors.ledger import DELTAS

PAGE = 5_000
COLUMNS = ("pk", "at", "kind", "actor", "reason", "hold_id", *(f"{name}_delta" for name in DELTAS))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One entry; `deltas` are in steps of the budget's unit, in the order of `DELTAS`."""

    id: int
    at: datetime
    budget_id: UUID
    budget_name: str
    unit: Unit
    kind: str
    actor: str
    reason: str
    hold_id: UUID | None
    deltas: tuple[int, ...]


def list_subtree(
    budget_id: UUID, *, team_ids: frozenset[int] | None = None, organisation_id: int | None = None
) -> list[UUID]:
    """A budget and all below it, ended ones too, a parent before its children.

    With `team_ids` only those of these teams, or of no team in that organisation.
    """
    seen = Q() if team_ids is None else Q(team__in=team_ids) | Q(team=None, organisation=organisation_id)
    found, level = [budget_id], [budget_id]
    while level:
        below = Budget.objects.filter(seen, parent__in=level).order_by("name", "pk")
        level = list(below.values_list("pk", flat=True))
        found += level
    return found


def list_units(budget_ids: Sequence[UUID]) -> list[Unit]:
    """The units of these budgets, in a fixed order."""
    found = set(Budget.objects.filter(pk__in=budget_ids).values_list("unit", flat=True))
    return [unit for unit in Unit if unit in found]


def count_entries(budget_ids: Sequence[UUID], *, since: datetime | None = None, until: datetime | None = None) -> int:
    """How many entries there are now."""
    return LedgerEntry.objects.filter(_in_time(since, until), budget__in=budget_ids).count()


def list_export_rows(
    budget_ids: Sequence[UUID], *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[ExportRow]:
    """Entries oldest first, one budget after the other; `since` counts, `until` does not."""
    newest = LedgerEntry.objects.filter(budget=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    # Before the first page, for all: what is written from now on is in none of them.
    budgets = list(Budget.objects.filter(pk__in=budget_ids).annotate(newest=Subquery(newest)).only("name", "unit"))
    place = {pk: index for index, pk in enumerate(budget_ids)}
    in_time = _in_time(since, until)
    for budget in sorted(budgets, key=lambda row: place[row.pk]):
        if budget.newest is not None:
            yield from _rows_of(budget, LedgerEntry.objects.filter(in_time, budget=budget.pk, pk__lte=budget.newest))


def _in_time(since: datetime | None, until: datetime | None) -> Q:
    return (Q() if since is None else Q(at__gte=since)) & (Q() if until is None else Q(at__lt=until))


def _rows_of(budget: Budget, entries: Any) -> Iterator[ExportRow]:
    unit, after = Unit(budget.unit), Q()
    while page := list(entries.filter(after).order_by("at", "pk").values_list(*COLUMNS)[:PAGE]):
        for pk, at, kind, actor, reason, hold_id, *deltas in page:
            yield ExportRow(
                id=pk,
                at=at,
                budget_id=budget.pk,
                budget_name=budget.name,
                unit=unit,
                kind=kind,
                actor=actor,
                reason=reason,
                hold_id=hold_id,
                deltas=tuple(deltas),
            )
        last_id, last_at = page[-1][:2]
        after = Q(at__gte=last_at) & (Q(at__gt=last_at) | Q(pk__gt=last_id))
