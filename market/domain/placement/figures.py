"""Price and footprint of placements, a million at once, to the last bit what `market.domain.verdict.price_of` says.

Energy and carbon are floats by the same operations in the same order as `market.domain.footprint`;
money is settled by `market.domain.placement.prices`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from climate.domain.model_classes import MODEL_CLASSES
from climate.domain.places import CountryFacts
from market.domain.placement.columns import HOUR_US, UNKNOWN, RequestColumns, home_site, zone_of_site
from market.domain.placement.plan import PlanInputs
from market.domain.placement.prices import PricedCells, PricedRows, PriceTable, Quotes, within_fund
from market.domain.placement.problem import Floats, Indices, Ints
from market.domain.policy import PolicyTerms

ROWS_AT_ONCE = 1 << 16
"""Small enough that what is computed stays in the processor's cache."""
EXACT_FLOAT = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Tokens of requests in sites and hours [K], in the order in which the Fund is asked."""

    request: Indices
    site: Indices
    hour: Indices
    tokens: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprints:
    """Energy at the meter (Wh) and carbon (g CO2e) of placements [K]; `avoided_g` as in Figures."""

    energy_wh: Floats
    location_g: Floats
    avoided_g: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What each placement [K] costs (micro-USD) and emits: energy at the meter in Wh, carbon in g CO2e, central.

    `avoided_g` is against "run now at home", estimated and unverified; NaN: no home to compare with.
    """

    service_micro_usd: Ints
    carbon_micro_usd: Ints
    justice_micro_usd: Ints
    renewable_micro_usd: Ints
    from_fund_micro_usd: Ints
    energy_wh: Floats
    location_g: Floats
    avoided_g: Floats

    @property
    def total_micro_usd(self) -> Ints:
        """What the requester pays."""
        return self.service_micro_usd + self.carbon_micro_usd + self.justice_micro_usd - self.renewable_micro_usd


def figures_of(
    inputs: PlanInputs,
    columns: RequestColumns,
    placed: Placed,
    *,
    terms: Mapping[int, PolicyTerms],
    countries: Mapping[str, CountryFacts],
    fund_available_micro_usd: int,
) -> Figures:
    """Price and footprint of each placement at the posted prices of the plan.

    The Fund pays discounts in the order of the rows until it is empty. `inputs` may be a draft
    without parties.
    """
    prints = footprints_of(inputs, columns, placed, terms=terms)
    count = len(placed.tokens)
    quotes = Quotes.empty(count)
    pays_renewable = np.zeros(count, dtype=np.bool_)
    policy = np.array([kind.policy_id for kind in columns.kinds], dtype=np.int64)[columns.kind[placed.request]]
    for policy_id in np.unique(policy).tolist():
        rows = np.flatnonzero(policy == policy_id)
        pays_renewable[rows] = terms[policy_id].fund_pays_renewable
        desk = _Desk(inputs, columns, placed, rows, terms=terms[policy_id], countries=countries)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            quotes.put(some, desk.quote(columns, placed, prints, some))
    paid, from_fund = within_fund(quotes, pays_renewable=pays_renewable, available_micro_usd=fund_available_micro_usd)
    return Figures(
        service_micro_usd=paid.service,
        carbon_micro_usd=paid.carbon,
        justice_micro_usd=paid.justice,
        renewable_micro_usd=paid.renewable,
        from_fund_micro_usd=from_fund,
        energy_wh=prints.energy_wh,
        location_g=prints.location_g,
        avoided_g=prints.avoided_g,
    )


