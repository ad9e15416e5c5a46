"""Carbon of electricity, in grams CO2e. Formulas: GHG Protocol Scope 2, ISO/IEC 21031 (SCI), 24/7 CFE."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from climate.domain.factors import LIFECYCLE_G_PER_KWH
from climate.domain.interval import Interval

GRAMS_PER_TONNE = 1_000_000


def location_g(energy_wh: Interval, intensity_g_per_kwh: Interval) -> Interval:
    """Location-based carbon of energy at the meter: `E_kwh * CI`.

    The average intensity already counts the grid's renewables: multiplying by their share again
    would count them twice.
    """
    return energy_wh.times_interval(intensity_g_per_kwh).times(1 / 1000)


def location_g_hourly(energy_kwh: Sequence[float], intensity_g_per_kwh: Sequence[float]) -> float:
    """`sum(E_h * CI_h)`, grams: a mean intensity over unequal hours would be wrong."""
    return math.fsum(energy * intensity for energy, intensity in zip(energy_kwh, intensity_g_per_kwh, strict=True))


def intensity_of_mix(shares: Mapping[str, float], factors: Mapping[str, float] = LIFECYCLE_G_PER_KWH) -> float:
    """`sum(share_i * EF_i)`, g/kWh, of shares that sum to one. Raises KeyError for a source without a factor."""
    return math.fsum(share * factors[source] for source, share in shares.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBased:
    """Market-based carbon of some hours: what contracts matched, and the grams of the rest."""

    matched_kwh: tuple[float, ...]
    grams: float

    @property
    def total_matched_kwh(self) -> float:
        """Energy that contracted carbon-free supply covered in its own hour."""
        return math.fsum(self.matched_kwh)


def market_based(
    *, energy_kwh: Sequence[float], contracted_kwh: Sequence[float], residual_g_per_kwh: Sequence[float]
) -> MarketBased:
    """By the hour: `min(E_h, C_h)` is matched, the rest carries the residual mix.

    Surplus of one hour never covers another. Where no residual mix is known the caller passes the
    location intensity and says so.
    """
    pairs = list(zip(energy_kwh, contracted_kwh, residual_g_per_kwh, strict=True))
    matched = tuple(min(energy, contracted) for energy, contracted, _ in pairs)
    unmatched_g = ((pair[0] - hit) * pair[2] for pair, hit in zip(pairs, matched, strict=True))
    return MarketBased(matched_kwh=matched, grams=math.fsum(unmatched_g))


def embodied_g(
    *,
    total_kg: float,
    reserved_hours: float,
    lifespan_hours: float,
    reserved_resources: float = 1,
    all_resources: float = 1,
) -> float:
    """Share of a machine's making: `M = TE * (TiR / EL) * (RR / ToR)`, grams."""
    return total_kg * 1000 * (reserved_hours / lifespan_hours) * (reserved_resources / all_resources)


def sci_g(*, energy_kwh: float, intensity_g_per_kwh: float, embodied_grams: float, functional_units: float) -> float:
    """Software Carbon Intensity `(E * I + M) / R`, grams per functional unit.

    Offsets and certificates are not arguments: by the standard they never enter.
    """
    return (energy_kwh * intensity_g_per_kwh + embodied_grams) / functional_units


def cfe_score(
    *, load_kwh: Sequence[float], contracted_kwh: Sequence[float], grid_carbon_free_share: Sequence[float]
) -> float:
    """24/7 carbon-free energy score 0..1: `sum(min(L,C) + max(L-C,0)*grid_cfe) / sum(L)`."""
    hours = zip(load_kwh, contracted_kwh, grid_carbon_free_share, strict=True)
    clean = math.fsum(min(load, cfe) + max(load - cfe, 0) * grid for load, cfe, grid in hours)
    total = math.fsum(load_kwh)
    if total <= 0:
        raise ValueError("a score needs a load")
    return clean / total


def carbon_free_share(*, contracted: float | None, grid: float | None) -> float | None:
    """Carbon-free share 0..1 of what a site draws in an hour: `C + (1 - C) * grid_cfe`, as the 24/7 score counts it.

    Where one of the two is unknown it counts as nothing: the share is never overstated. None: both are unknown.
    """
    if contracted is None and grid is None:
        return None
    bought = contracted or 0.0
    return bought + (1 - bought) * (grid or 0.0)


def combined_deviation(*deviations: float) -> float:
    """Geometric standard deviation of a product: `exp(sqrt(sum(ln(GSD)^2)))`."""
    return math.exp(math.sqrt(math.fsum(math.log(each) ** 2 for each in deviations)))


def geometric_range(central: float, *deviations: float, z: float = 1.96) -> Interval:
    """95 % range of a product of independent factors: `[x / GSD^z, x * GSD^z]`."""
    spread = combined_deviation(*deviations) ** z
    return Interval(low=central / spread, central=central, high=central * spread)


def carbon_cost_usd(grams: float, *, price_usd_per_t: float) -> float:
    """`g * $/t / 1e6`."""
    return grams * price_usd_per_t / GRAMS_PER_TONNE


def whole_credits(grams: int) -> tuple[int, int]:
    """Registry units (1 t each) that grams fill, and the grams left over."""
    return divmod(grams, GRAMS_PER_TONNE)
