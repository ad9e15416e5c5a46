"""Holds that nobody resolved before their lease ran out."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError

from budgets.models import Hold
from budgets.selectors.holds import overdue
from budgets.services.holds.give_back import expire_hold
from budgets.services.holds.settle import settle_unverified
from config.kernel.errors import Conflict

logger = logging.getLogger(__name__)
HOLDS_AT_ONCE = 500


def sweep_holds(*, now: datetime) -> int:
    """Resolve overdue holds, each in a transaction of its own; return how many.

    Those that were not dispatched are given back; dispatched ones are settled at what was held,
    unverified. Holds of requests are left to the market, whose capacity and Fund move with them.
    """
    return sum(
        _sweep(hold, now=now) for hold in overdue(now=now).exclude(reference__startswith="request:")[:HOLDS_AT_ONCE]
    )


def _sweep(hold: Hold, *, now: datetime) -> bool:
    try:
        if hold.status == Hold.Status.DISPATCHED:
            settle_unverified(hold_id=hold.pk, now=now)
        else:
            expire_hold(hold_id=hold.pk, now=now)
    except Conflict:
        return False  # settled, given back, dispatched or renewed since the sweep began
    except DatabaseError:
        logger.exception("a hold could not be swept", extra={"hold_id": str(hold.pk)})
        return False  # the others do not wait for it; the next sweep tries again
    return True
