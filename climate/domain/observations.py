"""What sources said of a zone, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Average lifecycle intensity of a zone in a past or present period."""

    source: str
    starts_at: datetime
    period_minutes: int
    intensity_g_per_kwh: float
    renewable_share: float | None
    carbon_free_share: float | None
    flag: str
    received_at: datetime

    @property
    def ends_at(self) -> datetime:
        """End of the period."""
        return self.starts_at + timedelta(minutes=self.period_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Average lifecycle intensity that a source expects of a zone in a coming period."""

    source: str
    starts_at: datetime
    period_minutes: int
    intensity_g_per_kwh: float
    low_g_per_kwh: float | None
    high_g_per_kwh: float | None
    issued_at: datetime
    flag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class YearValue:
    """A yearly mean with its source; `flag` says why a published figure was not believed."""

    year: int
    intensity_g_per_kwh: float | None
    renewable_share: float | None
    carbon_free_share: float | None
    source: str
    flag: str = ""

    @property
    def known_since(self) -> datetime:
        """The end of the year it describes."""
        return datetime(self.year + 1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modelled:
    """A modelled hour of a zone and what it was modelled from."""

    intensity_g_per_kwh: float
    renewable_share: float
    carbon_free_share: float
    source: str
    known_since: datetime
