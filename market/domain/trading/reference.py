"""The reference price: what trades have shown, or before there were any, what the same costs as a service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from budgets.domain.units import Unit
from market.domain.policy import PolicyTerms
from market.domain.trading.instruments import MICRO, collar_of

GRAMS_PER_TONNE = 1_000_000


class ReferenceBasis(StrEnum):
    """Where a reference price comes from."""

    TRADES = "trades"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference price in ticks, the collar around it, and what it rests on.

    `calls` is of how many clearings it is the mean; 0 for the price of the service.
    """

    ticks: int
    low_ticks: int
    high_ticks: int
    basis: ReferenceBasis
    calls: int = 0


def reference_of(
    traded: Sequence[tuple[int, int]], *, unit: Unit, model_class: str, lot_units: int, terms: PolicyTerms
) -> Reference:
    """The volume-weighted mean of the last calls, (price in ticks, lots) each, or else the service price."""
    ticks = mean_ticks(traded)
    basis = ReferenceBasis.TRADES
    if ticks is None:
        ticks = service_ticks(unit=unit, model_class=model_class, lot_units=lot_units, terms=terms)
        basis = ReferenceBasis.SERVICE
    low, high = collar_of(ticks, terms.market.collar_percent)
    return Reference(ticks=ticks, low_ticks=low, high_ticks=high, basis=basis, calls=len(traded))


def mean_ticks(traded: Sequence[tuple[int, int]]) -> int | None:
    """The volume-weighted mean of (price in ticks, lots), rounded half up; None of nothing."""
    lots = sum(volume for _, volume in traded)
    return (2 * sum(price * volume for price, volume in traded) + lots) // (2 * lots) if lots else None


def service_ticks(*, unit: Unit, model_class: str, lot_units: int, terms: PolicyTerms) -> int:
    """What a lot costs as a service under the policy, in ticks, at least one.

    Tokens: the rate of the class, for any class that of the policy's reference class. Grams: the price of
    carbon. Watt hours: the price of electricity.
    """
    usd_per_unit = {
        Unit.TOKENS: terms.rate_usd_per_token[model_class or terms.market.reference_class],
        Unit.CARBON_G: terms.carbon_usd_per_t / GRAMS_PER_TONNE,
        Unit.ENERGY_WH: terms.electricity_usd_per_kwh / 1000,
    }[unit]
    return max(1, int((Decimal(lot_units) * usd_per_unit * MICRO).to_integral_value(rounding=ROUND_HALF_UP)))
