"""The blend: profile plus weighted features, and the band that holds four hours of five.

Weights are those shipped for all zones, by the hour ahead, plus what the zone itself taught, by
ten groups of hours ahead. The band is made of the zone's own past errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from climate.domain.forecast.features import FEATURES, Features, build_features
from climate.domain.forecast.trace import HORIZON_HOURS, REACH_HOURS, Array, Trace
from climate.domain.signal import HIGHEST_PLAUSIBLE_G_PER_KWH, LOWEST_PLAUSIBLE_G_PER_KWH

LAST_HOURS_OF_GROUPS = (1, 2, 3, 5, 8, 12, 18, 24, 48, 96)
"""Hours ahead at which a group ends: what the zone taught is shared within a group."""
GROUP_OF_STEP = np.searchsorted(np.array(LAST_HOURS_OF_GROUPS), np.arange(1, HORIZON_HOURS + 1))
GROUPS = len(LAST_HOURS_OF_GROUPS)
_LIKE_STEP = np.minimum(np.arange(REACH_HOURS), HORIZON_HOURS - 1)
"""Beyond the horizon weights and band are those of its last hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What zones have in common: weights (96 h x features); band (96 h) in spreads below and above the centre."""

    weights: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Prior:
        """From numbers as they are shipped. Raises ValueError if they are of another method."""
        if tuple(numbers["features"]) != FEATURES:
            raise ValueError("these weights belong to other features")
        return cls(weights=np.array(numbers["weights"]), low=np.array(numbers["low"]), high=np.array(numbers["high"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFit:
    """What a zone taught: changes of the weights (groups x features); its band (groups), in spreads."""

    changes: Array
    low: Array
    high: Array

    @classmethod
    def untaught(cls, prior: Prior) -> ZoneFit:
        """The shipped weights and band as they are."""
        return cls(changes=np.zeros((GROUPS, len(FEATURES))), low=by_group(prior.low), high=by_group(prior.high))

    @classmethod
    def of(cls, numbers: Mapping[str, Sequence[Any]]) -> ZoneFit:
        """From `numbers()`."""
        return cls(**{name: np.array(numbers[name], dtype=np.float64) for name in ("changes", "low", "high")})

    def numbers(self) -> dict[str, list[Any]]:
        """As plain lists, to be stored."""
        return {name: np.round(getattr(self, name), 5).tolist() for name in ("changes", "low", "high")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The hours from an issue on, g CO2e/kWh; low <= central <= high."""

    central: Array
    low: Array
    high: Array


def by_group(of_steps: Array) -> Array:
    """Means of the groups of what is given by the hour ahead (last axis)."""
    members = np.eye(GROUPS)[GROUP_OF_STEP]
    means: Array = of_steps @ members / members.sum(axis=0)
    return means


def forecast_zone(trace: Trace, *, prior: Prior, fit: ZoneFit | None = None, issue: int | None = None) -> Forecast:
    """Forecast 100 hours from hour number `issue` (default: after the last one) with what was measured before.

    Four more than are promised, so that 96 hours lie ahead while the last measured hour is some hours old.
    """
    fit = fit or ZoneFit.untaught(prior)
    at = len(trace.values) if issue is None else issue
    features = build_features(trace, np.array([at]), REACH_HOURS)
    return bounded(
        blend(features, (prior.weights + fit.changes[GROUP_OF_STEP])[_LIKE_STEP])[0], features.spread[0], fit
    )


def blend(features: Features, weights: Array) -> Array:
    """Logarithms of the forecast, issues x hours."""
    blended: Array = features.profile + np.einsum("ikf,kf->ik", features.inputs, weights)
    return blended


def bounded(logarithms: Array, spread: Array, fit: ZoneFit) -> Forecast:
    """Forecast of one issue with its band, within what a grid can emit."""
    groups = GROUP_OF_STEP[_LIKE_STEP[: len(logarithms)]]
    central = _believable(np.exp(logarithms))
    low = _believable(np.exp(logarithms + spread * fit.low[groups]))
    high = _believable(np.exp(logarithms + spread * fit.high[groups]))
    return Forecast(central=central, low=np.minimum(low, central), high=np.maximum(high, central))


def _believable(values: Array) -> Array:
    return np.clip(values, LOWEST_PLAUSIBLE_G_PER_KWH, HIGHEST_PLAUSIBLE_G_PER_KWH)
