"""Countries, grid zones, regions, what was read of them, and emergencies."""

from climate.models.emergencies import Emergency
from climate.models.places import Country, GridZone, Region, RegionCapacity, ZoneYear
from climate.models.signals import CarbonForecast, CarbonReading, DataSource

__all__ = [
    "CarbonForecast",
    "CarbonReading",
    "Country",
    "DataSource",
    "Emergency",
    "GridZone",
    "Region",
    "RegionCapacity",
    "ZoneYear",
]
