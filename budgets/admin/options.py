"""What people choose from when they make or turn a budget, in words for those who do not program."""

from __future__ import annotations

from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from climate.domain.model_classes import MODEL_CLASSES

UNITS = [
    (Unit.TOKENS, "tokens"),
    (Unit.CARBON_G, "carbon, in grams of CO2e"),
    (Unit.MICRO_USD, "money, in millionths of a US dollar"),
    (Unit.ENERGY_WH, "energy, in watt hours"),
]
PERIODS = [
    (Period.ONE_OFF, "once: the limit is never renewed"),
    (Period.HOUR, "an hour"),
    (Period.DAY, "a day"),
    (Period.WEEK, "a week, from Monday"),
    (Period.MONTH, "a month"),
    (Period.ROLLING, "rolling: what is spent counts for some hours, then no more"),
]
CLASSES = [
    ("", "of every class, or as the budget above it"),
    *((each, f"of class {each} only") for each in MODEL_CLASSES),
]
LEVELS = [("", "by its place in the tree"), *((level.value, level.value) for level in Level)]
GEARS = [
    (GearChoice.AUTO, "automatic: chosen by how busy the budget is"),
    (GearChoice.DIRECT, "direct: each reservation by itself"),
    (GearChoice.BATCHED, "batched: reservations at the same moment together"),
    (GearChoice.LEASED, "leased: from a block kept ready for this budget"),
]
