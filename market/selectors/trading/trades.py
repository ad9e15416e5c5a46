"""Trades: one's own with their money, everybody's as prices and volumes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from market.domain.trading.auction_views import PublicTrade, TradeRow
from market.models import Order, Trade


def list_trades(
    *,
    team_ids: Collection[int] | None,
    instrument: str | None = None,
    order_id: Any = None,
    before: int | None = None,
    limit: int = 50,
) -> list[TradeRow]:
    """Fills of these teams (None: of all), newest first; `before` is the id of the last one of the page before."""
    rows = _of(instrument, before).select_related("instrument", "team", "order")
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    if order_id is not None:
        rows = rows.filter(order__id=order_id)
    return [_row(each) for each in rows[:limit]]


def list_public_trades(
    *, instrument: str | None = None, before: int | None = None, limit: int = 50
) -> list[PublicTrade]:
    """What buyers got, newest first, without who they are: every lot once."""
    rows = _of(instrument, before).filter(side=Order.Side.BUY).select_related("instrument", "auction")
    return [_public(each) for each in rows[:limit]]


def _of(instrument: str | None, before: int | None) -> QuerySet[Trade]:
    wanted = {"instrument": instrument, "pk__lt": before}
    return Trade.objects.filter(**{name: value for name, value in wanted.items() if value is not None})


def _row(trade: Trade) -> TradeRow:
    return TradeRow(
        **{name: getattr(trade, name) for name in _PLAIN},
        order_id=trade.order.id,
        instrument=trade.instrument_id,
        unit=trade.instrument.unit,
        lot_units=trade.instrument.lot_units,
        team_name=trade.team.name,
    )


def _public(trade: Trade) -> PublicTrade:
    return PublicTrade(
        id=trade.pk,
        auction_id=trade.auction_id,
        instrument=trade.instrument_id,
        unit=trade.instrument.unit,
        lot_units=trade.instrument.lot_units,
        kind=trade.auction.kind,
        lots=trade.lots,
        price_ticks=trade.price_ticks,
        at=trade.at,
        is_reversed=trade.is_reversed,
    )


_ELSEWHERE = {"order_id", "instrument", "unit", "lot_units", "team_name"}
_PLAIN = tuple(name for name in TradeRow.__dataclass_fields__ if name not in _ELSEWHERE)
