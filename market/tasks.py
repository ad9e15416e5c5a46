"""Background work of the market. Tasks take ids as keywords and tolerate newer callers."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from config.kernel.errors import Conflict
from market import services

logger = logging.getLogger(__name__)
RUNNING_RETRY_SECONDS = 5
EXPIRES_SECONDS = 600


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
def run_asked_pass(*, trigger: str, asked: str, **_future: Any) -> None:
    """Make a new plan because something happened that the one in force does not know.

    `asked` is the mark in the cache that a pass is asked for: taken down before it looks, so that what
    happens while it runs leads to another. One that is running now may not have seen it: wait for its end.
    """
    cache.delete(asked)
    try:
        services.run_allocation_pass(now=timezone.now(), trigger=trigger, actor="scheduler")
    except Conflict as refusal:
        if refusal.code == "pass_running" and cache.add(asked, True, timeout=RUNNING_RETRY_SECONDS * 10):
            again = {"trigger": trigger, "asked": asked}
            run_asked_pass.apply_async(kwargs=again, countdown=RUNNING_RETRY_SECONDS, expires=EXPIRES_SECONDS)


@shared_task
def forget_old_plans(**_future: Any) -> None:
    """Drop the rows of plans that other plans took the place of."""
    dropped = services.forget_old_plans(now=timezone.now(), keep_hours=settings.ENVIRONMENT.plan_retention_hours)
    if dropped:
        logger.info("forgot old plans", extra={"count": dropped})


@shared_task
def count_arrivals(**_future: Any) -> None:
    """Sum up what was asked for in the hours that are over, for what the next plans expect."""
    services.count_arrivals(now=timezone.now())


@shared_task
def hold_calls(**_future: Any) -> None:
    """Hold the calls of the market whose time has come, after halts whose time is over have ended."""
    now = timezone.now()
    services.end_due_halts(now=now)
    held = services.run_due_calls(now=now)
    if held:
        logger.info("held calls of the market", extra={"count": held})


@shared_task
def expire_orders(**_future: Any) -> None:
    """End the orders of the market whose time is over. Every 15 seconds."""
    ended = services.expire_orders(now=timezone.now())
    if ended:
        logger.info("ended orders of the market", extra={"count": ended})


@shared_task
def run_standing_rules(**_future: Any) -> None:
    """Let standing rules of budgets look and trade. Every five minutes."""
    placed = services.run_rules(now=timezone.now())
    if placed:
        logger.info("standing rules placed orders", extra={"count": placed})


@shared_task
def watch_conduct(**_future: Any) -> None:
    """Look for hoarding, wash trades and spoofing. Every hour; each pattern is noticed once."""
    noticed = services.watch_conduct(now=timezone.now())
    if noticed:
        logger.info("noticed patterns in the market", extra={"count": noticed})


@shared_task
def snapshot_reputation(**_future: Any) -> None:
    """Keep the reputation of each day. Every hour, for teams that have none of today yet."""
    services.snapshot_reputation(now=timezone.now())


@shared_task
def settle_loans(**_future: Any) -> None:
    """Settle loans and forwards that are due, end offers and donations that are over, and tend what is bought in."""
    now = timezone.now()
    changed = services.run_due_loans(now=now) + services.deliver_due_forwards(now=now)
    changed += services.end_donations(now=now)
    if changed:
        logger.info("settled loans and forwards", extra={"count": changed})
