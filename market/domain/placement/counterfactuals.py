"""What a request could have used in a plan, whether its place was the best, and what more freedom would save.

Everything follows from the plan's stored inputs and the scalar rules of `market.domain.sifting` and
`market.domain.verdict`, so that it does not depend on the vectors that made the plan. The measure is
the *full price* of a region-hour: what a token emits there, and what the room it takes would have
saved others (`hour_price_ng_per_token`). In an optimal plan nobody has a cheaper one within reach.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from climate.domain.ladder import HOUR, floor_hour
from market.domain.asks import hours_of_window
from market.domain.facts import Candidate, DecisionFacts
from market.domain.placement.cells import room_tokens, undrawn_tokens
from market.domain.placement.facts import PlacementFacts, RequestFacts, candidate_at, facts_of
from market.domain.placement.plan import PlanInputs
from market.domain.placement.prices import UNLIMITED
from market.domain.policy import PolicyTerms
from market.domain.sifting import sift
from market.domain.verdict import price_of

G_PER_NG = 1e-9
HOURS_MORE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A region-hour that a request may use; `full_price_ng_per_token` as the plan priced it.

    `room_tokens` is what the plan had to give there, `free_tokens` what was left of it when all was placed.
    `posted_micro_usd` is what the whole request would cost there, for a request that names a highest price.
    """

    site: int
    hour: int
    candidate: Candidate
    full_price_ng_per_token: float
    room_tokens: int
    free_tokens: int
    posted_micro_usd: int | None

    @property
    def cell(self) -> tuple[int, int]:
        """Indices into the plan's inputs."""
        return self.site, self.hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one part of a request is; `location_g` as stored."""

    site: int
    hour: int
    tokens: int
    location_g: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Whether a place was the best within reach. `beaten_by`: cheaper region-hours that had room for all of it.

    `crowded_out_of`: cheaper ones without room for the whole of it, so that whole requests explain them.
    """

    holds: bool
    is_eligible: bool
    beaten_by: tuple[Option, ...]
    crowded_out_of: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """What more freedom would have saved, g CO2e, an estimate at the margin of this plan; 0: nothing.

    `option` is the best region-hour it would have opened up, None where there is none in the plan.
    """

    freedom: str
    saved_g: float
    option: Option | None


def base_facts(inputs: PlanInputs, asked: RequestFacts, party: int, *, terms: PolicyTerms) -> DecisionFacts:
    """The facts of a request under a plan, whatever its place."""
    anywhere = PlacementFacts(
        site=0, hour=0, party=party, tokens=0, from_fund_micro_usd=inputs.fund_available_micro_usd
    )
    return facts_of(inputs, asked, anywhere, terms=terms)


def options_of(inputs: PlanInputs, facts: DecisionFacts, terms: PolicyTerms, *, latest_at: datetime) -> list[Option]:
    """The region-hours that a request may use, cheapest first: by window, class and rules, and under its price cap."""
    hours = _hours(inputs, facts.earliest_at, latest_at)
    sites = [index for index, site in enumerate(inputs.sites) if site.model_class == facts.model_class]
    cells = {(inputs.sites[site].region, inputs.hour_at(hour)): (site, hour) for site in sites for hour in hours}
    candidates = tuple(_candidate(inputs, facts, site, hour) for site, hour in cells.values())
    may_serve, _ = sift(replace(facts, candidates=candidates))
    options = [_option(inputs, facts, terms, each, cells[each.code, each.starts_at]) for each in may_serve]
    cap = facts.price_cap_micro_usd
    affordable = [each for each in options if cap is None or (each.posted_micro_usd or 0) <= cap]
    return sorted(affordable, key=lambda each: (each.full_price_ng_per_token, each.hour, each.candidate.code))


def certify(inputs: PlanInputs, place: Place, options: Sequence[Option]) -> Certificate:
    """Whether no region-hour within reach has a lower full price than this place, but for those without room.

    Of a request with a highest price, only those that cost no more money count: plans round many
    such prices down together (`market.domain.placement.caps`).
    """
    own = next((each for each in options if each.cell == (place.site, place.hour)), None)
    carbon = full_price(inputs, place.site, place.hour)
    money = math.inf if own is None or own.posted_micro_usd is None else own.posted_micro_usd
    cheaper = [
        each for each in options if each.full_price_ng_per_token < carbon and (each.posted_micro_usd or 0) <= money
    ]
    beaten_by = tuple(each for each in cheaper if each.free_tokens >= place.tokens)
    return Certificate(
        holds=own is not None and not beaten_by,
        is_eligible=own is not None,
        beaten_by=beaten_by,
        crowded_out_of=tuple(each for each in cheaper if each not in beaten_by),
    )


