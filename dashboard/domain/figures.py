"""Figures in words a person reads. Unknown is an en dash, never a zero; units always."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

UNKNOWN = "–"
_MASSES = ((1e6, "t"), (1e3, "kg"), (1.0, "g"), (1e-3, "mg"), (1e-6, "µg"))
_ENERGIES = ((1e6, "MWh"), (1e3, "kWh"), (1.0, "Wh"), (1e-3, "mWh"), (1e-6, "µWh"))


def two_digits(value: float | None) -> str:
    """Two significant digits: more would claim a precision that carbon accounting does not have."""
    if value is None:
        return UNKNOWN
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else UNKNOWN
    digits = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    # Rounding may carry into the next power of ten (0.0996 is 0.10, not 0.100).
    digits = 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, digits)}f}"


def mass(grams: float | None) -> tuple[str, str]:
    """Value and unit of a mass of CO2e, from µg to t, two significant digits."""
    if grams is None:
        return UNKNOWN, "g CO₂e"
    if grams == 0:
        return "0", "g CO₂e"
    value, unit = _scaled(grams, _MASSES)
    return value, f"{unit} CO₂e"


def mass_text(grams: float | None) -> str:
    """A mass of CO2e with its unit, or an en dash."""
    if grams is None:
        return UNKNOWN
    value, unit = mass(grams)
    return f"{value} {unit}"


def energy_text(wh: float | None) -> str:
    """An energy with its unit, from µWh to MWh, two significant digits, or an en dash."""
    if wh is None:
        return UNKNOWN
    if wh == 0:
        return "0 Wh"
    return " ".join(_scaled(wh, _ENERGIES))


def _scaled(amount: float, units: Sequence[tuple[float, str]]) -> tuple[str, str]:
    for size, unit in units[:-1]:
        # A hair below the next unit up rounds to 1,000 of this one: 999.6 g is 1.0 kg.
        if abs(amount) >= size * 0.995:
            return two_digits(amount / size), unit
    size, unit = units[-1]
    return two_digits(amount / size), unit


def whole(count: int | Decimal | None) -> str:
    """A whole number with thousands separated."""
    return UNKNOWN if count is None else f"{int(count):,}"


def usd(micro_usd: int | None) -> str:
    """US dollars of micro-USD, rounded for reading; six decimals where fewer would hide a small price."""
    if micro_usd is None:
        return UNKNOWN
    dollars = Decimal(micro_usd) / 1_000_000
    size = abs(dollars)
    decimals = 6 if 0 < size < Decimal("0.01") else 4 if 0 < size < 100 else 2
    sign = "−" if dollars < 0 else ""
    return f"{sign}${size:,.{decimals}f}"


def percent(share: float | None) -> str:
    """A share 0..1 as whole percent."""
    return UNKNOWN if share is None else f"{100 * share:.0f} %"


def moment(at: datetime) -> str:
    """A time in UTC."""
    return f"{at:%d %b %Y %H:%M} UTC"


def ago(then: datetime | None, *, now: datetime) -> str:
    """How long ago, in the largest unit that fits; a date beyond sixty days."""
    if then is None:
        return "never"
    elapsed = now - then
    seconds = int(elapsed.total_seconds())
    if seconds < -60:
        return f"in {span(-elapsed)}"
    if seconds < 5:
        return "just now"
    if elapsed > timedelta(days=60):
        return f"of {then:%d %b %Y}"
    return f"{span(elapsed)} ago"


def span(length: timedelta) -> str:
    """How long something took, in the largest unit that fits."""
    seconds = int(length.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
