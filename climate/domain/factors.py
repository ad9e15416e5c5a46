"""Emission factors of electricity by source, from `climate/data/emission_factors.csv`.

The table ships with the package and changes only with it, so it is a constant: read once, on import.
Nothing else in the domain reads files.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from climate.domain.signal import Scope

UNIT = "g CO2e/kWh"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionFactor:
    """What a kWh from one source emits, with who says so and since when."""

    source: str
    scope: Scope
    g_per_kwh: float
    valid_from: date
    reference: str
    licence: str


def _read() -> tuple[EmissionFactor, ...]:
    table = files("climate").joinpath("data/emission_factors.csv").read_text(encoding="utf-8")
    return tuple(
        EmissionFactor(
            source=row["source"],
            scope=Scope(row["scope"]),
            g_per_kwh=_in_grams(row["value"], row["unit"]),
            valid_from=date.fromisoformat(row["valid_from"]),
            reference=row["reference"],
            licence=row["licence"],
        )
        for row in csv.DictReader(table.splitlines())
    )


def _in_grams(value: str, unit: str) -> float:
    if unit != UNIT:
        raise ValueError(f"an emission factor in {unit}, where {UNIT} is expected")
    return float(value)


FACTORS: tuple[EmissionFactor, ...] = _read()
LIFECYCLE_G_PER_KWH: dict[str, float] = {
    each.source: each.g_per_kwh for each in FACTORS if each.scope is Scope.LIFECYCLE
}
RENEWABLE_SOURCES = frozenset({"hydro", "solar", "wind", "biofuel", "other_renewable"})
CARBON_FREE_SOURCES = RENEWABLE_SOURCES | {"nuclear"}
