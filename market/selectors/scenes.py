"""What decisions about work that begins at once have in common, read once in two seconds by each process.

A policy, an emergency or a region that somebody changes counts within that time; the next hour begins at once. What
one request can take from another (room of an hour, the Fund, budgets) is never here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from budgets import selectors as budgets
from climate import selectors as climate
from climate.domain.ladder import HOUR, floor_hour
from climate.domain.outages import OutageFacts
from climate.domain.places import CountryFacts, EmergencyFacts, RegionFacts
from climate.domain.signal import Signal
from config.kernel.errors import NotFound
from market.domain.facts import Candidate, DecisionFacts
from market.domain.inline import InlineAsk
from market.domain.justice import emergency_multiplier
from market.domain.verdict import keep_best
from market.selectors.facts import (
    MOST_CANDIDATES,
    candidate_of,
    capacity_of,
    get_mean_need_score,
    nearest_region,
)
from market.selectors.policies import PolicyFacts, PurposeFacts, get_policy_in_force, get_purpose

TRUST = timedelta(seconds=2)
MOST_KNOWN = 10_000


@dataclass(slots=True, kw_only=True)
class Scene:
    """Policy, places, signals and emergencies as they were at `made_at`. What is asked for is found once and kept."""

    made_at: datetime
    hour: datetime
    loaded_at: float
    policy: PolicyFacts
    regions: dict[str, RegionFacts]
    outages: list[OutageFacts]
    emergencies: list[EmergencyFacts]
    mean_need_score: float | None
    _purposes: dict[str, PurposeFacts] = field(default_factory=dict)
    _countries: dict[str, CountryFacts | None] = field(default_factory=dict)
    _signals: dict[str, Signal] = field(default_factory=dict)
    _reaches: dict[str, dict[tuple[str, str], float]] = field(default_factory=dict)
    _zones_of_class: dict[str, frozenset[str]] = field(default_factory=dict)
    _homes: dict[tuple[str, str], Candidate | None] = field(default_factory=dict)
    _candidates: dict[tuple[str, str, str], Candidate] = field(default_factory=dict)
    _default_budgets: dict[int, UUID | None] = field(default_factory=dict)

    def serves(self, now: datetime) -> bool:
        """Whether it is young enough for what is decided at `now`."""
        is_near = abs(now - self.made_at) <= TRUST and floor_hour(now) == self.hour
        return is_near and time.monotonic() - self.loaded_at <= TRUST.total_seconds()

    def purpose(self, name: str) -> PurposeFacts:
        """A purpose by its name or an alias. Raises InvalidInput naming `purpose`."""
        if name not in self._purposes:
            self._purposes[name] = get_purpose(name)
        return self._purposes[name]

    def country(self, code: str) -> CountryFacts | None:
        """The country of a code, or None."""
        if code not in self._countries:
            _make_room(self._countries)
            self._countries[code] = climate.find_country(code)
        return self._countries[code]

    def known_country(self, code: str) -> CountryFacts:
        """The country of a code. Raises NotFound."""
        country = self.country(code)
        if country is None:
            raise NotFound(f"There is no country {code!r}.")
        return country

    def default_budget_id(self, team_id: int) -> UUID | None:
        """The budget that pays when a request of the team names none."""
        if team_id not in self._default_budgets:
            _make_room(self._default_budgets)
            self._default_budgets[team_id] = budgets.find_default_budget_id(team_id=team_id)
        return self._default_budgets[team_id]

    def candidates(self, origin: CountryFacts, model_class: str, codes: Sequence[str]) -> list[Candidate]:
        """Those of these regions that have capacity of a class, in this hour, as if nothing of it were promised."""
        found = []
        for code in dict.fromkeys(codes):
            key = (origin.code, model_class, code)
            if key not in self._candidates and self._has_capacity(code, model_class):
                _make_room(self._candidates)
                self._candidates[key] = self._candidate(self.regions[code], origin, model_class)
            if key in self._candidates:
                found.append(self._candidates[key])
        return found

    def candidates_with(
        self, origin: CountryFacts, model_class: str, codes: Sequence[str], taken: Mapping[tuple[str, str], int]
    ) -> list[Candidate]:
        """The same with what is promised or planned of this hour, by region and model class."""
        return [
            replace(each, promised_tokens=tokens) if (tokens := taken.get((each.code, model_class))) else each
            for each in self.candidates(origin, model_class, codes)
        ]

    def home(self, origin: CountryFacts, model_class: str) -> Candidate | None:
        """The reference "run now at the home region"; None where there is no such region."""
        key = (origin.code, model_class)
        if key not in self._homes:
            _make_room(self._homes)
            able = [each for each in self.regions.values() if each.capacity_tokens_per_hour.get(model_class)]
            region = nearest_region(able, origin)
            self._homes[key] = self._home(region, origin, model_class) if region else None
        return self._homes[key]

    def home_renewable_share(self, origin: CountryFacts, model_class: str) -> float | None:
        """Renewable share of the origin's grid, where the policy looks at it or a region that could serve is there."""
        if not self.policy.terms.home_grid_bonus and origin.code not in self._zones(model_class):
            return None
        signal = self._signals_of([origin.code]).get(origin.code)
        return signal.renewable_share if signal else None

    def emergency_multiplier(self, origin: CountryFacts, purpose: PurposeFacts) -> float:
        """What emergencies make of the weight."""
        return emergency_multiplier(origin=origin.code, purpose=purpose.name, emergencies=self.emergencies)

    def look_up(self, zones: Collection[str]) -> None:
        """Read the signals of these zones, if they are not known yet."""
        self._signals_of(zones)

    def known_zones(self) -> Collection[str]:
        """Whose signals were asked for."""
        return self._signals.keys()

    def _zones(self, model_class: str) -> frozenset[str]:
        if model_class not in self._zones_of_class:
            able = [each for each in self.regions.values() if each.capacity_tokens_per_hour.get(model_class)]
            self._zones_of_class[model_class] = frozenset(region.zone for region in able)
        return self._zones_of_class[model_class]

    def _has_capacity(self, code: str, model_class: str) -> bool:
        region = self.regions.get(code)
        return bool(region and region.capacity_tokens_per_hour.get(model_class))

    def _candidate(self, region: RegionFacts, origin: CountryFacts, model_class: str) -> Candidate:
        return candidate_of(
            region,
            self.hour,
            self._signals_of([region.zone])[region.zone],
            origin,
            self.policy.terms,
            capacity_tokens=capacity_of(region, self.hour, model_class, self.outages),
            reach_km=self._reach(origin).get((origin.code, region.code)),
        )

    def _home(self, region: RegionFacts, origin: CountryFacts, model_class: str) -> Candidate:
        return candidate_of(
            region,
            self.hour,
            self._signals_of([region.zone])[region.zone],
            origin,
            self.policy.terms,
            capacity_tokens=region.capacity_tokens_per_hour[model_class],
        )

    def _reach(self, origin: CountryFacts) -> dict[tuple[str, str], float]:
        if origin.code not in self._reaches:
            _make_room(self._reaches)
            self._reaches[origin.code] = climate.list_entered_reach_km([origin.code])
        return self._reaches[origin.code]

    def _signals_of(self, zones: Collection[str]) -> dict[str, Signal]:
        if missing := [zone for zone in zones if zone not in self._signals]:
            found = climate.list_signals(
                zone_codes=sorted(missing),
                hours=[self.hour],
                now=self.made_at,
                maximum_age_minutes=self.policy.terms.maximum_age_minutes,
            )
            self._signals |= {zone: signal for (zone, _), signal in found.items()}
        return self._signals


