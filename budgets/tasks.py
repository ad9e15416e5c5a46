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
