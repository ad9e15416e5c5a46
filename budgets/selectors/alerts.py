"""Reads of alerts, and of how many have not arrived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, Q

from budgets.domain.alerts import AlertFacts, AlertKind, Backlog, DeliveryStatus
from budgets.domain.periods import Period
from budgets.domain.units import Unit, from_steps
from budgets.models import AlertDelivery, BudgetAlert


def list_budget_alerts(
    *,
    team_ids: frozenset[int] | None,
    organisation_id: int | None = None,
    budget_id: UUID | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[AlertFacts]:
    """The newest alerts of budgets that a caller may see, newest first; None means of all teams.

    With `organisation_id` those of the organisation's own budgets, which no team owns, too.
    """
    rows = BudgetAlert.objects.select_related("budget__team").annotate(**counts_of("deliveries"))
    if team_ids is not None:
        rows = rows.filter(is_visible(team_ids, organisation_id, of="budget__"))
    if budget_id is not None:
        rows = rows.filter(budget=budget_id)
    if since is not None:
        rows = rows.filter(at__gte=since)
    return [facts_of(row) for row in rows.order_by("-at", "-pk")[:limit]]


def get_backlog(*, now: datetime) -> Backlog:
    """How much waits or has failed, over all channels."""
    waiting = Q(status=AlertDelivery.Status.WAITING)
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    found = AlertDelivery.objects.aggregate(
        waiting=Count("pk", filter=waiting),
        failed=Count("pk", filter=Q(status=AlertDelivery.Status.FAILED)),
        oldest=Min("created_at", filter=waiting),
        overdue=Min("next_attempt_at", filter=waiting & free & Q(next_attempt_at__lte=now)),
    )
    alerts = BudgetAlert.objects.filter(fanned_out_at=None).aggregate(count=Count("pk"), oldest=Min("at"))
    return Backlog(
        not_fanned_out=alerts["count"],
        waiting=found["waiting"],
        failed=found["failed"],
        oldest_waiting_at=_earlier(found["oldest"], alerts["oldest"]),
        overdue_since=_earlier(found["overdue"], alerts["oldest"]),
    )


def facts_of(alert: BudgetAlert) -> AlertFacts:
    """An alert as a value; deliveries are counted where the row was read with their counts."""
    budget, unit = alert.budget, Unit(alert.budget.unit)
    has_percent = alert.kind in (AlertKind.PERCENT, AlertKind.FORECAST)
    has_amount = alert.kind in (AlertKind.AMOUNT, AlertKind.OVERDRAFT)
    runs_out_at = alert.facts.get("runs_out_at")
    # A rolling budget is never whole again at once: what it calls its end is when its oldest slice leaves.
    is_lasting = budget.period_starts_at == alert.period_starts_at and budget.period != Period.ROLLING
    return AlertFacts(
        id=alert.pk,
        kind=AlertKind(alert.kind),
        at=alert.at,
        budget_id=budget.pk,
        budget_name=budget.name,
        budget_level=budget.level,
        organisation_id=budget.organisation_id,
        team_id=budget.team_id,
        team_name=budget.team.name if budget.team else "",
        unit=unit,
        period=budget.period,
        period_starts_at=alert.period_starts_at,
        resets_at=budget.period_ends_at if is_lasting else None,
        percent=alert.level if has_percent else None,
        amount=from_steps(unit, alert.level) if has_amount else None,
        limit=_amount(unit, alert.facts, "limit"),
        spent=_amount(unit, alert.facts, "spent"),
        reserved=_amount(unit, alert.facts, "reserved"),
        runs_out_at=datetime.fromisoformat(runs_out_at) if runs_out_at else None,
        hold_id=alert.hold_id,
        is_fanned_out=alert.fanned_out_at is not None,
        waiting=getattr(alert, "waiting_count", 0),
        delivered=getattr(alert, "delivered_count", 0),
        failed=getattr(alert, "failed_count", 0),
        notice=alert.facts.get("notice", ""),
    )


def counts_of(deliveries: str) -> dict[str, Count]:
    """Annotations that count the deliveries of a row by their status."""
    return {
        f"{status.value}_count": Count(deliveries, filter=Q(**{f"{deliveries}__status": status.value}))
        for status in DeliveryStatus
    }


def is_visible(team_ids: frozenset[int], organisation_id: int | None, *, of: str = "") -> Q:
    """Rows of these teams and, with an organisation, its own ones, which no team has."""
    visible = Q(**{f"{of}team__in": team_ids})
    if organisation_id is not None:
        visible |= Q(**{f"{of}team": None, f"{of}organisation": organisation_id})
    return visible


def _amount(unit: Unit, facts: Mapping[str, Any], name: str) -> Decimal | None:
    return from_steps(unit, facts[name]) if name in facts else None


def _earlier(*moments: datetime | None) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)
