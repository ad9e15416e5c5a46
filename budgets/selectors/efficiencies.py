"""The efficiency of many budgets at once, for the turn of a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F, Sum
from django.db.models.functions import Greatest

from budgets.domain.efficiency import efficiency_of
from budgets.models import Budget, EconomicEvent

AT_ONCE = 1000


def list_efficiencies(budget_ids: Collection[UUID], *, since: datetime, until: datetime) -> dict[UUID, float]:
    """Useful tokens for each token taken, 0..1, of each budget with those below it.

    Of work settled from `since` up to `until`. Budgets where no quality was reported are left out.
    """
    useful: dict[UUID, float] = defaultdict(float)
    taken: dict[UUID, int] = defaultdict(int)
    above = _wanted_above(budget_ids)
    for at, useful_tokens, taken_tokens in _sums(list(above), since, until):
        for budget_id in above[at]:
            useful[budget_id] += useful_tokens
            taken[budget_id] += taken_tokens
    found = {each: efficiency_of(useful_tokens=useful[each], taken_tokens=taken[each]) for each in taken}
    return {budget_id: value for budget_id, value in found.items() if value is not None}


def _wanted_above(budget_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The budgets and all below them, ended ones too, each with those of `budget_ids` that it is, or is below."""
    above: dict[UUID, set[UUID]] = {budget_id: {budget_id} for budget_id in budget_ids}
    level = list(budget_ids)
    while level:
        children = [
            (budget_id, parent_id)
            for some in _in_parts(level)
            for budget_id, parent_id in Budget.objects.filter(parent__in=some).values_list("pk", "parent")
            if parent_id is not None
        ]
        for budget_id, parent_id in children:
            above.setdefault(budget_id, set()).update(above[parent_id])
        level = [budget_id for budget_id, _ in children]
    return above


def _sums(budget_ids: Sequence[UUID], since: datetime, until: datetime) -> Iterator[tuple[UUID, float, int]]:
    """Useful and taken tokens of the work of each budget itself."""
    work = EconomicEvent.objects.filter(kind=EconomicEvent.Kind.VALUE_CREATION, at__gte=since, at__lt=until)
    taken = Sum(Greatest(F("held_tokens"), F("used_tokens")))
    for some in _in_parts(budget_ids):
        rows = work.filter(budget__in=some).order_by().values_list("budget").annotate(Sum("value_tokens"), taken=taken)
        yield from ((budget_id, useful, int(steps)) for budget_id, useful, steps in rows)


def _in_parts(budget_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """Parts that a statement can name one by one."""
    return (budget_ids[at : at + AT_ONCE] for at in range(0, len(budget_ids), AT_ONCE))
