"""Prices of many placements at once, equal to `market.domain.price.price` to the last micro-USD.

Money there is Decimal, which is exact and a thousand times too slow for a million rows. Here each
component is computed as a float and rounded; only where the float is too close to a half to know
which way the exact value rounds, the row is computed again by `price` itself.

How close is too close: the exact value of a component is a product of at most five factors, whose
float conversions and multiplications round at most 12 times in all (urgency, a sum of two terms
of one sign, takes four of them; a float's shortest text, of which Decimal makes its value, is
another). Each rounding changes the value by a factor of at most 1 + 2**-53, so that all change it
by less than 16 * 2**-53 of itself (Decimal's own 28 digits are included many times over).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from climate.domain.places import CountryFacts
from market.domain.justice import need_score
from market.domain.placement.problem import Flags, Floats, Indices, Ints
from market.domain.policy import PolicyTerms
from market.domain.price import MICRO, PriceInputs, justice_rate, price, scarcity_at

RELATIVE_ERROR = 16 * 2.0**-53
UNLIMITED = 2**62
"""What a Fund has that pays everything: its limit is applied to all rows together, by `within_fund`."""
SHARE_STEPS = 1_000_000
"""`price` rounds how far urgency has fallen to six digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCells:
    """Region-hours [C] as prices see them: class, share of the hour promised, clean share that earns (NaN unknown)."""

    model_class: Sequence[str]
    utilisation: Sequence[float]
    renewable_share: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRows:
    """Placements [K] as prices see them; `cell` and `country` are indices into the tables."""

    tokens: Ints
    cell: Indices
    country: Indices
    window_hours: Floats
    energy_wh: Floats
    location_g: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Price components [K] in micro-USD, as in `market.domain.price.Price`, if the Fund pays every discount."""

    service: Ints
    carbon: Ints
    justice: Ints
    renewable: Ints

    @classmethod
    def empty(cls, count: int) -> Quotes:
        """Of so many rows, to be put in."""
        service, carbon, justice, renewable = np.zeros((4, count), dtype=np.int64)
        return cls(service=service, carbon=carbon, justice=justice, renewable=renewable)

    def put(self, rows: NDArray[np.intp], some: Quotes) -> None:
        """Write the quotes of some rows."""
        self.service[rows], self.carbon[rows] = some.service, some.carbon
        self.justice[rows], self.renewable[rows] = some.justice, some.renewable


class PriceTable:
    """One policy's prices: what depends on region-hours and countries is worked out once."""

    def __init__(
        self,
        terms: PolicyTerms,
        *,
        cells: PricedCells,
        countries: Sequence[CountryFacts],
        mean_need_score: float | None,
    ):
        self._terms, self._cells, self._countries = terms, cells, countries
        self._mean_need_score = mean_need_score
        self._need_score = [need_score(each).score for each in countries]
        self.unit = np.array([self._unit(cell) for cell in range(len(cells.model_class))], dtype=np.float64)
        self.discount = np.array([self._discount(share) for share in cells.renewable_share], dtype=np.float64)
        self.rate = np.array([self._rate(country) for country in range(len(countries))], dtype=np.float64)

    def quote(self, rows: PricedRows) -> Quotes:
        """What each row costs."""
        terms = self._terms
        base = rows.tokens * self.unit[rows.cell] * urgency(terms, rows.window_hours)
        electricity, doubt = _rounded(rows.energy_wh * float(terms.electricity_usd_per_kwh * 1000))
        service, doubtful_service = _rounded(base)
        carbon, doubtful_carbon = _rounded(rows.location_g * float(terms.carbon_usd_per_t))
        justice, doubtful_justice = _rounded(base * self.rate[rows.country])
        renewable, doubtful_renewable = _rounded(base * self.discount[rows.cell])
        missing = electricity - (service + justice - renewable)
        doubt &= missing >= -1  # else the floor is out of reach, however electricity rounds
        doubt |= doubtful_service | doubtful_carbon | doubtful_justice | doubtful_renewable
        justice, renewable = _within_floor(justice, renewable, missing)
        quotes = Quotes(service=service, carbon=carbon, justice=justice, renewable=renewable)
        self._settle(quotes, rows, np.flatnonzero(doubt))
        return quotes

    def _settle(self, quotes: Quotes, rows: PricedRows, doubtful: NDArray[np.intp]) -> None:
        """Write over the doubtful rows what `price` says of them."""
        for row in doubtful.tolist():
            exact = price(self._terms, self._inputs(rows, row))
            quotes.service[row], quotes.carbon[row] = exact.service, exact.carbon
            quotes.justice[row], quotes.renewable[row] = exact.justice, exact.renewable

    def _inputs(self, rows: PricedRows, row: int) -> PriceInputs:
        cell, country = int(rows.cell[row]), int(rows.country[row])
        return PriceInputs(
            tokens=int(rows.tokens[row]),
            model_class=self._cells.model_class[cell],
            energy_wh=float(rows.energy_wh[row]),
            location_g=float(rows.location_g[row]),
            utilisation=self._cells.utilisation[cell],
            window_hours=float(rows.window_hours[row]),
            need_score=self._need_score[country],
            mean_need_score=self._mean_need_score,
            is_global_south=self._countries[country].is_global_south,
            renewable_share=self._cells.renewable_share[cell],
            fund_available_micro_usd=UNLIMITED,
        )

    def _unit(self, cell: int) -> float:
        """Micro-USD of service per token, of work that must run at once."""
        terms, cells = self._terms, self._cells
        rate = terms.rate_usd_per_token[cells.model_class[cell]]
        return float(rate * scarcity_at(terms, cells.utilisation[cell]) * MICRO)

    def _discount(self, share: float | None) -> float:
        return 0.0 if share is None else float(self._terms.renewable_discount * Decimal(str(share)))

    def _rate(self, country: int) -> float:
        """What justice adds, as a share of the service."""
        rate, _ = justice_rate(
            self._terms,
            need_score=self._need_score[country],
            mean_need_score=self._mean_need_score,
            is_global_south=self._countries[country].is_global_south,
        )
        return float(rate)


