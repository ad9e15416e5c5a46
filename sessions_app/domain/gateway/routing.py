"""Which deployment serves a call: who may, in which order, and why. Pure: same input, same order.

Carbon, price and time to the first byte are each divided by the mean of those that may serve, so that 1 is the
average; the policy's percentages weigh them, and the sum is the score: 100 is the average, less is better.
With all weight on carbon the order is that of grams CO2e for this very call, PUE and model class included.
An unknown price counts as the dearest that is known, and never as nothing; an unknown time as the average.
Deployments of one score come by lot, in proportion to their weights; the lot is drawn from the call's id.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app.domain.gateway.deployments import Candidate, Reach, RegionFigures
from sessions_app.domain.gateway.eligibility import LeftOut, RouteAsk, Why, why_not, within_reach
from sessions_app.domain.gateway.terms import Routing

__all__ = ["LeftOut", "Ranked", "Ranking", "RouteAsk", "Why", "rank"]

NEAR_ENOUGH_DIGITS = 6
"""Scores that agree so far are one: sums of floats differ behind that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A deployment that may serve. `grams` g CO2e of this call, `price_micro_usd` the provider's, None unknown.

    `parts` are the weighted parts of the score, in points.
    """

    candidate: Candidate
    region: RegionFigures
    score: float
    grams: float
    price_micro_usd: int | None
    first_byte_ms: float | None
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Deployments in the order in which they are tried, and the others with the reason."""

    ordered: tuple[Ranked, ...]
    left_out: tuple[LeftOut, ...]
    stuck_to: str = ""

    @property
    def places(self) -> dict[str, int]:
        """The place of each deployment by name, from 1. Those of one score share it: they come by lot."""
        scores = [round(each.score, NEAR_ENOUGH_DIGITS) for each in self.ordered]
        return {
            each.candidate.deployment.name: scores.index(round(each.score, NEAR_ENOUGH_DIGITS)) + 1
            for each in self.ordered
        }

    @property
    def regions(self) -> list[str]:
        """Regions in that order, each once."""
        return list(dict.fromkeys(each.region.code for each in self.ordered))

    def retry_after_seconds(self, now: datetime) -> float | None:
        """When the first of those that rest may be called again; None where no waiting helps."""
        waits = [(each.until - now).total_seconds() for each in self.left_out if each.until is not None]
        return max(1.0, min(waits)) if waits else None

    def to_json(self) -> dict[str, Any]:
        """How they were put in order, to be kept with the decision."""
        return {
            "ordered": [
                {
                    "deployment": each.candidate.deployment.name,
                    "region": each.region.code,
                    "score": round(each.score, NEAR_ENOUGH_DIGITS),
                    "parts": {name: round(value, NEAR_ENOUGH_DIGITS) for name, value in each.parts.items()},
                    "grams": each.grams,
                    "intensity_g_per_kwh": each.region.intensity_g_per_kwh,
                    "basis": each.region.basis,
                    "price_micro_usd": each.price_micro_usd,
                    "first_byte_ms": each.first_byte_ms,
                }
                for each in self.ordered
            ],
            "left_out": [
                {"deployment": each.name, "why": each.why.value, "words": each.words} for each in self.left_out
            ],
            "stuck_to": self.stuck_to,
        }


def rank(candidates: Sequence[Candidate], ask: RouteAsk, *, routing: Routing, reach: Reach, now: datetime) -> Ranking:
    """Who may serve the call, best first, and why the others may not."""
    left_out: list[LeftOut] = []
    able: list[Candidate] = []
    for each in candidates:
        refused = why_not(each, ask, now)
        if refused is None:
            able.append(each)
        else:
            left_out.append(refused)
    near, too_far = within_reach(able, ask, reach)
    scored = sorted(_scored(near, ask, routing), key=lambda each: _place(each, ask.call_id))
    ordered, stuck_to = _sticky(scored, ask, routing)
    return Ranking(ordered=tuple(ordered), left_out=(*left_out, *too_far), stuck_to=stuck_to)


def _scored(able: Sequence[Candidate], ask: RouteAsk, routing: Routing) -> list[Ranked]:
    placed = [(each, each.region) for each in able if each.region is not None]
    grams = [_grams(each, region, ask) for each, region in placed]
    prices = [_price(each, ask) for each, _ in placed]
    times = [each.health.first_byte_ms for each, _ in placed]
    dearest = max([1, *(price for price in prices if price is not None)])  # beside a free one, unknown is not free
    known_ms = [ms for ms in times if ms is not None]
    usual_ms = math.fsum(known_ms) / len(known_ms) if known_ms else 1.0
    by_carbon = _relative(grams)
    by_price = _relative([dearest if price is None else price for price in prices])
    by_time = _relative([usual_ms if ms is None else ms for ms in times])
    ranked = []
    for index, (each, region) in enumerate(placed):
        parts = {
            "carbon": routing.carbon_percent * by_carbon[index],
            "price": routing.price_percent * by_price[index],
            "latency": routing.latency_percent * by_time[index],
        }
        ranked.append(
            Ranked(
                candidate=each,
                region=region,
                score=math.fsum(parts.values()),
                grams=grams[index],
                price_micro_usd=prices[index],
                first_byte_ms=times[index],
                parts=parts,
            )
        )
    return ranked


def _grams(each: Candidate, region: RegionFigures, ask: RouteAsk) -> float:
    model_class = each.deployment.model_class
    return region.grams(model_class, input_tokens=ask.input_tokens, output_tokens=ask.output_tokens)


def _price(each: Candidate, ask: RouteAsk) -> int | None:
    return each.deployment.provider_micro_usd(input_tokens=ask.input_tokens, output_tokens=ask.output_tokens)


def _relative(values: Sequence[float]) -> list[float]:
    """Each divided by the mean; all 1 where the mean is nothing: then they do not differ."""
    mean = math.fsum(values) / len(values) if values else 0.0
    return [value / mean for value in values] if mean > 0 else [1.0 for _ in values]


def _place(ranked: Ranked, call_id: str) -> tuple[float, float, str]:
    deployment = ranked.candidate.deployment
    return round(ranked.score, NEAR_ENOUGH_DIGITS), _lot(call_id, deployment.name, deployment.weight), deployment.name


def _lot(call_id: str, name: str, weight: float) -> float:
    """Exponential waiting time with `weight` as rate: the least of several falls on each in proportion to its weight.

    The same call draws the same lot in every process; a deployment that comes or goes changes no other one's lot.
    """
    digest = hashlib.blake2b(f"{call_id}\0{name}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest) + 1) / (2**64 + 1)
    return -math.log(uniform) / weight


def _sticky(scored: list[Ranked], ask: RouteAsk, routing: Routing) -> tuple[list[Ranked], str]:
    """A session stays where it was, unless another deployment is better by the policy's gain."""
    stuck = next((each for each in scored if each.candidate.deployment.id == ask.sticky_deployment_id), None)
    if stuck is None:
        return scored, ""
    worth_moving = scored[0].score < stuck.score * (1 - routing.sticky_gain_percent / 100)
    if worth_moving:
        return scored, ""
    return [stuck, *(each for each in scored if each is not stuck)], stuck.candidate.deployment.name
