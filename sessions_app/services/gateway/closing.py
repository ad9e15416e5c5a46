"""What a process does with its calls before it ends."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from django.db import DatabaseError

from config.kernel.errors import Unavailable
from sessions_app.services.gateway.calling import end_calls
from sessions_app.services.gateway.health import flush_outcomes
from sessions_app.services.gateway.lanes import wait_until_idle

logger = logging.getLogger(__name__)


def settle_what_is_open(*, seconds: float, now: datetime) -> bool:
    """End the calls of our own code, settle all that ended, and write what breakers were not told yet.

    Whether all was settled in so many seconds; the sweep does the rest when their leases run out.
    """
    until = time.monotonic() + seconds
    end_calls(seconds=seconds / 2)
    is_settled = wait_until_idle(seconds=until - time.monotonic())
    try:
        flush_outcomes(now=now)
    except (DatabaseError, Unavailable):
        logger.warning("breakers were not told of the last answers", exc_info=True)
    return is_settled
