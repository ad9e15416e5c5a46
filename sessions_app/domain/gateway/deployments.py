"""What a deployment is, how it stands, and what its region's grid is like now: all that routing looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from climate.domain.distance import distance_km
from climate.domain.energy import it_energy_of_tokens_wh
from climate.domain.model_classes import CACHED_INPUT_FACTOR, MODEL_CLASSES
from sessions_app.domain.gateway.terms import GatewayTerms


class BreakerState(StrEnum):
    """Of a circuit breaker: calls pass, none does, or one at a time tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFacts:
    """A model served by a provider in a region, without its secret.

    Prices in micro-USD for a million tokens, None unknown. `problem` says in words why it cannot be used by anybody
    (switched off, its secret is missing or cannot be opened, its region is switched off); empty if it can.
    `is_private`: its host is one that the installation excepts from the rule that addresses are public.
    """

    id: int
    name: str
    provider: str
    base_url: str
    upstream_model: str
    served_name: str
    aliases: tuple[str, ...]
    model_class: str
    region: str
    context_window_tokens: int
    max_output_tokens: int
    input_micro_usd_per_million: int | None = None
    cached_micro_usd_per_million: int | None = None
    output_micro_usd_per_million: int | None = None
    serves_chat: bool = True
    serves_embeddings: bool = False
    takes_tools: bool = False
    takes_image_urls: bool = False
    takes_inline_images: bool = False
    takes_json_schema: bool = False
    tokeniser: str = "o200k"
    weight: float = 1.0
    is_active: bool = True
    created_at: datetime | None = None
    is_private: bool = False
    problem: str = ""

    @property
    def fetches_images(self) -> bool:
        """Whether it may be sent addresses of images. A caller's address, fetched from inside of our network, would
        reach what no caller may."""
        return self.takes_image_urls and not self.is_private

    @property
    def public_names(self) -> tuple[str, ...]:
        """What callers may ask for to be served by it."""
        return (self.served_name, *self.aliases)

    @property
    def is_echo(self) -> bool:
        """Whether there is no model behind it."""
        return self.provider == "echo"

    def provider_micro_usd(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> int | None:
        """What the provider charges, rounded up; None where a price that counts is unknown.

        Cached tokens are a part of the input, at the price of input where they have none of their own.
        """
        cached_price = self.cached_micro_usd_per_million
        if cached_price is None:
            cached_price = self.input_micro_usd_per_million
        parts = (
            (input_tokens - cached_tokens, self.input_micro_usd_per_million),
            (cached_tokens, cached_price),
            (output_tokens, self.output_micro_usd_per_million),
        )
        total = 0
        for tokens, price in parts:
            if tokens and price is None:
                return None
            total += tokens * (price or 0)
        return -(-total // 1_000_000)

    def most_output_tokens(self, input_tokens: int) -> int:
        """Most output beside so much input: its own bound, or what the window leaves."""
        return max(0, min(self.max_output_tokens, self.context_window_tokens - input_tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFacts:
    """A breaker as it was read. `first_byte_ms` is smoothed over successes, None before the first one."""

    state: BreakerState = BreakerState.CLOSED
    consecutive_failures: int = 0
    window_started_at: datetime | None = None
    window_calls: int = 0
    window_failures: int = 0
    times_opened: int = 0
    opened_at: datetime | None = None
    open_until: datetime | None = None
    probe_until: datetime | None = None
    cool_until: datetime | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_error: str = ""
    first_byte_ms: float | None = None

    def within(self, most_seconds: float, *, now: datetime) -> HealthFacts:
        """Without waits that end further away than any may last: they are of a clock that has gone back since."""
        latest = now + timedelta(seconds=most_seconds)
        waits = (self.open_until, self.probe_until, self.cool_until)
        opens, probed, cools = (None if each is not None and each > latest else each for each in waits)
        is_sound = (opens, probed, cools) == waits
        return self if is_sound else replace(self, open_until=opens, probe_until=probed, cool_until=cools)

    def closed_to_calls_until(self, now: datetime) -> datetime | None:
        """Until when nobody may call it: open, being tried by somebody, or resting after a 429. None: a call may."""
        bounds = [self.cool_until]
        if self.state is BreakerState.OPEN:
            bounds.append(self.open_until)
        if self.state is BreakerState.HALF_OPEN:
            bounds.append(self.probe_until)
        return max((each for each in bounds if each is not None and each > now), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFigures:
    """A region in this hour. Intensities in g CO2e/kWh (average, location-based), as the ladder of signals says.

    `grams_per_1k_output` and `grams_per_1k_input`: g CO2e for 1,000 tokens at the meter, PUE included, by model class.
    """

    code: str
    name: str
    city: str
    zone: str
    country: str
    latitude: float
    longitude: float
    pue: float
    pue_is_assumed: bool
    intensity_g_per_kwh: float
    low_g_per_kwh: float | None
    high_g_per_kwh: float | None
    renewable_share: float | None
    basis: str
    source: str
    as_of: datetime
    grams_per_1k_output: Mapping[str, float] = field(default_factory=dict)
    grams_per_1k_input: Mapping[str, float] = field(default_factory=dict)

    def grams(self, model_class: str, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        """Central g CO2e of a call here, PUE included."""
        table = MODEL_CLASSES[model_class]
        at_it_wh = it_energy_of_tokens_wh(
            input_tokens=input_tokens,
            cached_tokens=cached_tokens,
            output_tokens=output_tokens,
            input_wh_per_1k=table.input_wh_per_1k.central,
            output_wh_per_1k=table.output_wh_per_1k.central,
            cached_factor=CACHED_INPUT_FACTOR.central,
        )
        return at_it_wh * self.pue / 1000 * self.intensity_g_per_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A deployment with its breaker and the grid of its region; `region` None: the region is gone or switched off."""

    deployment: DeploymentFacts
    health: HealthFacts
    region: RegionFigures | None

    @property
    def needs_probe(self) -> bool:
        """Whether a call must first ask `health.may_try`: its breaker is not closed."""
        return self.health.state is not BreakerState.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far regions are from countries, km: by round-trip time where one was entered, else the great circle."""

    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    entered_km: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def km(self, origin: str, region: RegionFigures) -> float | None:
        """Distance from a country; None where its place is unknown."""
        entered = self.entered_km.get((origin, region.code))
        if entered is not None:
            return entered
        place = self.places.get(origin)
        return None if place is None else round(distance_km(*place, region.latitude, region.longitude), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All deployments with what routing needs of them, as of `loaded_at`.

    `latency_km` is the bound in km of each latency class (None: no bound), by the market policy in force.
    """

    loaded_at: datetime
    policy_name: str
    policy_version: int
    terms: GatewayTerms
    all: tuple[Candidate, ...]
    by_name: Mapping[str, tuple[Candidate, ...]]
    latency_km: Mapping[str, float | None]
    reach: Reach

    def candidates(self, name: str) -> list[Candidate]:
        """Deployments that serve a public name, in use or not; empty: nobody knows the name."""
        return list(self.by_name.get(name, ()))

    def served_names(self) -> list[str]:
        """Public names that callers may ask for: those of deployments that are switched on, sorted."""
        return sorted(name for name, found in self.by_name.items() if any(each.deployment.is_active for each in found))

    def is_older_than(self, age: timedelta, *, now: datetime) -> bool:
        """Whether it was loaded longer ago than that; a clock that went back counts as old, too."""
        return not timedelta(0) <= now - self.loaded_at < age
