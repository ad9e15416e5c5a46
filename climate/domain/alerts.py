"""Disaster alerts, whoever sends them, in one vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DisasterKind(StrEnum):
    """What has happened. OTHER is kept and shown, and lifts nothing by itself."""

    FLOOD = "flood"
    CYCLONE = "cyclone"
    WILDFIRE = "wildfire"
    DROUGHT = "drought"
    EARTHQUAKE = "earthquake"
    VOLCANO = "volcano"
    HEATWAVE = "heatwave"
    OTHER = "other"

    @property
    def label(self) -> str:
        """As a person reads it."""
        return self.value.capitalize()


class AlertLevel(StrEnum):
    """How grave, in GDACS' colours; other feeds are translated, see `docs/methodology.md`."""

    GREEN = "green"
    ORANGE = "orange"
    RED = "red"
    UNKNOWN = "unknown"


class EmergencyState(StrEnum):
    """PROPOSED waits for an operator; DISMISSED was refused by one; ENDED is over. Only ACTIVE lifts weights."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    DISMISSED = "dismissed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedAlert:
    """One version of one event, as a connector reads it.

    `external_id` is unique within the source and names the type too (`FL1102983`). `places` are
    countries as the feed writes them: ISO 3166 alpha-2 or alpha-3 codes or English names.
    `version_at` is when the feed changed it last; of an event that we put together ourselves
    (`is_put_together`) it is when the list was made, and only other content makes a version.
    """

    external_id: str
    kind: DisasterKind
    level: AlertLevel
    title: str
    places: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime | None
    is_current: bool
    version_at: datetime
    is_put_together: bool = False
    severity_text: str = ""
    glide: str = ""
    url: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """An alert as it stands, as a value that crosses a door. `emergency_state` of what became of it, or None."""

    id: int
    source: str
    external_id: str
    kind: str
    level: str
    title: str
    country_codes: tuple[str, ...]
    severity_text: str
    glide: str
    url: str
    starts_at: datetime
    ends_at: datetime | None
    is_current: bool
    version_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    emergency_id: int | None
    emergency_state: str | None
    unknown_places: tuple[str, ...] = ()
