"""What a body of `reserve` or `consume` asks for, in whole steps."""

from __future__ import annotations

from decimal import Decimal

from budgets.domain.units import STEPS_PER_UNIT, Amounts, Unit, to_steps

MICRO_PER_USD = 1_000_000


def amounts_in(unit: Unit, amount: Decimal) -> Amounts:
    """An amount in one unit; nothing of the others."""
    return Amounts.only(unit, to_steps(unit, amount))


def amounts_of_parts(tokens: int, carbon_g: Decimal, usd: Decimal, energy_wh: Decimal) -> Amounts:
    """Tokens, grams CO2e, US dollars and Wh, each rounded up to whole steps: a charge is never understated."""
    return Amounts(
        tokens=tokens,
        carbon_ug=to_steps(Unit.CARBON_G, carbon_g),
        micro_usd=to_steps(Unit.MICRO_USD, usd * MICRO_PER_USD),
        energy_uwh=to_steps(Unit.ENERGY_WH, energy_wh),
    )


def grams_of(amounts: Amounts) -> Decimal:
    """The carbon of amounts in g CO2e."""
    return Decimal(amounts.carbon_ug) / STEPS_PER_UNIT[Unit.CARBON_G]


def wh_of(amounts: Amounts) -> Decimal:
    """The energy of amounts in Wh."""
    return Decimal(amounts.energy_uwh) / STEPS_PER_UNIT[Unit.ENERGY_WH]


def usd_of(amounts: Amounts) -> str:
    """The money of amounts in US dollars, with all six decimals."""
    return f"{Decimal(amounts.micro_usd) / MICRO_PER_USD:.6f}"