def get_scene(now: datetime) -> Scene:
    """The scene of decisions at `now`. Raises Unavailable where no policy is in force."""
    global _newest
    scene = _newest
    if scene is not None and scene.serves(now):
        return scene
    with _lock:
        if _newest is None or not _newest.serves(now):
            _newest = _load(now, zones=_newest.known_zones() if _newest else ())
        return _newest


def forget_scene() -> None:
    """Have the next decision look at everything anew."""
    global _newest
    _newest = None


def facts_of_ask(
    scene: Scene,
    ask: InlineAsk,
    *,
    purpose: PurposeFacts,
    scored_code: str,
    taken: Mapping[tuple[str, str], int],
    fund_available_micro_usd: int,
    now: datetime,
) -> DecisionFacts:
    """All inputs of a verdict on work that begins at once, in the regions that it names and no other.

    `taken` is what is promised or planned of this hour, by region and model class. The countries are known.
    """
    origin = scene.known_country(ask.origin)
    terms = scene.policy.terms
    facts = DecisionFacts(
        made_at=now,
        tokens=ask.tokens,
        input_tokens=ask.input_tokens,
        tokens_basis=ask.tokens_basis,
        model_class=ask.model_class,
        latency_class=ask.latency_class,
        latency_km=terms.latency_km[ask.latency_class],
        earliest_at=now,
        window_hours=0.0,
        price_cap_micro_usd=ask.price_cap_micro_usd,
        eligible_regions=tuple(ask.regions),
        residency=tuple(ask.residency) if ask.residency is not None else None,
        min_cfe_share=None,
        purpose=purpose.name,
        purpose_title=purpose.title,
        priority=purpose.priority,
        origin=origin,
        scored_country=scene.known_country(scored_code),
        mean_need_score=scene.mean_need_score,
        home_renewable_share=scene.home_renewable_share(origin, ask.model_class),
        emergency_multiplier=scene.emergency_multiplier(origin, purpose),
        fund_available_micro_usd=fund_available_micro_usd,
        candidates=tuple(scene.candidates_with(origin, ask.model_class, ask.regions, taken)),
        left_out=0,
        home=scene.home(origin, ask.model_class),
        is_simulated=False,
        preferred=tuple(ask.regions),
        routing=dict(ask.routing),
        least_tokens=ask.tokens if ask.least_tokens is None else ask.least_tokens,
    )
    return keep_best(facts, MOST_CANDIDATES)


def _load(now: datetime, *, zones: Collection[str]) -> Scene:
    """Read everything anew, with the signals that were needed before."""
    policy, hour = get_policy_in_force(), floor_hour(now)
    scene = Scene(
        made_at=now,
        hour=hour,
        loaded_at=time.monotonic(),
        policy=policy,
        regions={region.code: region for region in climate.list_regions()},
        outages=climate.list_outages(start=hour, end=hour + HOUR),
        emergencies=climate.list_active_emergencies(now=now),
        mean_need_score=get_mean_need_score(now) if policy.terms.justice.kind == "feebate" else None,
    )
    scene.look_up(zones)
    return scene


def _make_room(known: dict[Any, Any]) -> None:
    """Bound what is kept: callers may name anything."""
    if len(known) >= MOST_KNOWN:
        known.clear()


_newest: Scene | None = None
_lock = threading.Lock()
