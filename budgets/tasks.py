"""Background work of budgets."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from budgets import services
from budgets.services import channels, forgetting
from budgets.services.deliveries import deliver_due


@shared_task
def begin_due_periods(**_future: Any) -> None:
    """Make budgets whole again whose hour, day, week or month is over."""
    services.begin_due_periods(now=timezone.now())


@shared_task
def sweep_holds(**_future: Any) -> None:
    """Give back, or settle unverified, what nobody settled before its lease ran out."""
    services.sweep_holds(now=timezone.now())


@shared_task
def tend_escrow(**_future: Any) -> None:
    """Move what blocks in escrow spent to the budgets above, and return those that nobody uses."""
    services.tend_all(now=timezone.now())


@shared_task
def deliver_alerts(**_future: Any) -> None:
    """Send what is due to e-mail and webhooks. Every ten seconds, and soon after an alert."""
    deliver_due(now=timezone.now())


@shared_task
def renew_seals(**_future: Any) -> None:
    """Seal secrets of webhooks with the present key, where an earlier one did. Every hour."""
    channels.renew_seals()


@shared_task
def forget_deliveries(**_future: Any) -> None:
    """Let go of deliveries that were over three months ago. Every day."""
    forgetting.forget_deliveries(now=timezone.now())


@shared_task
def learn_estimates(**_future: Any) -> None:
    """Let estimates follow what was settled."""
    services.learn_estimates(now=timezone.now())


@shared_task
def note_forecasts(**_future: Any) -> None:
    """Tell of budgets that will run out before their period ends."""
    services.note_forecasts(now=timezone.now())


@shared_task
def propose_changes(**_future: Any) -> None:
    """Analyse past periods and propose other shares. Every week."""
    services.propose_everywhere(actor="analysis", now=timezone.now())
