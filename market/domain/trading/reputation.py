"""A team's reputation in the market: one number from 0 to 1, made in the open from what it did.

Each component is a share of good outcomes. With few of them little is known, so each is drawn towards the
middle: `(good + 5 * 0.5) / (count + 5)`, as if five outcomes had been seen before of which half were good
(additive smoothing, Laplace 1812 with a prior of five). The score is the mean of the components by the
policy's weights; one without any outcome is left out and the other weights grow to sum to one. Where
nothing is known at all there is no score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any

from market.domain.trading.terms import MarketTerms

PRIOR_COUNT = 5
PRIOR_VALUE = 0.5
DELIVERY = "delivery"
ACCURACY = "accuracy"
EARLY_RETURN = "early_return"
COLLABORATION = "collaboration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What was seen of one component: `good` of `count`, both may be fractions of an outcome; good <= count."""

    good: float
    count: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component of a score. `share` is good of count as seen, `value` the same drawn towards the middle (0..1).

    `weight` is what it weighs in this score: the weights of a score sum to one. None: nothing was seen.
    """

    name: str
    count: float
    share: float | None
    value: float | None
    weight: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score 0..1 with its components; None: nothing is known."""

    score: float | None
    parts: tuple[Part, ...]


def weights_of(terms: MarketTerms) -> dict[str, float]:
    """What each component weighs by a policy, before those without outcomes are left out."""
    return {
        DELIVERY: terms.reputation_delivery_weight,
        ACCURACY: terms.reputation_accuracy_weight,
        EARLY_RETURN: terms.reputation_early_return_weight,
        COLLABORATION: terms.reputation_collaboration_weight,
    }


def score_of(seen: Mapping[str, Outcomes], weights: Mapping[str, float]) -> Score:
    """The score of what was seen, component by component."""
    known = {name: weight for name, weight in weights.items() if weight > 0 and name in seen and seen[name].count > 0}
    total = fsum(known.values())
    parts = [_part(name, seen.get(name), known.get(name, 0.0) / total if total else 0.0) for name in weights]
    return Score(score=_mean(parts) if total else None, parts=tuple(parts))


def smoothed(outcomes: Outcomes) -> float:
    """A share of good outcomes, drawn towards the middle while they are few."""
    return (outcomes.good + PRIOR_COUNT * PRIOR_VALUE) / (outcomes.count + PRIOR_COUNT)


def _part(name: str, outcomes: Outcomes | None, weight: float) -> Part:
    if outcomes is None or outcomes.count <= 0:
        return Part(name=name, count=0, share=None, value=None, weight=0.0)
    share = outcomes.good / outcomes.count
    return Part(name=name, count=outcomes.count, share=share, value=smoothed(outcomes), weight=weight)


def _mean(parts: Sequence[Part]) -> float:
    return fsum(part.value * part.weight for part in parts if part.value is not None)
