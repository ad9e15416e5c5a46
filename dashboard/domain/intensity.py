"""Colours and words of a carbon intensity."""

from __future__ import annotations

from bisect import bisect_right

from climate.domain.signal import Basis
from market.domain.explanation import BASIS_WORDS

BUCKET_STARTS_G_PER_KWH = (0, 100, 200, 300, 450, 600, 750)
"""Lower bounds of the seven colours of the map."""

BAR_FULL_G_PER_KWH = 900.0
"""The intensity at which a bar of the ranking is full."""

_FAMILIES: dict[str, str] = {
    Basis.LIVE: "live",
    Basis.FORECAST: "forecast",
    Basis.OWN_FORECAST: "forecast",
    Basis.MODELLED: "modelled",
    Basis.SIMULATED: "simulated",
}


def bucket_of(intensity_g_per_kwh: float | None) -> str:
    """The CSS class of an intensity in g CO2e/kWh: b0 (cleanest) to b6, bna where it is unknown."""
    if intensity_g_per_kwh is None:
        return "bna"
    return f"b{max(0, bisect_right(BUCKET_STARTS_G_PER_KWH, intensity_g_per_kwh) - 1)}"


def basis_word(basis: str) -> str:
    """How the basis is called on the pages, as in the explanations of decisions."""
    return BASIS_WORDS.get(basis, "unknown")


def basis_family(basis: str) -> str:
    """live, forecast, modelled, yearly or simulated: how a basis is drawn and coloured."""
    return _FAMILIES.get(basis, "yearly") if basis else "unknown"


def bar_percent(intensity_g_per_kwh: float | None) -> str:
    """Length of a bar in the ranking, 0-100, as an SVG number."""
    if intensity_g_per_kwh is None:
        return "0"
    return f"{min(100.0, max(1.5, 100.0 * intensity_g_per_kwh / BAR_FULL_G_PER_KWH)):.1f}"
