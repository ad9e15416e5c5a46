"""Price and footprint of placements, a million at once, to the last bit what `market.domain.verdict.price_of` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from climate.domain.places import CountryFacts
from market.domain.placement.eligibility import RequestColumns
from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import Floats, Indices, Ints
from market.domain.policy import PolicyTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Tokens of requests in sites and hours [K], in the order in which the Fund is asked."""

    request: Indices
    site: Indices
    hour: Indices
    tokens: Ints


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
    raise NotImplementedError
