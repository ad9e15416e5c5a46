"""Orders that end without a fill: what they kept is free again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from budgets import services as budgets
from budgets.domain.quota import NO_END, only_in, quota_reference
from budgets.domain.resizing import HoldTarget
from budgets.domain.units import Unit
from config.kernel.events import publish
from market.events import OrdersChanged
from market.models import Journal, Order, OrderEvent
from market.services.trading.instruments import contract_of
from market.services.trading.loans.promises import release_promise
from market.services.trading.money import Line, account_of, post
from market.services.trading.registry import free_units

EVENT_OF = {Order.Status.CANCELLED: OrderEvent.Kind.CANCELLED, Order.Status.EXPIRED: OrderEvent.Kind.EXPIRED}


def close_orders(orders: Sequence[Order], *, status: Order.Status, actor: str, reason: str, now: datetime) -> None:
    """Cancel or expire open orders and free what they keep: registry units, promises, money, quota.

    Part of the caller's transaction, in which their instruments and then they are locked. Call it last and
    once: it locks all accounts, then all budgets.
    """
    for order in sorted(orders, key=lambda each: each.number):
        if order.covered_g:
            free_units(order)
        _free_promise(order)
    _free_money(orders, actor=actor, reason=reason, now=now)
    sales = [order for order in orders if order.side == Order.Side.SELL]
    if sales:
        budgets.resize_holds([_nothing_of(order) for order in sales], actor=actor, now=now)
    for order in orders:
        order.status, order.closed_at, order.close_reason, order.escrow_micro_usd = status, now, reason, 0
    Order.objects.bulk_update(orders, ["status", "closed_at", "close_reason", "escrow_micro_usd"], batch_size=500)
    OrderEvent.objects.bulk_create(
        event_of(order, EVENT_OF[status], lots=left_of(order), actor=actor, reason=reason, now=now) for order in orders
    )
    for code in sorted({order.instrument_id for order in orders}):
        teams = {order.team_id for order in orders if order.instrument_id == code}
        publish(OrdersChanged(instrument=code, team_ids=tuple(sorted(teams)), at=now))


def left_of(order: Order) -> int:
    """Lots that are not filled."""
    return order.lots - order.filled_lots


def is_promise(order: Order) -> bool:
    """Whether a sell order is backed by a promise of a later period and money, not by a hold of quota."""
    return order.side == Order.Side.SELL and order.escrow_micro_usd > 0


def event_of(
    order: Order, kind: OrderEvent.Kind, *, lots: int, actor: str, reason: str = "", now: datetime
) -> OrderEvent:
    """One line, not yet stored, of what became of an order."""
    return OrderEvent(
        order=order, kind=kind, lots=lots, limit_ticks=order.limit_ticks, at=now, actor=actor, reason=reason
    )


def _free_promise(order: Order) -> None:
    if is_promise(order):
        contract = contract_of(order.instrument)
        release_promise(budget_id=order.budget_id, contract=contract, steps=left_of(order) * contract.lot_steps)


def _free_money(orders: Sequence[Order], *, actor: str, reason: str, now: datetime) -> None:
    keeping = [order for order in orders if order.escrow_micro_usd]
    if not keeping:
        return
    lines = [
        Line(
            account=account_of(order.team_id),
            reserved_delta_micro_usd=-order.escrow_micro_usd,
            order_number=order.number,
        )
        for order in keeping
    ]
    reference = f"order:{keeping[0].id}" if len(keeping) == 1 else ""
    post(kind=Journal.Kind.ESCROW, lines=lines, actor=actor, reason=reason, reference=reference, now=now)


def _nothing_of(order: Order) -> HoldTarget:
    return HoldTarget(
        reference=quota_reference("order", order.id),
        budget_id=order.budget_id,
        amounts=only_in(Unit(order.instrument.unit), 0),
        lease_expires_at=NO_END,
        may_draw=False,
    )
