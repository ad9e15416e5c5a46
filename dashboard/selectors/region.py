"""What the page of one region shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from climate.domain.ladder import floor_hour
from climate.domain.places import RegionFacts
from climate.domain.signal import Signal
from climate.selectors import get_country, get_region, list_regions, list_signals
from market.selectors import list_promised_tokens

HOURS_EACH_WAY = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Capacity of one model class in this hour, in tokens, and who says so."""

    model_class: str
    capacity_tokens: int
    promised_tokens: int
    source: str

    @property
    def free_tokens(self) -> int:
        """What can still be promised."""
        return max(0, self.capacity_tokens - self.promised_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionStory:
    """A region with the last and the next 24 hours of its zone and its room in this hour."""

    region: RegionFacts
    country_name: str
    now_signal: Signal | None
    hours: list[tuple[datetime, Signal | None]]
    room: list[Room]


def get_region_story(code: str, *, now: datetime) -> RegionStory:
    """Everything about one region. Raises NotFound."""
    region = get_region(code)
    this_hour = floor_hour(now)
    hours = [this_hour + timedelta(hours=step) for step in range(-HOURS_EACH_WAY, HOURS_EACH_WAY + 1)]
    signals = list_signals(zone_codes=[region.zone], hours=hours, now=now)
    promised = list_promised_tokens(code, hour=this_hour)
    return RegionStory(
        region=region,
        country_name=get_country(region.country_code).name,
        now_signal=signals.get((region.zone, this_hour)),
        hours=[(hour, signals.get((region.zone, hour))) for hour in hours],
        room=[
            Room(
                model_class=name,
                capacity_tokens=tokens,
                promised_tokens=promised.get(name, 0),
                source=region.capacity_source.get(name, ""),
            )
            for name, tokens in region.capacity_tokens_per_hour.items()
        ],
    )


def list_capacity_sources(model_class: str) -> dict[str, str]:
    """Who says what each region, switched off or not, can serve of a model class. Two queries."""
    return {each.code: each.capacity_source.get(model_class, "") for each in list_regions(active_only=False)}
