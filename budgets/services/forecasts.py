"""Telling of budgets that will run out, while there is time to do something."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from budgets.domain.exhaustion import HISTORY_HOURS, HOUR, ExhaustionForecast, Outlook
from budgets.models import Budget, SpendBucket
from budgets.selectors.exhaustion import list_exhaustion
from budgets.services.alerting import note_forecast

BATCH = 500
NOTICE = timedelta(hours=24)
"""A one-off budget runs out some day: that is told when it is near."""


def note_forecasts(*, now: datetime) -> int:
    """Record an alert for every budget that will run out before its period ends; return how many were news.

    Once for each budget and period. A rolling budget counts as ending with its window, a one-off is
    told a day ahead. Each alert in a transaction of its own.
    """
    noted = 0
    for batch in _recently_spent(now=now):
        soon = [each for each in list_exhaustion(batch, now=now) if _is_news(each, now=now)]
        noted += sum(_note(forecast, now=now) for forecast in soon)
    return noted


def _recently_spent(*, now: datetime) -> Iterator[list[UUID]]:
    recent = SpendBucket.objects.filter(starts_at__gt=now - HISTORY_HOURS * HOUR, spent__gt=0)
    ids = sorted(set(recent.order_by().values_list("budget", flat=True).distinct()))
    return (ids[first : first + BATCH] for first in range(0, len(ids), BATCH))


def _is_news(forecast: ExhaustionForecast, *, now: datetime) -> bool:
    if forecast.outlook is not Outlook.RUNS_OUT or forecast.central_at is None:
        return False
    return forecast.ends_by_itself or forecast.central_at <= now + NOTICE


@transaction.atomic
def _note(forecast: ExhaustionForecast, *, now: datetime) -> bool:
    budget = Budget.objects.filter(pk=forecast.budget_id, deallocated_at=None).first()
    if budget is None or (budget.period_ends_at is not None and budget.period_ends_at <= now):
        return False  # ended, or about to begin anew: next time
    times = {
        "runs_out_at": forecast.central_at,
        "earliest_at": forecast.earliest_at,
        "latest_at": forecast.latest_at,
        "resets_at": forecast.resets_at,
    }
    facts = {name: at.isoformat() if at else None for name, at in times.items()}
    return note_forecast(budget=budget, percent=100, facts={**facts, "basis": forecast.basis}, now=now)
