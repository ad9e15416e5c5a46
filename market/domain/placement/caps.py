"""Price caps as limits on region-hours: where and when a request costs no more than it may.

Taken exactly, every request with a cap would have region-hours of its own, and a million of them
could not be grouped. Up to EXACT_REQUESTS are taken exactly. Of more, those that are priced alike
(region-hours allowed, policy, justice) share a list of posted unit prices. Who can pay all of them
needs no level; the caps of the others are rounded *down* onto some of them: a request may miss a
region-hour it could just have paid, and is never put where it costs more than it may. Lists share
MOST_LEVELS levels by the requests they have, LEAST_LEVELS each at least, so that there are at most
MOST_LEVELS + LEAST_LEVELS * lists further profiles.

Prices are those posted when the plan is made, as if the Fund paid its part: what the Fund turns out
not to pay is known only when all is placed, and left to the pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from climate.domain.places import CountryFacts
from market.domain.placement.columns import UNKNOWN, RequestColumns, zone_of_site
from market.domain.placement.figures import Placed, figures_of, priced_cells, wh_per_token, window_hours_of
from market.domain.placement.plan import PlanInputs
from market.domain.placement.prices import UNLIMITED, PriceTable, urgency
from market.domain.placement.problem import Flags, Floats, Indices
from market.domain.policy import PolicyTerms

EXACT_REQUESTS = 256
EXACT_PRICES = 250_000
MOST_LEVELS = 512
LEAST_LEVELS = 2
ENERGY_LEVELS = 4
"""Of energy per token over urgency, by which carbon and electricity count beside the service; rounded up."""
TINY = 1e-9
"""In place of an urgency of zero, which some policy may ask for: work that costs its carbon only."""
ROUNDING_MICRO_USD = 2
"""Four components, each rounded up by half a micro-USD at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCells:
    """Masks of region-hours [M, S, T] and which of them each request has [N]. `is_rounded`: by caps rounded down."""

    cells: Flags
    of_request: Indices
    is_rounded: bool = False


def affordable(
    inputs: PlanInputs,
    columns: RequestColumns,
    opened: OpenCells,
    *,
    terms: Mapping[int, PolicyTerms],
    countries: Mapping[str, CountryFacts],
) -> OpenCells:
    """The same with region-hours that cost more than a request's cap taken out."""
    rows = np.flatnonzero(columns.price_cap_micro_usd != UNKNOWN).astype(np.int32)
    if not len(rows):
        return opened
    prices = opened.cells.sum(axis=(1, 2))[opened.of_request[rows]].sum()
    if len(rows) <= EXACT_REQUESTS and prices <= EXACT_PRICES:
        found = _exactly(inputs, columns, opened, rows, terms=terms, countries=countries)
    else:
        found = _by_levels(inputs, columns, opened, rows, terms=terms, countries=countries)
    of_request = opened.of_request.copy()
    of_request[rows] = len(opened.cells) + found.of_request
    cells = np.concatenate((opened.cells, found.cells))
    return OpenCells(cells=cells, of_request=of_request, is_rounded=found.is_rounded)


def _exactly(
    inputs: PlanInputs,
    columns: RequestColumns,
    opened: OpenCells,
    rows: Indices,
    *,
    terms: Mapping[int, PolicyTerms],
    countries: Mapping[str, CountryFacts],
) -> OpenCells:
    """Every price of every one of `rows`, whole, compared with its cap."""
    masks = opened.cells[opened.of_request[rows]]
    row, site, hour = (each.astype(np.int32) for each in np.nonzero(masks))
    request = rows[row]
    figures = figures_of(
        inputs,
        columns,
        Placed(request=request, site=site, hour=hour, tokens=columns.tokens[request]),
        terms=terms,
        countries=countries,
        fund_available_micro_usd=UNLIMITED,
    )
    masks[row, site, hour] = figures.total_micro_usd <= columns.price_cap_micro_usd[request]
    return OpenCells(cells=masks, of_request=np.arange(len(rows), dtype=np.int32))


