"""Letting go of deliveries that are over. The alerts themselves stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from budgets.models import AlertDelivery

KEPT = timedelta(days=90)
BATCH = 1000


def forget_deliveries(*, now: datetime) -> int:
    """Delete deliveries made more than 90 days ago, with their tries, unless they wait; return how many went.

    Their alerts were fanned out, so nothing is sent again. Batch by batch: a worker that dies leaves the rest to the
    next run.
    """
    forgotten = 0
    while count := _forget_some(made_before=now - KEPT):
        forgotten += count
    return forgotten


@transaction.atomic
def _forget_some(*, made_before: datetime) -> int:
    over = AlertDelivery.objects.filter(created_at__lt=made_before).exclude(status=AlertDelivery.Status.WAITING)
    # Locked, so that one which somebody has tried again at this moment is not taken away.
    found = [row.pk for row in over.order_by().only("pk").select_for_update(skip_locked=True)[:BATCH]]
    AlertDelivery.objects.filter(pk__in=found).delete()
    return len(found)
