"""Clean supply: what the region behind an offer emits, and the carbon adder of a lot.

The adder is carbon that nobody has paid yet: tokens and energy are sold by those whose region is not
clean together with what running them there will emit. A quota of carbon is priced carbon already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from budgets.domain.units import Unit
from climate.domain.carbon import carbon_free_share, market_based
from climate.domain.model_classes import MODEL_CLASSES
from climate.domain.places import RegionFacts
from climate.domain.signal import WORLD_AVERAGE_G_PER_KWH, Basis, Signal
from market.domain.policy import PolicyTerms
from market.domain.trading.instruments import Contract

HISTORY = "history"
"""The team ran work there lately."""
DECLARED = "declared"
"""The team has run nothing lately and named it: it pays no less than for an unknown region."""
UNKNOWN = "unknown"
"""Nothing is known: the world's mean intensity, which counts as not clean."""
UG_PER_G = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The region behind an offer in this hour. `cfe_share` 0..1 with contracts counted, None is unknown.

    `intensity_g_per_kwh` is market-based: what contracted carbon-free supply covers carries none, the
    rest the grid's location-based intensity, as no residual mix is loaded. `basis` is the step of the
    ladder that the grid's intensity came from.
    """

    pue: float
    cfe_share: float | None
    intensity_g_per_kwh: float
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanFacts:
    """What an offer carries of the region behind it, as it was when the offer was placed.

    `basis` says how the region is known (`history`, `declared`, `unknown`), `intensity_basis` how its
    intensity is. `adder_ticks` is the carbon adder of a lot in micro-USD, 0 from a clean region and for
    quota of carbon. `lot_ug` is what a lot will emit, micrograms CO2e: what registry units have to cover.
    """

    region_id: str | None
    basis: str
    cfe_share: float | None
    intensity_g_per_kwh: float
    intensity_basis: str
    is_clean: bool
    lot_ug: int
    adder_ticks: int

    def grams_of(self, lots: int) -> int:
        """Whole grams CO2e that so many lots will emit, rounded up: cover is never understated."""
        return -(-lots * self.lot_ug // UG_PER_G)


def site_of(region: RegionFacts | None, signal: Signal | None, *, default_pue: float) -> Site:
    """The site of a region whose grid has this signal; of an unknown one at the world's mean intensity."""
    if region is None or signal is None:
        return Site(pue=default_pue, cfe_share=None, intensity_g_per_kwh=WORLD_AVERAGE_G_PER_KWH, basis=Basis.WORLD)
    contracted = region.contracted_cfe_share
    left = market_based(
        energy_kwh=[1.0], contracted_kwh=[contracted or 0.0], residual_g_per_kwh=[signal.intensity_g_per_kwh]
    )
    return Site(
        pue=default_pue if region.pue is None else region.pue,
        cfe_share=carbon_free_share(contracted=contracted, grid=signal.carbon_free_share),
        intensity_g_per_kwh=left.grams,
        basis=signal.basis,
    )


def clean_facts(*, region_id: str | None, basis: str, site: Site, contract: Contract, terms: PolicyTerms) -> CleanFacts:
    """What an offer of this contract carries. `adder = ceil(E * PUE * CI * price of carbon)` of a lot, in ticks."""
    is_clean = is_clean_share(site.cfe_share, terms.market.least_cfe_percent)
    grams = lot_g(contract, site, terms)
    pays = not is_clean and contract.unit != Unit.CARBON_G
    return CleanFacts(
        region_id=region_id,
        basis=basis,
        cfe_share=site.cfe_share,
        intensity_g_per_kwh=site.intensity_g_per_kwh,
        intensity_basis=site.basis,
        is_clean=is_clean,
        lot_ug=_ceiling(grams * UG_PER_G),
        # US$ per tonne is micro-USD per gram.
        adder_ticks=_ceiling(grams * terms.carbon_usd_per_t) if pays else 0,
    )


def not_below(facts: CleanFacts, least: CleanFacts) -> CleanFacts:
    """The facts with an adder and a cover of at least those of `least`, and clean only if that is."""
    return replace(
        facts,
        is_clean=facts.is_clean and least.is_clean,
        lot_ug=max(facts.lot_ug, least.lot_ug),
        adder_ticks=max(facts.adder_ticks, least.adder_ticks),
    )


def is_clean_share(cfe_share: float | None, least_percent: int) -> bool:
    """Whether a carbon-free share reaches the policy's; an unknown one does not."""
    return cfe_share is not None and _exact(cfe_share) * 100 >= least_percent


def lot_g(contract: Contract, site: Site, terms: PolicyTerms) -> Decimal:
    """What a lot will emit, g CO2e: `E_wh / 1000 * CI`. A lot of carbon emits what it is."""
    if contract.unit == Unit.CARBON_G:
        return Decimal(contract.lot_units)
    return lot_wh(contract, site, terms) / 1000 * _exact(site.intensity_g_per_kwh)


def lot_wh(contract: Contract, site: Site, terms: PolicyTerms) -> Decimal:
    """Energy of a lot of tokens or energy at the meter, Wh, all tokens counted as output.

    Quota of energy counts at the meter already, and so does the flat figure of a policy that has one;
    quota for any class is taken as the policy's reference class.
    """
    if contract.unit == Unit.ENERGY_WH:
        return Decimal(contract.lot_units)
    if terms.flat_kwh_per_token is not None:
        return terms.flat_kwh_per_token * 1000 * contract.lot_units
    table = MODEL_CLASSES[contract.model_class or terms.market.reference_class]
    return _exact(table.output_wh_per_1k.central) / 1000 * contract.lot_units * _exact(site.pue)


def _exact(value: float) -> Decimal:
    """The number as it is written: 0.1 is a tenth."""
    return Decimal(str(value))


def _ceiling(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=ROUND_CEILING))