def urgency(terms: PolicyTerms, window_hours: Floats) -> Floats:
    """`price`'s factor for work that can wait, within four roundings of the exact value."""
    share = np.minimum(1.0, np.maximum(0.0, window_hours) / terms.urgency_full_window_hours)
    steps = share * SHARE_STEPS
    rounded = np.rint(steps)
    # Python rounds the decimal value of a float exactly; close to a half, numpy's product may fall on the other side.
    for row in np.flatnonzero(np.abs(np.abs(steps - rounded) - 0.5) < 1e-9).tolist():
        rounded[row] = np.rint(round(float(share[row]), 6) * SHARE_STEPS)
    # Not 1 - (1 - m) * share: a difference could lose digits where m is close to zero.
    exact: Floats = ((SHARE_STEPS - rounded) + float(terms.urgency_min) * rounded) / SHARE_STEPS
    return exact


def within_fund(quotes: Quotes, *, pays_renewable: Flags, available_micro_usd: int) -> tuple[Quotes, Ints]:
    """The same prices with the discounts that the Fund can pay, row by row until it is empty; and what it pays.

    As in `price`, the row at which it ends has its discounts shrunk by one factor.
    """
    from_justice = np.maximum(0, -quotes.justice)
    from_renewable = np.where(pays_renewable, quotes.renewable, 0)
    wanted = from_justice + from_renewable
    before = np.cumsum(wanted) - wanted
    payable = np.clip(max(0, available_micro_usd) - before, 0, wanted)
    paid_justice = np.where(payable == wanted, from_justice, 0)
    for row in np.flatnonzero((payable > 0) & (payable < wanted)).tolist():  # one at most; its product may pass 64 bits
        paid_justice[row] = int(from_justice[row]) * int(payable[row]) // int(wanted[row])
    justice = np.where(from_justice > 0, -paid_justice, quotes.justice)
    renewable = np.where(pays_renewable, payable - paid_justice, quotes.renewable)
    limited = Quotes(service=quotes.service, carbon=quotes.carbon, justice=justice, renewable=renewable)
    return limited, payable


def _within_floor(justice: Ints, renewable: Ints, missing: Ints) -> tuple[Ints, Ints]:
    """Discounts, the renewable one cut first, where `missing` micro-USD of electricity and carbon would not be paid."""
    missing = np.maximum(0, missing)
    cut = np.minimum(missing, renewable)
    return justice + np.minimum(missing - cut, np.maximum(0, -justice)), renewable - cut


def _rounded(amount: Floats) -> tuple[Ints, Flags]:
    """Half up by size, as Decimal does it, and where the exact value may round to another side."""
    size = np.abs(amount)
    whole = np.floor(size)
    fraction = size - whole
    doubtful = np.abs(fraction - 0.5) <= size * RELATIVE_ERROR
    rounded = (whole + (fraction >= 0.5)).astype(np.int64)
    return np.where(amount < 0, -rounded, rounded), doubtful
