"""How the administration of budgets writes amounts."""

from __future__ import annotations

from decimal import Decimal

from budgets.domain.units import Unit, from_steps
from budgets.models import Budget

UNIT_WORDS = {Unit.TOKENS: "tokens", Unit.CARBON_G: "g CO2e", Unit.MICRO_USD: "micro-USD", Unit.ENERGY_WH: "Wh"}


def in_unit(unit: str, steps: int) -> str:
    """An amount of steps with thousands separated and its unit."""
    return f"{plain(from_steps(Unit(unit), steps))} {UNIT_WORDS[Unit(unit)]}"


def amount(budget: Budget, steps: int) -> str:
    """An amount in the budget's unit, with the unit."""
    return in_unit(budget.unit, steps)


def change(budget: Budget, steps: int) -> str:
    """A change with its sign; a dot where there is none."""
    return f"{'+' if steps > 0 else '−'}{plain(abs(from_steps(Unit(budget.unit), steps)))}" if steps else "·"


def plain(number: Decimal) -> str:
    """No decimals that say nothing."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
