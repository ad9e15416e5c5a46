"""Reads of the climate app: places, intensities, sources, emergencies. All return frozen values."""

from climate.selectors.countries import CountrySignal, list_country_signals
from climate.selectors.emergencies import (
    get_emergency,
    list_active_drills,
    list_active_emergencies,
    list_alerts,
    list_emergencies,
    list_emergency_changes,
)
from climate.selectors.forecasts import list_forecast_scores
from climate.selectors.outages import get_outage, list_all_outages, list_outages
from climate.selectors.places import (
    find_country,
    get_country,
    get_region,
    list_countries,
    list_regions,
)
from climate.selectors.quarantine import count_quarantined
from climate.selectors.reach import list_entered_reach_km, list_reach_km
from climate.selectors.signals import get_signal, list_signals
from climate.selectors.sources import list_sources
from climate.selectors.windows import Greenest, get_greenest
from climate.selectors.zones import get_zone, list_stored_readings, list_zone_hours, list_zone_sources, list_zones

__all__ = [
    "CountrySignal",
    "Greenest",
    "count_quarantined",
    "find_country",
    "get_country",
    "get_emergency",
    "get_greenest",
    "get_outage",
    "get_region",
    "get_signal",
    "get_zone",
    "list_active_drills",
    "list_active_emergencies",
    "list_alerts",
    "list_all_outages",
    "list_countries",
    "list_country_signals",
    "list_emergencies",
    "list_emergency_changes",
    "list_entered_reach_km",
    "list_forecast_scores",
    "list_outages",
    "list_reach_km",
    "list_regions",
    "list_signals",
    "list_sources",
    "list_stored_readings",
    "list_zone_hours",
    "list_zone_sources",
    "list_zones",
]
