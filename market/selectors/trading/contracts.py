"""Stored instruments as contracts."""

from __future__ import annotations

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from market.domain.trading.instruments import Contract
from market.models import Instrument


def contract_of(instrument: Instrument) -> Contract:
    """The contract of a stored instrument, with the lot that it began with."""
    return Contract(
        unit=Unit(instrument.unit),
        model_class=instrument.model_class,
        period=Period(instrument.period),
        starts_at=instrument.period_starts_at,
        ends_at=instrument.period_ends_at,
        lot_units=instrument.lot_units,
    )
