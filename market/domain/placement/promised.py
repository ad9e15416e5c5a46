"""What a placement takes from its budget: the one definition for a single row and for a million."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import numpy as np

from budgets.domain.units import Amounts, Unit, to_steps
from market.domain.placement.problem import Floats, Ints

Columns = tuple[Ints, Ints, Ints, Ints]
"""What many placements take: tokens, micrograms CO2e, micro-USD, microwatt hours."""
ULPS = 8
"""How near to a whole step, in units of the last place, a product of floats may have crossed it."""


def promised_amounts(*, tokens: int, location_g: float, total_micro_usd: int, energy_wh: float) -> Amounts:
    """What a budget is charged for work, in steps: carbon and energy rounded up, a price below zero is none."""
    return Amounts(
        tokens=tokens,
        carbon_ug=to_steps(Unit.CARBON_G, Decimal(str(location_g))),
        micro_usd=max(0, total_micro_usd),
        energy_uwh=to_steps(Unit.ENERGY_WH, Decimal(str(energy_wh))),
    )


def promised_columns(*, tokens: Ints, location_g: Floats, total_micro_usd: Ints, energy_wh: Floats) -> Columns:
    """`promised_amounts` of many placements, in the order of `Unit`; the same to the last step."""
    return tokens, millionths(location_g), np.maximum(total_micro_usd, 0), millionths(energy_wh)


def millionths(amounts: Floats) -> Ints:
    """Grams as micrograms, Wh as microwatt hours, rounded up from their shortest decimal form, as `to_steps` does."""
    scaled = amounts * 1_000_000
    steps = np.ceil(scaled).astype(np.int64)
    doubtful = np.flatnonzero(np.abs(scaled - np.rint(scaled)) <= ULPS * np.spacing(np.abs(scaled)))
    for index in doubtful.tolist():
        steps[index] = to_steps(Unit.CARBON_G, Decimal(str(amounts[index].item())))
    return steps


def add_up(amounts: Iterable[Amounts]) -> Amounts:
    """The sum, unit by unit."""
    parts = list(amounts)
    return Amounts(
        tokens=sum(each.tokens for each in parts),
        carbon_ug=sum(each.carbon_ug for each in parts),
        micro_usd=sum(each.micro_usd for each in parts),
        energy_uwh=sum(each.energy_uwh for each in parts),
    )
