"""Amounts as people and programs send them, as whole steps. A refusal names the field."""

from __future__ import annotations

from decimal import Decimal

from budgets.domain.units import LARGEST_AMOUNT, Unit, from_steps, to_steps
from config.kernel.errors import InvalidInput


def positive_steps(unit: Unit, amount: Decimal, *, field: str) -> int:
    """Whole steps of an amount above zero. Raises InvalidInput naming `field`."""
    if amount.is_nan() or amount <= 0:
        raise InvalidInput(f"{_called(field)} is more than zero.", field=field)
    return exact_steps(unit, amount, field=field)


def exact_steps(unit: Unit, amount: Decimal, *, field: str) -> int:
    """Whole steps of an amount of at least zero; nothing is rounded. Raises InvalidInput naming `field`."""
    if amount.is_nan() or amount < 0:
        raise InvalidInput(f"{_called(field)} is at least zero.", field=field)
    if amount > from_steps(unit, LARGEST_AMOUNT):
        raise InvalidInput(
            f"{_called(field)} is at most {from_steps(unit, LARGEST_AMOUNT):f} {unit}.",
            field=field,
        )
    steps = to_steps(unit, amount)
    if from_steps(unit, steps) != amount:
        raise InvalidInput(
            f"{_called(field)} in {unit} has no finer steps than {from_steps(unit, 1):f}.",
            field=field,
        )
    return steps


def _called(field: str) -> str:
    if field == "warning_amounts":
        return "An amount that warns"
    return f"An {field}" if field[0] in "aeiou" else f"A {field}"
