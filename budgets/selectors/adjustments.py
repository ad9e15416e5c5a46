"""Reads of changes by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from accounts.selectors import find_people_behind
from budgets.domain.adjustments import AdjustmentFacts, AdjustmentKind
from budgets.domain.units import Unit, from_steps
from budgets.models import Adjustment
from config.kernel.errors import NotFound

MOST = 200


def list_adjustments(
    *,
    budget_id: UUID | None = None,
    status: str | None = None,
    team_ids: frozenset[int] | None = None,
    limit: int = MOST,
) -> list[AdjustmentFacts]:
    """Changes by hand, newest first; of one budget, in one status, of some teams' budgets, or all."""
    rows = Adjustment.objects.select_related("budget").order_by("-proposed_at", "-pk")
    if budget_id is not None:
        rows = rows.filter(budget=budget_id)
    if status is not None:
        rows = rows.filter(status=status)
    if team_ids is not None:
        rows = rows.filter(budget__team__in=team_ids)
    return _facts(list(rows[:limit]))


def get_adjustment(adjustment_id: int) -> AdjustmentFacts:
    """One change by hand. Raises NotFound."""
    rows = list(Adjustment.objects.select_related("budget").filter(pk=adjustment_id))
    if not rows:
        raise NotFound("There is no such adjustment.")
    return _facts(rows)[0]


def are_other_people(one: str, other: str, *, people: dict[str, str | None] | None = None) -> bool | None:
    """Whether two actors are different people; None where the person behind a key is not known.

    A key stands for whoever made it: somebody may act as a person and by a key.
    """
    if one == other:
        return False
    known = people if people is not None else find_people_behind({one, other})
    person, second = known[one], known[other]
    return None if person is None or second is None else person != second


def _facts(rows: Sequence[Adjustment]) -> list[AdjustmentFacts]:
    actors: Collection[str] = {actor for row in rows for actor in (row.proposed_by, row.decided_by)}
    people = find_people_behind(actors)
    return [_fact(row, people) for row in rows]


def _fact(row: Adjustment, people: dict[str, str | None]) -> AdjustmentFacts:
    unit = Unit(row.budget.unit)
    return AdjustmentFacts(
        id=row.pk,
        budget_id=row.budget_id,
        budget_name=row.budget.name,
        unit=unit,
        kind=AdjustmentKind(row.kind),
        amount=None if row.amount is None else from_steps(unit, row.amount),
        reason=row.reason,
        status=row.status,
        needed_two=row.needed_two,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
        is_other_person=are_other_people(row.proposed_by, row.decided_by, people=people) if row.decided_at else None,
    )
