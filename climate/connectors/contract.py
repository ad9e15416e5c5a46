"""What every connector is and what it is given. One file per provider; all keep this contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from climate.connectors.http import SourceHttp
from climate.domain.collected import Collected
from climate.domain.providers import Provider
from climate.domain.reach import OVERLAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a zone is, for sources that are asked by coordinates."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question to a source. A connector has no clock, no settings and no database: all it needs is here.

    `zones` are the grid zones wanted, by their codes in this project, in the order of asking.
    `since` says by zone from when on readings are missing or may have been revised; the connector
    asks for all from then to `now`.
    `flags` are those of the source's newest readings, by zone.
    `options` are the deployment's settings of this source, `secrets` its keys by the name of their
    environment variable.
    """

    now: datetime
    zones: tuple[str, ...] = ()
    since: Mapping[str, datetime] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def since_of(self, zone: str) -> datetime:
        """The beginning of the oldest period still wanted of `zone`."""
        return self.since.get(zone, self.now - OVERLAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """How a provider of climate data is asked.

    `zones`: the zones it covers; None: any zone may be asked, and those of active regions are.
    `longest_look_back`: how far into the past it answers, and so how long an outage can be healed.
    `revised_within`: how old a period is at most when the provider still changes its value.
    """

    provider: Provider
    collect: Callable[[SourceHttp, Ask], Collected]
    interval_minutes: int
    longest_look_back: timedelta = timedelta(hours=24)
    revised_within: timedelta = OVERLAP
    zones: tuple[str, ...] | None = ()
