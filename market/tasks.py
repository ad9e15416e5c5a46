"""Background work of the market. Tasks take ids as keywords and tolerate newer callers."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from config.kernel.errors import Conflict
from market import services

logger = logging.getLogger(__name__)


@shared_task
def expire_overdue(**_future: Any) -> None:
    """Give back what nobody settled before its lease ran out."""
    now = timezone.now()
    expired = services.expire_overdue(now=now)
    if expired:
        logger.info("expired overdue requests", extra={"count": expired})


@shared_task
def take_up_due(**_future: Any) -> None:
    """Give planned work whose hour begins a decision and a hold of its own."""
    taken = services.take_up_due(now=timezone.now())
    if taken:
        logger.info("took up planned work", extra={"count": taken})


@shared_task
def run_allocation_pass(*, trigger: str = "schedule", **_future: Any) -> None:
    """Place the requests that wait. A pass that is running already does the work of this one."""
    try:
        services.run_allocation_pass(now=timezone.now(), trigger=trigger, actor="scheduler")
    except Conflict:
        logger.info("allocation pass skipped: one is running")


@shared_task
def count_arrivals(**_future: Any) -> None:
    """Sum up what was asked for in the hours that are over, for what the next plans expect."""
    services.count_arrivals(now=timezone.now())
