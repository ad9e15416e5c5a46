"""Instruments, quantities and prices of the market in words. Prices are US$ for a thousand units."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from budgets.domain.units import Unit
from dashboard.domain.figures import UNKNOWN, two_digits, whole

PRICE_UNITS: dict[str, str] = {Unit.TOKENS: "1,000 tokens", Unit.CARBON_G: "1 kg CO₂e", Unit.ENERGY_WH: "1 kWh"}
PRICE_UNITS_WORDS = "1,000 tokens, 1 kg CO₂e or 1 kWh"
QUANTITY_UNITS: dict[str, str] = {Unit.TOKENS: "tokens", Unit.CARBON_G: "g CO₂e", Unit.ENERGY_WH: "Wh"}
UNITS_OF_A_PRICE = 1000


def instrument_title(unit: str, model_class: str) -> str:
    """What is traded: "tokens of class L"."""
    if unit == Unit.TOKENS:
        return f"tokens of class {model_class}" if model_class else "tokens of any class"
    return {Unit.CARBON_G: "carbon quota", Unit.ENERGY_WH: "energy quota"}[Unit(unit)]


def period_words(period: str, starts_at: datetime | None, *, now: datetime) -> str:
    """Of when: "month of Nov 2026", and whether that is still to come."""
    if starts_at is None:
        return "without an end"
    formats = {"hour": "%d %b %H:00", "day": "%d %b %Y", "week": "%d %b %Y", "month": "%b %Y"}
    words = f"{period} of {starts_at:{formats.get(period, '%d %b %Y')}}"
    return f"{words}, still to come" if starts_at > now else words


def price_of(ticks: int | None, lot_units: int) -> Decimal | None:
    """US$ for a thousand units of a price in ticks (micro-USD for a lot)."""
    return None if ticks is None else Decimal(ticks) * UNITS_OF_A_PRICE / lot_units / 1_000_000


def price_text(ticks: int | None, lot_units: int) -> str:
    """The same in words, without trailing zeros."""
    usd = price_of(ticks, lot_units)
    return UNKNOWN if usd is None else f"${usd.normalize():,f}"


def quantity_text(lots: int | None, lot_units: int, unit: str) -> str:
    """A number of lots in units."""
    return UNKNOWN if lots is None else f"{whole(lots * lot_units)} {QUANTITY_UNITS[unit]}"


def ppm_text(ppm: int) -> str:
    """What need adds to or takes off a price; 0 as long as there is no mean to compare with."""
    if not ppm:
        return "set at the call"
    sign = "+" if ppm > 0 else "−"
    return f"{sign}{two_digits(abs(ppm) / 10_000)} %"


def code_parts(code: str) -> tuple[str, str, str, datetime | None]:
    """Unit, model class (empty: any), period and its start of an instrument's code."""
    unit, model_class, period, *start = code.split("-", 3)
    starts_at = datetime.fromisoformat(start[0]).replace(tzinfo=UTC) if start else None
    return unit, "" if model_class == "any" else model_class, period, starts_at


def code_title(code: str) -> str:
    """What an instrument is, by its code."""
    unit, model_class, _, _ = code_parts(code)
    return instrument_title(unit, model_class)


def code_period(code: str, *, now: datetime) -> str:
    """Of when it is, by its code."""
    _, _, period, starts_at = code_parts(code)
    return period_words(period, starts_at, now=now)
