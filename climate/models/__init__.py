"""Countries, grid zones, regions, what was read and expected of them, alerts and emergencies."""

from climate.models.emergencies import Alert, AlertVersion, Emergency, EmergencyPolicy
from climate.models.forecasts import CarbonForecast, ForecastScore, ForecastWeights
from climate.models.imports import ReadingImport
from climate.models.outages import LatencyBand, LatencyFigure, RegionOutage
from climate.models.places import Country, GridZone, Region, RegionCapacity, ZoneYear
from climate.models.retention import RetentionPolicy
from climate.models.signals import (
    ArchivedFile,
    CarbonReading,
    CarbonReadingMean,
    CarbonReadingRevision,
    QuarantinedValue,
)
from climate.models.sources import DataSource, RememberedAnswer

__all__ = [
    "Alert",
    "AlertVersion",
    "ArchivedFile",
    "CarbonForecast",
    "CarbonReading",
    "CarbonReadingMean",
    "CarbonReadingRevision",
    "Country",
    "DataSource",
    "Emergency",
    "EmergencyPolicy",
    "ForecastScore",
    "ForecastWeights",
    "GridZone",
    "LatencyBand",
    "LatencyFigure",
    "QuarantinedValue",
    "ReadingImport",
    "Region",
    "RegionCapacity",
    "RegionOutage",
    "RememberedAnswer",
    "RetentionPolicy",
    "ZoneYear",
]
