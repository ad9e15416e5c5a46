"""What the climate app tells the apps above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsCollected(Event):
    """A source has brought new readings or forecasts of these zones."""

    source: str
    zones: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChanged(Event):
    """A source began or ceased to answer, or was switched."""

    source: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOrdered(Event):
    """A person wants a source to be asked at once."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyChanged(Event):
    """An emergency was declared, changed or lifted."""

    emergency_id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageChanged(Event):
    """An outage or maintenance of a region was entered, ended or withdrawn."""

    outage_id: int
    region: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsChanged(Event):
    """A feed brought events or newer versions of them, or holds some no more."""

    source: str
    alert_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingImportDue(Event):
    """A file of readings waits to be checked or stored."""

    import_id: int
