"""Orders that cannot trade any more are closed before a call, each in a transaction of its own."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.db.models import Q

from config.kernel.transactions import in_transaction
from market.models import Instrument, Order
from market.services.trading.closing import close_orders

logger = logging.getLogger(__name__)
ACTOR = "clearing house"


def cannot_trade(closes_at: datetime) -> Q:
    """Orders that no call at this moment takes: ended, of an ended budget or a team that was switched off.

    What the clearing house buys in for a team goes on when that is switched off.
    """
    is_off = Q(team__is_active=False) | Q(team__organisation__is_active=False)
    return (
        Q(good_until__lt=closes_at)
        | Q(instrument__period_ends_at__lte=closes_at)
        | Q(budget__deallocated_at__isnull=False)
        | (is_off & ~Q(source=Order.Source.BUY_IN))
    )


def end_what_cannot_trade(instrument_code: str, *, closes_at: datetime, now: datetime) -> int:
    """Close such orders of an instrument with the reason; how many. One that cannot be closed keeps nobody waiting.

    Buy-ins are closed where they are tended: they go on in the next period, or are paid in money.
    """
    rows = Order.objects.filter(cannot_trade(closes_at), instrument=instrument_code, status=Order.Status.OPEN)
    rows = rows.exclude(source=Order.Source.BUY_IN)
    ended = 0
    for number in list(rows.order_by("number").values_list("number", flat=True)):
        try:
            ended += in_transaction(partial(_end, instrument_code, number, closes_at, now))
        except Exception:
            logger.exception("an order could not be closed", extra={"order_number": number})
    return ended


def _end(instrument_code: str, number: int, closes_at: datetime, now: datetime) -> bool:
    Instrument.objects.select_for_update().get(pk=instrument_code)
    rows = Order.objects.select_for_update(of=("self",)).filter(pk=number, status=Order.Status.OPEN)
    order = rows.select_related("instrument", "budget", "team__organisation").first()
    if order is None:
        return False
    status, reason = _why(order, closes_at)
    close_orders([order], status=status, actor=ACTOR, reason=reason, now=now)
    return True


def _why(order: Order, closes_at: datetime) -> tuple[Order.Status, str]:
    ends_at = order.instrument.period_ends_at
    if ends_at is not None and ends_at <= closes_at:
        return Order.Status.EXPIRED, "its period is over"
    if order.good_until < closes_at:
        return Order.Status.EXPIRED, "its time was over before the call closed"
    if order.budget.deallocated_at is not None:
        return Order.Status.CANCELLED, "its budget has ended"
    return Order.Status.CANCELLED, "its team was switched off"