def _by_levels(
    inputs: PlanInputs,
    columns: RequestColumns,
    opened: OpenCells,
    rows: Indices,
    *,
    terms: Mapping[int, PolicyTerms],
    countries: Mapping[str, CountryFacts],
) -> OpenCells:
    """Lists of posted unit prices for those priced alike, and each cap rounded down onto its list."""
    lists = _lists_of_kinds(inputs, columns, opened, terms, countries)
    list_of_row = np.array([each.number for each in lists], dtype=np.int32)[columns.kind[rows]]
    by_number = {each.number: each for each in lists}
    masks: list[Flags] = [np.zeros_like(opened.cells[0])]
    of_row = np.zeros(len(rows), dtype=np.int32)
    for number in np.unique(list_of_row).tolist():
        posted, some = by_number[number], np.flatnonzero(list_of_row == number)
        request = rows[some]
        factor = np.maximum(urgency(posted.terms, window_hours_of(columns, request)), TINY)
        # Strictly below one micro-USD more than the cap, with what rounding may add.
        room = columns.price_cap_micro_usd[request] + 1 - ROUNDING_MICRO_USD
        limit = room / (columns.tokens[request] * factor) * (1 - 1e-9)
        energy = wh_per_token(columns, request, posted.terms) / factor
        most = max(LEAST_LEVELS, MOST_LEVELS * len(some) // len(rows))
        of_row[some] = _levels(posted, energy, limit, most, masks)
    return OpenCells(cells=np.array(masks), of_request=of_row, is_rounded=True)


def _levels(posted: _Posted, energy: Floats, limit: Floats, most: int, masks: list[Flags]) -> Indices:
    """Which of `masks` each request has; masks are added as levels are needed, the first is "nowhere"."""
    mask_of = np.zeros(len(energy), dtype=np.int32)
    energy_levels = _picked(energy, min(ENERGY_LEVELS, most // LEAST_LEVELS), upward=True)
    energy_level = np.searchsorted(energy_levels, energy)
    for level, wh in enumerate(energy_levels.tolist()):
        some = np.flatnonzero(energy_level == level)
        prices = posted.unit_prices(wh)
        ladder = np.unique(prices)
        rung = np.searchsorted(ladder, limit[some], side="right")
        some, rung = some[rung > 0], rung[rung > 0]
        if not len(some):
            continue
        limited = rung[rung < len(ladder)]
        rungs = np.append(_picked(limited, most // len(energy_levels), upward=False), len(ladder))
        mask_of[some] = len(masks) + np.searchsorted(rungs, rung, side="right") - 1
        for each in rungs.tolist():
            mask = np.zeros_like(masks[0])
            mask.reshape(-1)[posted.cells[prices <= ladder[each - 1]]] = True
            masks.append(mask)
    return mask_of


def _picked(values: NDArray[Any], most: int, *, upward: bool) -> NDArray[Any]:
    """At most so many of the values, sorted, such that each value has one at or above (below) it."""
    distinct: NDArray[Any] = np.unique(values)
    if len(distinct) <= most:
        return distinct
    ranks = np.sort(values)
    if upward:
        places = np.ceil((np.arange(most) + 1) * len(ranks) / most).astype(np.int64) - 1
    else:
        places = np.floor(np.arange(most) * len(ranks) / most).astype(np.int64)
    return np.unique(ranks[places])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posted:
    """What a token costs in some region-hours [C] (flat indices), micro-USD, by energy per token and urgency.

    `discounted` and `undiscounted`: the service with justice and the renewable discount, and without
    discounts; `electricity` and `carbon` by Wh at the computers.
    """

    number: int
    terms: PolicyTerms
    cells: NDArray[np.intp]
    discounted: Floats
    undiscounted: Floats
    electricity: Floats
    carbon: Floats

    def unit_prices(self, wh_over_urgency: float) -> Floats:
        """Price per token and urgency: discounts end at the price of electricity."""
        floor = np.minimum(self.undiscounted, self.electricity * wh_over_urgency)
        prices: Floats = np.maximum(self.discounted, floor) + self.carbon * wh_over_urgency
        return prices


def _lists_of_kinds(
    inputs: PlanInputs,
    columns: RequestColumns,
    opened: OpenCells,
    terms: Mapping[int, PolicyTerms],
    countries: Mapping[str, CountryFacts],
) -> list[_Posted]:
    """The list of posted prices of each kind; kinds that are priced alike have the same."""
    mask_of_kind = np.zeros(len(columns.kinds), dtype=np.int32)
    mask_of_kind[columns.kind] = opened.of_request
    boards = {
        policy_id: _Board(inputs, terms[policy_id], countries) for policy_id in {k.policy_id for k in columns.kinds}
    }
    known: dict[tuple[int, int, float], _Posted] = {}
    lists = []
    for kind, mask in zip(columns.kinds, mask_of_kind.tolist(), strict=True):
        board = boards[kind.policy_id]
        key = (mask, kind.policy_id, board.rate(kind.scored))
        if key not in known:
            known[key] = board.post(len(known), np.flatnonzero(opened.cells[mask]), kind.scored)
        lists.append(known[key])
    return lists


class _Board:
    """One policy's posted prices in all region-hours."""

    def __init__(self, inputs: PlanInputs, terms: PolicyTerms, countries: Mapping[str, CountryFacts]):
        self._terms = terms
        self._codes = sorted(countries)
        cells = np.arange(len(inputs.sites) * inputs.hour_count)
        self._table = PriceTable(
            terms,
            cells=priced_cells(inputs, terms, cells),
            countries=[countries[code] for code in self._codes],
            mean_need_score=inputs.mean_need_score,
        )
        flat = terms.flat_kwh_per_token is not None
        pue = np.array([1.0 if flat else site.pue for site in inputs.sites])[cells // inputs.hour_count]
        intensity = inputs.arrays["intensity_g_per_kwh"][zone_of_site(inputs)].reshape(-1)
        self._electricity = pue * float(terms.electricity_usd_per_kwh) * 1000
        self._carbon = pue * intensity / 1000 * float(terms.carbon_usd_per_t)

    def rate(self, scored: str) -> float:
        """What justice adds, as a share of the service."""
        return float(self._table.rate[self._codes.index(scored)])

    def post(self, number: int, cells: NDArray[np.intp], scored: str) -> _Posted:
        """The prices of some region-hours."""
        rate, unit = self.rate(scored), self._table.unit[cells]
        return _Posted(
            number=number,
            terms=self._terms,
            cells=cells,
            discounted=unit * (1 + rate - self._table.discount[cells]),
            undiscounted=unit * (1 + max(0.0, rate)),
            electricity=self._electricity[cells],
            carbon=self._carbon[cells],
        )