def footprints_of(
    inputs: PlanInputs, columns: RequestColumns, placed: Placed, *, terms: Mapping[int, PolicyTerms]
) -> Footprints:
    """Energy and carbon of each placement, central values."""
    meter = _Meter(inputs, columns, terms)
    measured = np.empty((3, len(placed.tokens)))
    for start in range(0, len(placed.tokens), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        measured[:, some] = meter.measure(
            columns, placed.request[some], placed.site[some], placed.hour[some], placed.tokens[some]
        )
    return Footprints(energy_wh=measured[0], location_g=measured[1], avoided_g=measured[2])


def output_tokens(columns: RequestColumns, request: Indices, tokens: Ints) -> Ints:
    """How many of `tokens`, at most those asked for, count as output; the rule of `market.domain.footprint`."""
    given = columns.input_tokens[request]
    return np.where(given == UNKNOWN, tokens, np.minimum(tokens, columns.tokens[request] - given))


def window_hours_of(columns: RequestColumns, request: Indices) -> Floats:
    """How long each request can wait, as `market.domain.asks.window_hours` counts it."""
    created, latest = columns.created_us[request], columns.latest_us[request]
    hours = np.maximum(0.0, (latest - created) / HOUR_US)
    return np.where(latest // HOUR_US > created // HOUR_US, hours, 0.0)


def computer_wh(columns: RequestColumns, request: Indices, tokens: Ints) -> Floats:
    """Energy of tokens at the computers by the table of model classes, central, Wh."""
    kind = columns.kind[request]
    classes = [MODEL_CLASSES[each.model_class] for each in columns.kinds]
    input_wh = np.array([each.input_wh_per_1k.central for each in classes])[kind]
    output_wh = np.array([each.output_wh_per_1k.central for each in classes])[kind]
    output = output_tokens(columns, request, tokens)
    energy: Floats = ((tokens - output) * input_wh + output * output_wh) / 1000
    return energy


def wh_per_token(columns: RequestColumns, request: Indices, terms: PolicyTerms) -> Floats:
    """Wh per token of whole requests of one policy: at the computers, or at the meter where a flat figure says so."""
    if terms.flat_kwh_per_token is not None:
        return np.full(len(request), float(terms.flat_kwh_per_token * 1000))
    tokens = columns.tokens[request]
    return computer_wh(columns, request, tokens) / tokens


class _Meter:
    """What energy and carbon depend on, by kind of request, site and hour."""

    def __init__(self, inputs: PlanInputs, columns: RequestColumns, terms: Mapping[int, PolicyTerms]):
        self._flat = [terms[kind.policy_id].flat_kwh_per_token for kind in columns.kinds]
        self._pue = np.array([site.pue for site in inputs.sites])
        self._intensity = inputs.arrays["intensity_g_per_kwh"][zone_of_site(inputs)]  # S x T
        homes = [home_site(inputs, kind.origin, kind.model_class) for kind in columns.kinds]
        self._home = np.array([UNKNOWN if home is None else home for home in homes], dtype=np.int32)

    def measure(
        self, columns: RequestColumns, request: Indices, site: Indices, hour: Indices, tokens: Ints
    ) -> tuple[Floats, Floats, Floats]:
        """Energy (Wh), carbon (g) and avoided carbon (g, NaN without a home)."""
        kind = columns.kind[request]
        at_computers = computer_wh(columns, request, tokens)
        home = self._home[kind]
        energy, energy_at_home = at_computers * self._pue[site], at_computers * self._pue[home]
        self._put_flat(kind, tokens, (energy, energy_at_home))
        grams = energy * self._intensity[site, hour] * (1 / 1000)
        at_home = energy_at_home * self._intensity[home, 0] * (1 / 1000)
        return energy, grams, np.where(home == UNKNOWN, np.nan, at_home - grams)

    def _put_flat(self, kind: Indices, tokens: Ints, energies: tuple[Floats, ...]) -> None:
        """Where a policy names a flat energy per token, it holds at every site."""
        for flat in {each for each in self._flat if each is not None}:
            rows = np.array([each == flat for each in self._flat])[kind]
            for energy in energies:
                energy[rows] = flat_energy_wh(flat, tokens[rows])


def flat_energy_wh(kwh_per_token: Decimal, tokens: Ints) -> Floats:
    """`float(kwh_per_token * tokens * 1000)`, of many at once.

    The quotient of two whole numbers that floats hold exactly is rounded once, as Decimal's is.
    """
    _, digits, exponent = (kwh_per_token * 1000).normalize().as_tuple()
    mantissa = int("".join(map(str, digits)))
    if isinstance(exponent, int) and -22 <= exponent <= 0 and mantissa * int(tokens.max(initial=0)) < EXACT_FLOAT:
        energy: Floats = tokens * mantissa / 10**-exponent
        return energy
    return np.array([float(kwh_per_token * each * 1000) for each in tokens.tolist()], dtype=np.float64)


class _Desk:
    """One policy's prices for the region-hours and countries that its placements have."""

    def __init__(
        self,
        inputs: PlanInputs,
        columns: RequestColumns,
        placed: Placed,
        rows: NDArray[np.intp],
        *,
        terms: PolicyTerms,
        countries: Mapping[str, CountryFacts],
    ):
        self._hours = inputs.hour_count
        cell = placed.site[rows].astype(np.int64) * self._hours + placed.hour[rows]
        used = np.flatnonzero(np.bincount(cell, minlength=len(inputs.sites) * self._hours))
        self._cell = np.zeros(len(inputs.sites) * self._hours, dtype=np.int32)
        self._cell[used] = np.arange(len(used))
        scored = sorted({kind.scored for kind in columns.kinds})
        self._country = np.array([scored.index(kind.scored) for kind in columns.kinds], dtype=np.int32)
        self._table = PriceTable(
            terms,
            cells=priced_cells(inputs, terms, used),
            countries=[countries[code] for code in scored],
            mean_need_score=inputs.mean_need_score,
        )

    def quote(self, columns: RequestColumns, placed: Placed, prints: Footprints, rows: NDArray[np.intp]) -> Quotes:
        """Prices of some rows, before the Fund's limit."""
        request = placed.request[rows]
        return self._table.quote(
            PricedRows(
                tokens=placed.tokens[rows],
                cell=self._cell[placed.site[rows].astype(np.int64) * self._hours + placed.hour[rows]],
                country=self._country[columns.kind[request]],
                window_hours=window_hours_of(columns, request),
                energy_wh=prints.energy_wh[rows],
                location_g=prints.location_g[rows],
            )
        )


def priced_cells(inputs: PlanInputs, terms: PolicyTerms, cells: NDArray[np.intp]) -> PricedCells:
    """Region-hours as a policy's prices see them, at what was promised when the plan was made.

    `cells` are site * hours + hour.
    """
    site, hour = np.divmod(cells, inputs.hour_count)
    capacity = inputs.arrays["capacity_tokens"][site, hour]
    promised = inputs.arrays["promised_tokens"][site, hour]
    utilisation = np.where(capacity > 0, promised / np.maximum(1, capacity), 1.0)
    if terms.renewable_share_of == "grid":
        shares = inputs.arrays["renewable_share"][zone_of_site(inputs)[site], hour].tolist()
    else:
        shares = [inputs.sites[each].contracted_cfe_share for each in site.tolist()]
    return PricedCells(
        model_class=[inputs.sites[each].model_class for each in site.tolist()],
        utilisation=utilisation.tolist(),
        renewable_share=[None if share is None or math.isnan(share) else share for share in shares],
    )
