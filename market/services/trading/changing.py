"""Orders are improved, cancelled and come to their end."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db.models import F, Q

from accounts.domain.principal import Principal
from config.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from config.kernel.events import publish
from config.kernel.transactions import in_transaction, transactional
from market.domain.policy import PolicyTerms
from market.domain.trading.instruments import Contract
from market.domain.trading.orders import Side
from market.domain.trading.reference import Reference
from market.events import OrdersChanged
from market.models import Order, OrderEvent
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.prices import get_reference
from market.services.trading.closing import close_orders, event_of, is_promise, left_of
from market.services.trading.drafts import whole_lots
from market.services.trading.escrow import escrow_of, keep_money, keep_promise, keep_quota
from market.services.trading.gates import require_trading, require_unlocked
from market.services.trading.holding import require_holding
from market.services.trading.instruments import contract_of, lock_instrument
from market.services.trading.orders import limit_in_collar
from market.services.trading.registry import keep_units

logger = logging.getLogger(__name__)
CLOCK = "clock"
MOST_AT_ONCE = 500
CALL_WAITS = timedelta(hours=1)
"""An order that ends with a call waits this long at most for that call to be held."""
NO_SUCH_ORDER = "There is no such order."


@transactional
def cancel_order(*, order_id: UUID, principal: Principal, reason: str = "", now: datetime) -> Order:
    """Take an open order of one's team back; what it kept is free at once.

    Raises NotFound, NotAllowed, Conflict `not_open` or `locked` (the last seconds before its call).
    """
    order = _locked(order_id)
    _require_own(order, principal)
    _require_open(order)
    require_unlocked(order, terms=get_policy_in_force().terms.market, now=now)
    return _cancelled(order, actor=principal.actor, reason=reason or "withdrawn", now=now)


@transactional
def strike_order(*, order_id: UUID, actor: str, reason: str, now: datetime) -> Order:
    """Cancel anybody's open order, also in the last seconds before a call: for administrators.

    Raises InvalidInput naming `reason`, NotFound, Conflict `not_open`, or `buy_in` for an order of the clearing house.
    """
    if not reason.strip():
        raise InvalidInput("Say why: its team reads it.", field="reason", code="blank")
    order = _locked(order_id)
    _require_open(order)
    return _cancelled(order, actor=actor, reason=reason, now=now)


@transactional
def improve_order(
    *,
    order_id: UUID,
    limit_price_usd: Decimal | None = None,
    add_quantity: Decimal | None = None,
    principal: Principal,
    now: datetime,
) -> Order:
    """Raise a bid, lower an offer, or add to it; allowed until the call closes. It keeps its place.

    What it keeps in escrow follows. Raises, with nothing changed, as `place_order` does; InvalidInput
    `not_better` for a limit that is no better for the other side, and Conflict `not_open`, or `open_book`
    where orders are matched at once.
    """
    order = _locked(order_id)
    _require_own(order, principal)
    _require_open(order)
    if order.good_until <= now:
        raise Conflict("The time of this order is over.", code="not_open", order_status=order.status)
    require_trading(order.instrument, now=now)
    if order.instrument.mechanism != "auction":
        raise Conflict("On an open book an order keeps its place only as it is. Place a new one.", code="open_book")
    if limit_price_usd is None and add_quantity is None:
        raise InvalidInput("Send a better limit, or how much you add.", field="limit_price_usd", code="required")
    terms, contract = get_policy_in_force().terms, contract_of(order.instrument)
    reference = get_reference(order.instrument, terms)
    added = 0 if add_quantity is None else whole_lots(add_quantity, contract, field="add_quantity")
    if limit_price_usd is not None:
        order.limit_ticks = _better(order, limit_price_usd, contract, reference)
    if added and order.side == Order.Side.BUY:
        require_holding(order.team_id, contract, added, terms.market, field="add_quantity")
    _grow(order, added, contract=contract, reference=reference, terms=terms, actor=principal.actor, now=now)
    publish(OrdersChanged(instrument=order.instrument_id, team_ids=(order.team_id,), at=now))
    return order


def expire_orders(*, now: datetime) -> int:
    """End the orders whose time is over, each in a transaction of its own; how many.

    One that ends with a call which is late takes part in it first. One that cannot be ended keeps no other waiting.
    """
    over = Order.objects.filter(status=Order.Status.OPEN, good_until__lte=now)
    waits = Q(instrument__next_call_at__lte=F("good_until"), good_until__gt=now - CALL_WAITS)
    due = over.exclude(waits).exclude(source=Order.Source.BUY_IN).order_by("number").values_list("id", flat=True)
    ended = 0
    for order_id in list(due[:MOST_AT_ONCE]):
        try:
            ended += in_transaction(partial(_expire, order_id, now))
        except Exception:
            logger.exception("an order could not be ended", extra={"order": str(order_id)})
    return ended


def _expire(order_id: UUID, now: datetime) -> bool:
    order = _locked(order_id)
    if order.status != Order.Status.OPEN:
        return False  # another worker was here first, or it was filled
    close_orders([order], status=Order.Status.EXPIRED, actor=CLOCK, reason="its time is over", now=now)
    return True


def _locked(order_id: UUID) -> Order:
    """An order with its instrument, both locked."""
    code = Order.objects.filter(id=order_id).values_list("instrument", flat=True).first()
    if code is None:
        raise NotFound(NO_SUCH_ORDER)
    instrument = lock_instrument(code)
    order = Order.objects.select_for_update().get(id=order_id)
    order.instrument = instrument
    return order


def _require_open(order: Order) -> None:
    if order.status != Order.Status.OPEN:
        raise Conflict(f"This order is {order.status} already.", code="not_open", order_status=order.status)
    if order.source == Order.Source.BUY_IN:
        raise Conflict("The clearing house buys in for a default. It ends when that is made good.", code="buy_in")


def _require_own(order: Order, principal: Principal) -> None:
    if not principal.may_see_team(order.team_id):
        raise NotFound(NO_SUCH_ORDER)
    if order.team_id != principal.team_id:
        raise NotAllowed("This order is another team's.")


def _cancelled(order: Order, *, actor: str, reason: str, now: datetime) -> Order:
    close_orders([order], status=Order.Status.CANCELLED, actor=actor, reason=reason, now=now)
    return order


def _better(order: Order, limit_price_usd: Decimal, contract: Contract, reference: Reference) -> int:
    if order.limit_ticks is None:
        raise InvalidInput("A market order takes any price already.", field="limit_price_usd", code="no_limit")
    ticks = limit_in_collar(limit_price_usd, side=Side(order.side), contract=contract, reference=reference)
    is_buy = order.side == Order.Side.BUY
    if ticks is None or (ticks <= order.limit_ticks if is_buy else ticks >= order.limit_ticks):
        way = "above" if is_buy else "below"
        raise InvalidInput(
            f"Only an improvement keeps its place: a limit {way} the present one.",
            field="limit_price_usd",
            code="not_better",
        )
    return ticks


def _grow(
    order: Order,
    added: int,
    *,
    contract: Contract,
    reference: Reference,
    terms: PolicyTerms,
    actor: str,
    now: datetime,
) -> None:
    """Keep what the changed order needs, in the order in which everybody locks, and write it."""
    is_sale, promised = order.side == Order.Side.SELL, is_promise(order)
    if order.covered_g and added:
        unit_ids = list(order.registry_uses.values_list("unit", flat=True))
        keep_units(order=order, grams=-(-order.covered_g * added // order.lots), unit_ids=unit_ids, now=now)
    order.lots += added
    if promised:
        keep_promise(order, added, contract=contract, terms=terms.market, now=now)
    if not is_sale or promised:
        top = max(reference.high_ticks, order.escrow_micro_usd // (left_of(order) - added))
        micro_usd = escrow_of(order, contract=contract, top_ticks=top, now=now)
        keep_money(order, micro_usd, pay_from=None, actor=actor, now=now)
    order.save(update_fields=["lots", "limit_ticks", "escrow_micro_usd"])
    event_of(order, OrderEvent.Kind.IMPROVED, lots=added, actor=actor, now=now).save()
    if is_sale and not promised and added:
        keep_quota(order, left_of(order), contract=contract, terms=terms.market, actor=actor, now=now)
