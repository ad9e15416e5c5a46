"""What the page of the tree shows: a part of it that stays small, however many budgets there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber

from budgets.admin.amounts import amount, plain
from budgets.domain.bands import Bands, status_of, used_percent
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget
from budgets.selectors import get_bands

TOP_PER_PAGE = 50
MOST_BELOW_ONE = 25
LEVELS = 4
MOST_SHOWN = 300


@dataclass(slots=True, kw_only=True)
class Branch:
    """A budget with those of the budgets below it that are shown; `hidden` are below it and not shown."""

    budget: Budget
    bands: Bands
    children: list[Branch] = field(default_factory=list)
    hidden: int = 0

    @property
    def used_percent(self) -> float:
        """Spent and reserved, of the limit."""
        return used_percent(used=self._used, limit=self.budget.limit)

    @property
    def band(self) -> str:
        """By the thresholds in force."""
        return status_of(used=self._used, limit=self.budget.limit, bands=self.bands)

    @property
    def figures(self) -> str:
        """In words: what is used, and of how much."""
        unit = Unit(self.budget.unit)
        spent, reserved = (plain(from_steps(unit, steps)) for steps in (self.budget.spent, self.budget.reserved))
        return f"{spent} spent, {reserved} reserved, of {amount(self.budget, self.budget.limit)}"

    @property
    def available(self) -> str:
        """What is left."""
        return amount(self.budget, self.budget.limit - self._used)

    @property
    def _used(self) -> int:
        return self.budget.spent + self.budget.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePart:
    """A page of the budgets at the top, or right below one, with the levels under them."""

    branches: list[Branch]
    has_more: bool


def read_tree(*, below: UUID | None, page: int) -> TreePart:
    """The budgets in use below `below`, or those above which there is none. Eight queries at most."""
    top = list(_in_use(below)[(page - 1) * TOP_PER_PAGE : page * TOP_PER_PAGE + 1])
    bands = get_bands()
    shown = {row.pk: Branch(budget=row, bands=bands) for row in top[:TOP_PER_PAGE]}
    branches = list(shown.values())
    level = branches
    for _ in range(LEVELS - 1):
        rows = _right_below([branch.budget.pk for branch in level])[: MOST_SHOWN - len(shown)] if level else []
        level = [Branch(budget=row, bands=bands) for row in rows]
        for branch in level:
            shown[branch.budget.pk] = branch
            shown[branch.budget.parent_id].children.append(branch)  # type: ignore[index]  # it has one
    _count_hidden(shown.values())
    return TreePart(branches=branches, has_more=len(top) > TOP_PER_PAGE)


def path_to(budget: Budget) -> list[Budget]:
    """The budgets above one, from the top down, and itself."""
    rows = Budget.objects.in_bulk(budget.path_ids)
    return [rows[UUID(key)] for key in reversed(budget.path_ids) if UUID(key) in rows]


def _in_use(parent: UUID | None) -> QuerySet[Budget]:
    rows = Budget.objects.filter(parent=parent, deallocated_at=None).select_related("organisation")
    return rows.order_by("organisation__name", "name", "pk")


def _right_below(parents: list[UUID]) -> QuerySet[Budget]:
    """The first budgets below each parent, by name."""
    place = Window(RowNumber(), partition_by=[F("parent")], order_by=["name", "pk"])
    rows = Budget.objects.filter(parent__in=parents, deallocated_at=None).annotate(place=place)
    return rows.filter(place__lte=MOST_BELOW_ONE).order_by("name", "pk")


def _count_hidden(branches: Iterable[Branch]) -> None:
    counts: dict[UUID | None, int] = defaultdict(int)
    rows = Budget.objects.filter(parent__in=[branch.budget.pk for branch in branches], deallocated_at=None)
    counts.update(rows.order_by().values_list("parent").annotate(Count("pk")))
    for branch in branches:
        branch.hidden = counts[branch.budget.pk] - len(branch.children)
