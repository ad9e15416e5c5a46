"""Four units on one path, all counted in whole steps so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

LARGEST_AMOUNT = 2**62
"""No amount is larger, so that sums of two stay inside a 64-bit column."""
LARGEST_LIMIT = 2**63 - 1
"""What such a column holds: room for what a budget of the largest amount buys, so that no delivery fails for it."""


class Unit(StrEnum):
    """What a budget counts. The names are part of the API."""

    TOKENS = "tokens"
    CARBON_G = "carbon_g"
    MICRO_USD = "micro_usd"
    ENERGY_WH = "energy_wh"


STEPS_PER_UNIT: dict[Unit, int] = {
    Unit.TOKENS: 1,
    Unit.CARBON_G: 1_000_000,
    Unit.MICRO_USD: 1,
    Unit.ENERGY_WH: 1_000_000,
}
"""A budget stores whole steps: tokens, micrograms CO2e, micro-USD, microwatt hours."""


COLUMN_OF: dict[Unit, str] = {
    Unit.TOKENS: "tokens",
    Unit.CARBON_G: "carbon_ug",
    Unit.MICRO_USD: "micro_usd",
    Unit.ENERGY_WH: "energy_uwh",
}
"""How steps of a unit are called, in `Amounts` and in columns of holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What one piece of work takes, in steps of each unit: tokens, micrograms CO2e, micro-USD, microwatt hours."""

    tokens: int
    carbon_ug: int
    micro_usd: int
    energy_uwh: int = 0

    @classmethod
    def only(cls, unit: Unit, steps: int) -> Amounts:
        """So many steps of one unit, and nothing of the others."""
        return cls(**(dict.fromkeys(COLUMN_OF.values(), 0) | {COLUMN_OF[unit]: steps}))

    @classmethod
    def in_columns(cls, row: object, prefix: str = "") -> Amounts:
        """What stands in the columns of a row, one for each unit, called by the unit after `prefix`."""
        return cls(**{column: getattr(row, f"{prefix}{column}") for column in COLUMN_OF.values()})

    def columns(self, prefix: str = "") -> dict[str, int]:
        """The same as columns of a row."""
        return {f"{prefix}{column}": getattr(self, column) for column in COLUMN_OF.values()}

    def of(self, unit: Unit) -> int:
        """The steps that a budget in `unit` is charged."""
        return int(getattr(self, COLUMN_OF[unit]))


def to_steps(unit: Unit, amount: Decimal) -> int:
    """Whole steps of an amount in `unit`, rounded up: a charge is never understated."""
    return int((amount * STEPS_PER_UNIT[unit]).to_integral_value(rounding=ROUND_CEILING))


def from_steps(unit: Unit, steps: int) -> Decimal:
    """An amount in `unit` of a number of steps; exact."""
    return Decimal(steps) / STEPS_PER_UNIT[unit]