def more_hours(
    inputs: PlanInputs,
    facts: DecisionFacts,
    terms: PolicyTerms,
    places: Sequence[Place],
    options: Sequence[Option],
    latest_at: datetime,
) -> Counterfactual:
    """What waiting HOURS_MORE hours more would have saved."""
    wider = options_of(inputs, facts, terms, latest_at=latest_at + HOURS_MORE * HOUR)
    return _gained(inputs, places, _added(wider, options), freedom=f"waiting {HOURS_MORE} hours more")


def more_regions(
    inputs: PlanInputs,
    facts: DecisionFacts,
    terms: PolicyTerms,
    places: Sequence[Place],
    options: Sequence[Option],
    latest_at: datetime,
) -> Counterfactual:
    """What one more region would have saved, whichever rule keeps the request out of it."""
    free = replace(facts, eligible_regions=None, residency=None, latency_km=None)
    wider = options_of(inputs, free, terms, latest_at=latest_at)
    return _gained(inputs, places, _added(wider, options), freedom="one more region")


def full_price(inputs: PlanInputs, site: int, hour: int) -> float:
    """What one token costs in a region-hour, its own emissions and those it crowds out, ng CO2e."""
    arrays = inputs.arrays
    return float(arrays["cost_ng_per_token"][site, hour]) + float(arrays["hour_price_ng_per_token"][site, hour])


def _gained(inputs: PlanInputs, places: Sequence[Place], added: Sequence[Option], *, freedom: str) -> Counterfactual:
    """Against the places as they are, by the cheapest region-hour that had room for the largest of them at all."""
    largest = max((each.tokens for each in places), default=1)
    best = next((each for each in added if each.room_tokens >= largest), None)
    if best is None:
        return Counterfactual(freedom=freedom, saved_g=0.0, option=None)
    saved = sum(
        max(0.0, full_price(inputs, each.site, each.hour) - best.full_price_ng_per_token)
        * each.tokens
        * G_PER_NG
        * _own_measure(inputs, each)
        for each in places
    )
    return Counterfactual(freedom=freedom, saved_g=saved, option=best if saved else None)


def _own_measure(inputs: PlanInputs, place: Place) -> float:
    """A plan counts all tokens as output; this is what a request's own mix emits beside that."""
    counted = float(inputs.arrays["cost_ng_per_token"][place.site, place.hour]) * place.tokens * G_PER_NG
    return place.location_g / counted if counted else 1.0


def _added(wider: Sequence[Option], options: Collection[Option]) -> list[Option]:
    known = {each.cell for each in options}
    return [each for each in wider if each.cell not in known]


def _hours(inputs: PlanInputs, earliest_at: datetime, latest_at: datetime) -> list[int]:
    hours = hours_of_window(earliest_at, latest_at, inputs.made_at, at_most=inputs.hour_count)
    indices = [round((floor_hour(hour) - inputs.first_hour) / HOUR) for hour in hours]
    return [index for index in indices if 0 <= index < inputs.hour_count]


def _candidate(inputs: PlanInputs, facts: DecisionFacts, site: int, hour: int) -> Candidate:
    promised = int(inputs.arrays["promised_tokens"][site, hour])
    return candidate_at(inputs, facts.origin.code, site, hour, promised_tokens=promised)


def _option(
    inputs: PlanInputs, facts: DecisionFacts, terms: PolicyTerms, candidate: Candidate, cell: tuple[int, int]
) -> Option:
    return Option(
        site=cell[0],
        hour=cell[1],
        candidate=candidate,
        full_price_ng_per_token=full_price(inputs, *cell),
        room_tokens=room_tokens(inputs, *cell),
        free_tokens=undrawn_tokens(inputs, *cell),
        posted_micro_usd=None if facts.price_cap_micro_usd is None else _posted(facts, terms, candidate),
    )


def _posted(facts: DecisionFacts, terms: PolicyTerms, candidate: Candidate) -> int:
    """The price that caps are compared with: as if the Fund paid its part."""
    cost, _ = price_of(terms, facts, candidate, facts.tokens, fund_available_micro_usd=UNLIMITED)
    return cost.total
