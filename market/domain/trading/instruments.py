"""What is traded: quota in one unit, for one model class or any, of one period; lots, ticks and prices of it.

A tick is one micro-USD for a lot, so that lots x ticks is a whole number of micro-USD.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from budgets.domain.periods import Period
from budgets.domain.units import STEPS_PER_UNIT, Unit
from market.domain.trading.terms import MarketTerms

MICRO = Decimal(1_000_000)
ANY_CLASS = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """An instrument. `model_class` empty is any class; `starts_at` None is quota without an end (one-off)."""

    unit: Unit
    model_class: str
    period: Period
    starts_at: datetime | None
    ends_at: datetime | None
    lot_units: int

    @property
    def code(self) -> str:
        """Its name in addresses: `tokens-L-month-2026-11-01`; an hour's ends in `T13`."""
        parts = [str(self.unit), self.model_class or ANY_CLASS, str(self.period)]
        if self.starts_at is not None:
            parts.append(self.starts_at.strftime("%Y-%m-%dT%H" if self.period == Period.HOUR else "%Y-%m-%d"))
        return "-".join(parts)

    @property
    def lot_steps(self) -> int:
        """Steps of the budgets' unit in one lot."""
        return self.lot_units * STEPS_PER_UNIT[self.unit]

    def is_forward(self, now: datetime) -> bool:
        """Whether its period has not begun."""
        return self.starts_at is not None and self.starts_at > now


def lot_units_of(unit: Unit, model_class: str, terms: MarketTerms) -> int:
    """Units in a lot. Raises ValueError for money, which is no quota."""
    if unit == Unit.TOKENS:
        return terms.lot_tokens[model_class or ANY_CLASS]
    if unit == Unit.CARBON_G:
        return terms.lot_carbon_g
    if unit == Unit.ENERGY_WH:
        return terms.lot_energy_wh
    raise ValueError("Money is not traded for money.")


def lots_of(quantity: Decimal, lot_units: int) -> int | None:
    """Whole lots of a quantity in units; None if it is not a positive multiple of a lot."""
    lots = quantity / lot_units
    return int(lots) if lots > 0 and lots == lots.to_integral_value() else None


def bid_ticks(usd_per_unit: Decimal, lot_units: int) -> int:
    """A buyer's limit in ticks, rounded down: never above what was said."""
    return int((usd_per_unit * lot_units * MICRO).to_integral_value(rounding=ROUND_FLOOR))


def ask_ticks(usd_per_unit: Decimal, lot_units: int) -> int:
    """A seller's limit in ticks, rounded up: never below what was said."""
    return int((usd_per_unit * lot_units * MICRO).to_integral_value(rounding=ROUND_CEILING))


def usd_per_unit(ticks: int, lot_units: int) -> Decimal:
    """A price in ticks as US$ for one token, gram or watt hour."""
    return Decimal(ticks) / MICRO / lot_units


def collar_of(reference_ticks: int, collar_percent: int) -> tuple[int, int]:
    """The lowest and highest price, both at least one tick; inside the collar even after rounding."""
    low = -(-reference_ticks * (100 - collar_percent) // 100)
    high = reference_ticks * (100 + collar_percent) // 100
    return max(1, low), max(1, high)
