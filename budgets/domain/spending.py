"""What a body of `reserve` or `consume` asks for, in whole steps."""

from __future__ import annotations

from decimal import Decimal

from budgets.domain.units import STEPS_PER_UNIT, Amounts, Unit, to_steps

MICRO_PER_USD = 1_000_000


def amounts_in(unit: Unit, amount: Decimal) -> Amounts:
    """An amount in one unit; nothing of the others."""
    steps = to_steps(unit, amount)
    return Amounts(
        tokens=steps if unit is Unit.TOKENS else 0,
        carbon_ug=steps if unit is Unit.CARBON_G else 0,
        micro_usd=steps if unit is Unit.MICRO_USD else 0,
    )


def amounts_of_parts(tokens: int, carbon_g: Decimal, usd: Decimal) -> Amounts:
    """Tokens, grams CO2e and US dollars, each rounded up to whole steps: a charge is never understated."""
    return Amounts(
        tokens=tokens,
        carbon_ug=to_steps(Unit.CARBON_G, carbon_g),
        micro_usd=to_steps(Unit.MICRO_USD, usd * MICRO_PER_USD),
    )


def grams_of(amounts: Amounts) -> Decimal:
    """The carbon of amounts in g CO2e."""
    return Decimal(amounts.carbon_ug) / STEPS_PER_UNIT[Unit.CARBON_G]


def usd_of(amounts: Amounts) -> str:
    """The money of amounts in US dollars, with all six decimals."""
    return f"{Decimal(amounts.micro_usd) / MICRO_PER_USD:.6f}"
