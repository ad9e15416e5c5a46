"""Following quantiles of a heavy-tailed quantity, one outcome at a time.

Each outcome moves the logarithm of the quantile: up by `rate x q` where it reached the quantile,
down by `rate x (1 - q)` where it stayed below. Both balance exactly where the share `q` stays
below, whatever the distribution. This is stochastic gradient descent on the pinball loss
(Koenker and Bassett 1978; Robbins and Monro 1951). In logarithms a step is a share of the
estimate, so that work of 100 and of 100,000 tokens is learned equally fast.
"""

from __future__ import annotations

from math import erf, exp, log, sqrt

TARGET_ERROR = 0.30
"""An estimate is on target within this share of the outcome (founding documents)."""


def follow(quantile: float, outcome: float, *, q: float, rate: float) -> float:
    """The quantile after one outcome. Reaching it counts as beyond it: work that was cut off there wanted more."""
    step = q if outcome >= quantile else q - 1.0
    return quantile * exp(rate * step)


def relative_error(predicted: float, actual: float) -> float:
    """`|predicted - actual| / actual`; an outcome of nothing counts as one, so that it stays finite."""
    return abs(predicted - actual) / max(actual, 1.0)


def best_share_on_target(spread: float) -> float:
    """The most that any single figure can have within 30 % of log-normal outcomes.

    `spread` is the standard deviation of their natural logarithm. Outcomes from `p / 1.3` to
    `p / 0.7` are on target: a band of 0.62 in logarithms, best centred on the median.
    """
    half_band = log((1 + TARGET_ERROR) / (1 - TARGET_ERROR)) / 2
    return erf(half_band / spread / sqrt(2)) if spread else 1.0
