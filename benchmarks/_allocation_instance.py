"""Generated instances for allocation.py: seeded, realistic in shape, no measured data in them.

Regions lie in a few clusters on a globe; 30 origins ask for work that must be near, in reach, within
a jurisdiction or anywhere; sizes are lognormal with a long tail, arrivals follow the day, and
windows the kind of work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.domain.placement.problem import Flags, Floats, Indices, Ints, Parties

CENTRES = np.array([[49.0, 8.0], [39.0, -95.0], [25.0, 110.0], [-25.0, 20.0]])
"""Latitude and longitude, degrees."""

ORIGINS = 30
PURPOSES = np.array([5.0, 0.2])
NEED = np.array([1.0, 1.5, 2.0])
KINDS = 4  # near, in reach, in the jurisdiction of the origin (its cluster), anywhere
REACH_KM = (1_500.0, 5_000.0)
KIND_SHARES = (0.35, 0.3, 0.15, 0.2)
SLACK_HOURS = ((0, 3), (2, 9), (4, 24), (8, 48))
MEDIAN_TOKENS = 1_200.0
SIGMA = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Room, cost, profiles and requests, before they are grouped. A profile is one eligible set at all hours."""

    capacity_tokens: Ints
    cost: Ints
    is_eligible: Flags
    set_of_hour: Indices
    profile: Indices
    first_hour: Indices
    last_hour: Indices
    party: Indices
    tokens: Ints
    parties: Parties


def generate(*, requests: int, regions: int, hours: int, room: float = 1.15, seed: int = 5) -> Instance:
    """`room`: capacity as a multiple of all that is asked. Above 1 it still runs short near crowded origins."""
    rng = np.random.default_rng(seed)
    cluster = rng.choice(len(CENTRES), regions, p=(0.4, 0.3, 0.2, 0.1))
    places = CENTRES[cluster] + rng.normal(0, 14, (regions, 2))
    home = rng.integers(0, regions, ORIGINS)
    distance = _kilometres(places[home] + rng.normal(0, 4, (ORIGINS, 2)), places)
    near = [distance <= np.maximum(reach, distance.min(axis=1, keepdims=True)) for reach in REACH_KM]
    sets = np.concatenate([*near, cluster[home][:, None] == cluster, np.ones_like(near[0])])
    is_eligible, profile_of = np.unique(sets, axis=0, return_inverse=True)
    origin = rng.choice(ORIGINS, requests, p=_zipf(ORIGINS)).astype(np.int32)
    kind = rng.choice(KINDS, requests, p=KIND_SHARES)
    purpose = rng.integers(0, len(PURPOSES), requests)
    tokens = np.maximum(rng.lognormal(np.log(MEDIAN_TOKENS), SIGMA, requests), 16).astype(np.int64)
    first, last = _windows(rng, kind, hours)
    weight = np.outer(NEED[rng.integers(0, len(NEED), ORIGINS)], PURPOSES).ravel()
    return Instance(
        capacity_tokens=_capacity(rng, regions, hours, room * tokens.sum()),
        cost=_cost(rng, regions, hours, places[:, 1]),
        is_eligible=is_eligible,
        set_of_hour=np.repeat(np.arange(len(is_eligible), dtype=np.int32)[:, None], hours, axis=1),
        profile=profile_of.ravel()[kind * ORIGINS + origin].astype(np.int32),
        first_hour=first,
        last_hour=last,
        party=(origin * len(PURPOSES) + purpose).astype(np.int32),
        tokens=tokens,
        parties=Parties(weight=weight, floor_tokens=weight * float(tokens.sum()) / weight.sum() / 10),
    )


def _kilometres(ends: Floats, others: Floats) -> Floats:
    a, b = np.radians(ends)[:, None, :], np.radians(others)[None, :, :]
    chord = np.sin((a - b)[..., 0] / 2) ** 2 + np.cos(a[..., 0]) * np.cos(b[..., 0]) * np.sin((a - b)[..., 1] / 2) ** 2
    kilometres: Floats = 12_742.0 * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return kilometres


def _zipf(count: int) -> Floats:
    share = 1 / np.arange(1, count + 1) ** 0.7
    part: Floats = share / share.sum()
    return part


def _windows(rng: np.random.Generator, kind: Ints, hours: int) -> tuple[Indices, Indices]:
    """First and last hour: a fifth waits already, the rest comes with the rhythm of the day."""
    rhythm = 1.2 + np.sin((np.arange(hours) - 8) * 2 * np.pi / 24)
    first = rng.choice(hours, len(kind), p=rhythm / rhythm.sum())
    first[rng.random(len(kind)) < 0.2] = 0
    low, high = np.array(SLACK_HOURS)[kind].T
    last = np.minimum(first + rng.integers(low, high + 1), hours - 1)
    return first.astype(np.int32), last.astype(np.int32)


def _capacity(rng: np.random.Generator, regions: int, hours: int, total: float) -> Ints:
    size = rng.lognormal(0, 0.6, regions)[:, None] * rng.uniform(0.85, 1.0, (regions, hours))
    size[rng.random((regions, hours)) < 0.005] = 0  # outages
    capacity: Ints = np.maximum(size * (total / size.sum()), 0).astype(np.int64)
    return capacity


def _cost(rng: np.random.Generator, regions: int, hours: int, longitude: Floats) -> Ints:
    """Nano-grams CO2e per token: 20 to 800 g/kWh with a dip at noon of the place, at 0.4 kWh per million tokens."""
    level = rng.uniform(40, 750, regions)[:, None]
    noon = np.cos((np.arange(hours)[None, :] + longitude[:, None] / 15 - 12) * 2 * np.pi / 24)
    intensity = np.clip(level * (1 - 0.3 * noon) + rng.normal(0, 15, (regions, hours)), 20, 800)
    cost: Ints = np.rint(intensity * 1.15 * 400).astype(np.int64)
    return cost
