"""Shares of a zone's generation by source, from its country's mix and its own yearly shares."""

from __future__ import annotations

from collections.abc import Mapping

RENEWABLE = ("hydro", "solar", "wind", "biofuel", "other_renewable")
FOSSIL = ("coal", "gas", "oil")


def shares_of(generation_twh: Mapping[str, float]) -> dict[str, float]:
    """Yearly generation as shares that sum to one; empty if there is none."""
    total = sum(generation_twh.values())
    return {source: twh / total for source, twh in generation_twh.items()} if total > 0 else {}


def zone_shares(
    generation_twh: Mapping[str, float], *, renewable_share: float | None, carbon_free_share: float | None
) -> dict[str, float]:
    """The country's mix bent to what is known of the zone: its renewable and its carbon-free share.

    Renewables keep the country's proportions among each other and so do fossil fuels; nuclear is
    what is carbon-free and not renewable. Where the country has none of a group, renewables count
    as `other_renewable` and fossil fuels as `gas`. Unknown shares leave the country's mix as it is;
    an empty mix with unknown shares gives an empty answer.
    """
    country = shares_of(generation_twh)
    if renewable_share is None or carbon_free_share is None:
        return country
    return (
        _spread(country, RENEWABLE, renewable_share, default="other_renewable")
        | _spread(country, FOSSIL, 1 - carbon_free_share, default="gas")
        | {"nuclear": max(carbon_free_share - renewable_share, 0.0)}
    )


def _spread(country: Mapping[str, float], group: tuple[str, ...], total: float, *, default: str) -> dict[str, float]:
    known = sum(country.get(source, 0.0) for source in group)
    if known <= 0:
        return {source: total if source == default else 0.0 for source in group}
    return {source: country.get(source, 0.0) / known * total for source in group}
