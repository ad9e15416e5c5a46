"""Reads of the value of finished work. All scores are in tokens and are no money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Sum
from django.db.models.functions import Greatest

from budgets.domain.efficiency import VALUE_CREATION, efficiency_of, return_on_tokens
from budgets.models import Budget, EconomicEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomicLine:
    """One economic event: a score of finished work, in tokens; no money. Shares 0..1, None not reported."""

    id: int
    kind: str
    budget_id: UUID
    budget_name: str
    reference: str
    held_tokens: int
    used_tokens: int
    quality: float | None
    collaboration: float | None
    value_tokens: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomyFacts:
    """What a budget's finished work came to in a span, with the budgets below it.

    Only work whose quality was reported counts. `efficiency` is useful tokens for each token taken
    (`budgets.domain.efficiency`), `roi` is `(market value - used) / used`; both scores, None where
    there was no such work.
    """

    budget_id: UUID
    since: datetime
    until: datetime
    work_count: int
    held_tokens: int
    used_tokens: int
    taken_tokens: int
    value_creation: float
    collaboration_bonus: float
    efficiency_gain: float
    market_value: float
    efficiency: float | None
    roi: float | None


def get_economy(budget_id: UUID, *, since: datetime, until: datetime) -> EconomyFacts:
    """The totals of a budget and those below it, of work settled from `since` up to `until`."""
    events = EconomicEvent.objects.filter(budget__in=_with_descendants(budget_id), at__gte=since, at__lt=until)
    values = dict(events.values_list("kind").annotate(value=Sum("value_tokens")).order_by())
    work = events.filter(kind=EconomicEvent.Kind.VALUE_CREATION).aggregate(
        count=Count("pk"),
        held=Sum("held_tokens", default=0),
        used=Sum("used_tokens", default=0),
        taken=Sum(Greatest(F("held_tokens"), F("used_tokens")), default=0),
    )
    useful = values.get(VALUE_CREATION, 0.0)
    bonus = values.get(EconomicEvent.Kind.COLLABORATION_BONUS, 0.0)
    return EconomyFacts(
        budget_id=budget_id,
        since=since,
        until=until,
        work_count=work["count"],
        held_tokens=int(work["held"]),
        used_tokens=int(work["used"]),
        taken_tokens=int(work["taken"]),
        value_creation=useful,
        collaboration_bonus=bonus,
        efficiency_gain=values.get(EconomicEvent.Kind.EFFICIENCY_GAIN, 0.0),
        market_value=useful + bonus,
        efficiency=efficiency_of(useful_tokens=useful, taken_tokens=int(work["taken"])),
        roi=return_on_tokens(value_tokens=useful + bonus, used_tokens=int(work["used"])),
    )


def list_economic_events(*, budget_id: UUID, before_id: int | None = None, limit: int = 100) -> list[EconomicLine]:
    """Events of a budget, newest first, from below `before_id`. The door has checked who may see the budget."""
    rows = EconomicEvent.objects.filter(budget=budget_id).select_related("budget")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return [_line(row) for row in rows.order_by("-id")[:limit]]


def _with_descendants(budget_id: UUID) -> list[UUID]:
    """A budget and all below it, ended ones too: one query for each level."""
    found, level = [budget_id], [budget_id]
    while level:
        level = list(Budget.objects.filter(parent__in=level).values_list("pk", flat=True))
        found += level
    return found


def _line(row: EconomicEvent) -> EconomicLine:
    return EconomicLine(
        id=row.pk,
        kind=row.kind,
        budget_id=row.budget_id,
        budget_name=row.budget.name,
        reference=row.reference,
        held_tokens=row.held_tokens,
        used_tokens=row.used_tokens,
        quality=row.quality,
        collaboration=row.collaboration,
        value_tokens=row.value_tokens,
        at=row.at,
    )
