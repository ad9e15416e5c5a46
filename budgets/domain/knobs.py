"""What somebody turns on a budget besides its limit, and which settings make sense together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TypedDict

from budgets.domain.amounts import exact_steps, positive_steps
from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level, may_be_below
from budgets.domain.periods import Period
from budgets.domain.units import Unit, from_steps
from config.kernel.errors import InvalidInput

LONGEST_WINDOW_HOURS = 31 * 24
LARGEST_PERCENT = 1000
MOST_WARNINGS = 10
LONGEST_NAME = 120


class Knobs(TypedDict, total=False):
    """Settings of a budget as services take them; amounts in the budget's unit."""

    level: Level | None
    window_hours: int | None
    rollover_percent: int
    rollover_cap_percent: int
    tradeable_percent: int
    overflow_percent: int
    pool: Decimal
    floor: Decimal
    warning_amounts: Sequence[Decimal]
    needs_two: bool
    gear: GearChoice


class Beginnings(Knobs, total=False):
    """What `create_budget` takes besides: what is never turned afterwards."""

    model_class: str


class Changes(Knobs, total=False):
    """What `configure_budget` takes."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnobSettings:
    """All settings of one budget as they would be; amounts in steps. `parent_unit` is None for a root."""

    unit: Unit
    period: Period
    base: int
    level: Level
    parent_level: Level | None
    parent_unit: Unit | None
    window_hours: int | None = None
    rollover_percent: int = 0
    rollover_cap_percent: int = 100
    tradeable_percent: int = 50
    overflow_percent: int = 0
    pool: int = 0
    pool_drawn: int = 0
    floor: int = 0
    warning_amounts: tuple[int, ...] = ()


def checked_name(name: str) -> str:
    """A name without spaces around it. Raises InvalidInput."""
    stripped = name.strip()
    if not 0 < len(stripped) <= LONGEST_NAME:
        raise InvalidInput(f"A name has 1 to {LONGEST_NAME} characters.", field="name")
    return stripped


def knob_steps(knobs: Knobs, unit: Unit) -> dict[str, object]:
    """The same settings as columns: amounts in steps. Raises InvalidInput naming the field."""
    columns: dict[str, object] = dict(knobs)
    for field in ("pool", "floor"):
        if field in knobs:
            columns[field] = exact_steps(unit, knobs[field], field=field)
    if "warning_amounts" in knobs:
        amounts = knobs["warning_amounts"]
        columns["warning_amounts"] = [positive_steps(unit, each, field="warning_amounts") for each in amounts]
    return columns


def check_knobs(settings: KnobSettings) -> None:
    """Raise InvalidInput naming the first setting that cannot be, or not beside the others."""
    _check_window(settings)
    _check_percentages(settings)
    _check_period(settings)
    _check_amounts(settings)
    if settings.parent_level is not None and not may_be_below(settings.level, settings.parent_level):
        raise InvalidInput(
            f"No {settings.level} stands below a budget of level {settings.parent_level}.", field="level"
        )
    if settings.overflow_percent and settings.parent_unit != settings.unit:
        raise InvalidInput(
            "Only a budget below one of the same unit can draw on a pool.",
            field="overflow_percent",
        )


def _check_window(settings: KnobSettings) -> None:
    if settings.period == Period.ROLLING:
        if settings.window_hours is None:
            raise InvalidInput("Say how many hours the window of a rolling budget has.", field="window_hours")
        if not 1 <= settings.window_hours <= LONGEST_WINDOW_HOURS:
            raise InvalidInput(f"A window has 1 to {LONGEST_WINDOW_HOURS} hours.", field="window_hours")
    elif settings.window_hours is not None:
        raise InvalidInput("Only a rolling budget has a window.", field="window_hours")


def _check_percentages(settings: KnobSettings) -> None:
    for field, most in (
        ("rollover_percent", 100),
        ("rollover_cap_percent", LARGEST_PERCENT),
        ("overflow_percent", LARGEST_PERCENT),
        ("tradeable_percent", 100),
    ):
        if not 0 <= getattr(settings, field) <= most:
            raise InvalidInput(f"{field.replace('_', ' ').capitalize()} is from 0 to {most}.", field=field)


def _check_period(settings: KnobSettings) -> None:
    if settings.rollover_percent and settings.period in (Period.ONE_OFF, Period.ROLLING):
        raise InvalidInput("Only a budget that is renewed has something to carry over.", field="rollover_percent")
    if settings.period == Period.ROLLING:
        for field in ("pool", "overflow_percent"):
            if getattr(settings, field):
                raise InvalidInput("A rolling budget has no turn at which draws on a pool end.", field=field)


def _check_amounts(settings: KnobSettings) -> None:
    if settings.pool > settings.base:
        raise InvalidInput("A pool is at most what is allotted.", field="pool")
    if settings.pool < settings.pool_drawn:
        drawn = from_steps(settings.unit, settings.pool_drawn)
        raise InvalidInput(f"{drawn:f} {settings.unit} of the pool are drawn already.", field="pool")
    if settings.floor > settings.base:
        raise InvalidInput("A floor is at most what is allotted.", field="floor")
    warnings = settings.warning_amounts
    if len(warnings) > MOST_WARNINGS:
        raise InvalidInput(f"A budget warns at {MOST_WARNINGS} amounts at most.", field="warning_amounts")
    if any(later <= earlier for earlier, later in pairwise(warnings)):
        raise InvalidInput("Amounts that warn rise from each to the next.", field="warning_amounts")
