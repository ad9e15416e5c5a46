"""Teams that trade by fixed rules. They know what they asked for so far and what the week before was like.

A team expects for the rest of the week what the week before says, scaled by how its own week went so far. What its
quota has beyond that (and a margin) it offers, at most half of what it was given; what it lacks it bids for; both a
part an hour, so that it can change its mind. Limits lie around the price of the service, by how keen the team is, how
soon its quota runs out and how late it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.placement.problem import Floats, Ints
from market.domain.trading.simulation.inputs import Inputs

MARGIN = 1.10
MOST_SOLD = 0.5
LEARNS_AFTER_HOURS = 12
LEAST_SCALE, MOST_SCALE = 0.5, 2.0
PART_HOURS = 8
"""Of what is spare or lacking, as much is sent in an hour as if so many such hours were left of the week."""
SOON_HOURS = 6
BID_FROM, BID_SPREAD, BID_SHORT = 85, 45, 20
"""Percent of the service price: a buyer's least, what keenness adds, what running out within hours adds."""
TIER_ADDS = {"essential": 15, "public": 10, "research": 5, "commercial": 0}
ASK_FROM, ASK_SPREAD, ASK_LATE = 55, 40, 25
"""Percent of the service price: a seller's least, what keenness adds, what lateness takes off by the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """One hour's orders, by team [T]: lots (0: none) and limits in ticks, of each side."""

    bid_lots: Ints
    bid_ticks: Ints
    ask_lots: Ints
    ask_ticks: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where teams stand at the beginning of an hour, [T]: own and bought quota left, sold so far, money left."""

    hour: int
    asked_so_far: Ints
    own: Ints
    bought: Ints
    sold: Ints
    money_micro_usd: Ints


def wishes(inputs: Inputs, at: Standing, *, service_ticks: int, lot_tokens: int, keeps_tokens: int) -> Wishes:
    """What every team bids and offers at the beginning of an hour."""
    rest, soon = (_expected(inputs, at, hours) for hours in (inputs.hours, SOON_HOURS))
    part = min(1.0, PART_HOURS / (inputs.hours - at.hour))
    have = at.own + at.bought
    spare = np.minimum(have - rest * MARGIN, at.own - keeps_tokens)
    spare = np.minimum(spare, inputs.quota * MOST_SOLD - at.sold) * part
    lack = np.maximum((rest - have) * part, np.minimum(soon, rest) - have)
    mood = inputs.mood[:, at.hour]
    bid = BID_FROM + BID_SPREAD * mood + np.array([TIER_ADDS[team.tier] for team in inputs.teams])
    bid_ticks = _ticks(bid + BID_SHORT * (have < soon), service_ticks)
    ask_ticks = _ticks(ASK_FROM + ASK_SPREAD * mood - ASK_LATE * at.hour / inputs.hours, service_ticks)
    affordable = at.money_micro_usd // bid_ticks
    return Wishes(
        bid_lots=np.minimum(np.ceil(np.maximum(lack, 0) / lot_tokens).astype(np.int64), affordable),
        bid_ticks=bid_ticks,
        ask_lots=np.maximum(spare, 0).astype(np.int64) // lot_tokens,
        ask_ticks=ask_ticks,
    )


def _expected(inputs: Inputs, at: Standing, hours: int) -> Floats:
    """Tokens that teams expect to ask for in the next hours."""
    shares = inputs.expected_share
    to_come: Floats = shares[:, at.hour : at.hour + hours].sum(axis=1) * inputs.expected_week
    if at.hour < LEARNS_AFTER_HOURS:
        return to_come
    scale = at.asked_so_far / (shares[:, : at.hour].sum(axis=1) * inputs.expected_week)
    scaled: Floats = to_come * np.clip(scale, LEAST_SCALE, MOST_SCALE)
    return scaled


def _ticks(percent: Floats, service_ticks: int) -> Ints:
    ticks: Ints = np.maximum(1, np.round(percent * service_ticks / 100)).astype(np.int64)
    return ticks
