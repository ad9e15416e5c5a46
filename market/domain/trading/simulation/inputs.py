"""What the simulation is driven by: teams, what they ask for, and the grids behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from climate.domain.places import CountryFacts
from market.domain.placement.problem import Floats, Ints

PATTERN = (75, 140, 85, 125, 105)
"""Percent of the week's expected tokens that a team is given as quota; the same mixture in every income group."""
MONEY_PERCENT = {"low": 20, "lower_middle": 30, "upper_middle": 45, "high": 60}
"""Money to buy with, percent of what the expected tokens cost as a service, by income group of the country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTeam:
    """A team at home in one region: its country, tier of purpose, and the region's PUE and carbon-free share 0..1."""

    name: str
    country: CountryFacts
    tier: str
    zone: str
    pue: float
    cfe_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Teams T in hours H. `asked` [T, H] tokens of class L as they are asked for.

    `mood` [T, H] 0..1: how keen a team is in its hour, the rank of a request's size of its own among all.
    `expected_week` [T] tokens and `expected_share` [T, H] (rows sum to one): what the week before made a team
    expect. `intensity` [T, H] g CO2e/kWh of the home grid. `quota` [T] tokens for the week. `requests`: how many
    were asked.
    """

    starts_at: datetime
    teams: tuple[SimulatedTeam, ...]
    asked: Ints
    mood: Floats
    expected_week: Floats
    expected_share: Floats
    intensity: Floats
    quota: Ints
    requests: int

    @property
    def hours(self) -> int:
        """Hours of the week."""
        return int(self.asked.shape[1])
