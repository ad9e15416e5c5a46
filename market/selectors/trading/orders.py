"""Orders of a team, with what became of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from config.kernel.errors import NotFound
from market.domain.trading.order_views import OrderEventRow, OrderRow
from market.models import Order

NO_SUCH_ORDER = "There is no such order."


def list_orders(
    *,
    team_ids: Collection[int] | None,
    instrument: str | None = None,
    side: str | None = None,
    status: str | None = None,
    budget: UUID | None = None,
    before: int | None = None,
    limit: int | None = 50,
) -> list[OrderRow]:
    """Orders of these teams (None: of all), newest first; `before` is the sequence of the last one of a page."""
    wanted = {"instrument": instrument, "side": side, "status": status, "budget": budget, "number__lt": before}
    rows = Order.objects.filter(**{name: value for name, value in wanted.items() if value is not None})
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    return [order_row(each) for each in rows.select_related("instrument", "team", "region")[:limit]]


def get_order(order_id: UUID, *, team_ids: Collection[int] | None) -> OrderRow:
    """One order of these teams (None: of all) with its events. Raises NotFound."""
    rows = Order.objects.filter(id=order_id).select_related("instrument", "team", "region")
    order = rows.first()
    if order is None or (team_ids is not None and order.team_id not in team_ids):
        raise NotFound(NO_SUCH_ORDER)
    events = order.events.values("kind", "lots", "limit_ticks", "at", "actor", "reason")
    return order_row(order, events=tuple(OrderEventRow(**each) for each in events))


def order_row(order: Order, *, events: tuple[OrderEventRow, ...] = ()) -> OrderRow:
    """An order that was read with its instrument, team and region."""
    plain: dict[str, Any] = {name: getattr(order, name) for name in _PLAIN}
    return OrderRow(
        **plain,
        id=order.number,
        order_id=order.id,
        instrument=order.instrument_id,
        unit=order.instrument.unit,
        lot_units=order.instrument.lot_units,
        team_name=order.team.name,
        region=order.region.code if order.region else None,
        events=events,
    )


_OTHERWISE = ("id", "order_id", "instrument", "unit", "lot_units", "team_name", "region", "events")
_PLAIN = tuple(name for name in OrderRow.__dataclass_fields__ if name not in _OTHERWISE)
