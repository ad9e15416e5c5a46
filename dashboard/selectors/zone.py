"""What the page of one zone shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from climate.domain.ladder import HOUR, floor_hour
from climate.domain.places import RegionFacts
from climate.domain.scores import ForecastScoreFacts
from climate.domain.signal import Kind, Signal
from climate.domain.sources import SourceState
from climate.domain.zones import HourMean, ZoneFacts, ZoneSource, hourly_means
from climate.selectors import (
    get_zone,
    list_forecast_scores,
    list_regions,
    list_signals,
    list_sources,
    list_stored_readings,
    list_zone_sources,
)

HOURS_AHEAD = 96
SCORES_OF = timedelta(days=30)
SOURCES_OF = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneStory:
    """A zone with its past and coming hours, who speaks of it, and how good its forecasts were."""

    zone: ZoneFacts
    hours: list[Signal]
    marginal: list[HourMean]
    sources: list[ZoneSource]
    states: dict[str, SourceState]
    scores: list[ForecastScoreFacts]
    regions: list[RegionFacts]


def get_zone_story(code: str, *, hours_back: int, now: datetime) -> ZoneStory:
    """Everything about one zone. Raises NotFound."""
    zone = get_zone(code, now=now)
    this_hour = floor_hour(now)
    since = this_hour - hours_back * HOUR
    wanted = [since + step * HOUR for step in range(hours_back + HOURS_AHEAD + 1)]
    signals = list_signals(zone_codes=[code], hours=wanted, now=now)
    marginal = list_stored_readings(code, since=since, until=now, kind=Kind.MARGINAL, now=now)
    return ZoneStory(
        zone=zone,
        hours=[signals[code, hour] for hour in wanted],
        marginal=hourly_means(marginal),
        sources=list_zone_sources(code, since=now - SOURCES_OF, now=now),
        states={each.name: each for each in list_sources(now=now)},
        scores=list_forecast_scores(zone=code, since=(now - SCORES_OF).date()),
        regions=[region for region in list_regions() if region.zone == code],
    )
