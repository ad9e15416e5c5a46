"""Instruments, made when somebody first wants to trade them."""

from __future__ import annotations

from datetime import datetime

from market.domain.trading.instruments import Contract
from market.domain.trading.terms import MarketTerms
from market.models import Instrument, Order
from market.selectors.trading.contracts import contract_of

__all__ = ["contract_of", "has_open_orders", "lock_instrument", "open_instrument"]


def open_instrument(contract: Contract, *, terms: MarketTerms, now: datetime) -> Instrument:
    """The instrument of a contract, locked until the caller's transaction ends; made if it is not there.

    It keeps the lot that it began with. Another mechanism of the policy takes effect when no order is open.
    """
    Instrument.objects.get_or_create(
        code=contract.code,
        defaults={
            "unit": contract.unit,
            "model_class": contract.model_class,
            "period": contract.period,
            "period_starts_at": contract.starts_at,
            "period_ends_at": contract.ends_at,
            "lot_units": contract.lot_units,
            "mechanism": terms.mechanism,
            "created_at": now,
        },
    )
    instrument = lock_instrument(contract.code)
    if instrument.mechanism != terms.mechanism and not has_open_orders(instrument.code):
        instrument.mechanism, instrument.next_call_at = terms.mechanism, None
        instrument.save(update_fields=["mechanism", "next_call_at"])
    return instrument


def lock_instrument(code: str) -> Instrument:
    """Lock an instrument: whoever trades does this first. Part of the caller's transaction."""
    return Instrument.objects.select_for_update().get(pk=code)


def has_open_orders(code: str) -> bool:
    """Whether anybody waits to trade it."""
    return Order.objects.filter(instrument=code, status=Order.Status.OPEN).exists()
