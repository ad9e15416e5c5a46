"""Reads of the climate app: places, intensities, sources, emergencies. All return frozen values."""

from climate.selectors.countries import CountrySignal, list_country_signals
from climate.selectors.places import (
    find_country,
    get_country,
    get_region,
    list_active_emergencies,
    list_countries,
    list_regions,
)
from climate.selectors.signals import get_signal, list_signals, list_zone_history
from climate.selectors.sources import list_sources

__all__ = [
    "CountrySignal",
    "find_country",
    "get_country",
    "get_region",
    "get_signal",
    "list_active_emergencies",
    "list_countries",
    "list_country_signals",
    "list_regions",
    "list_signals",
    "list_sources",
    "list_zone_history",
]
