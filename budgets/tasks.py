"""Background work of budgets."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from budgets import services


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
