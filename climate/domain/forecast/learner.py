"""Learning from a zone's past: every six hours a forecast as it would have been, then its errors.

The weights are a ridge regression drawn towards the shipped ones. Older issues count less. An
error is learnt from only when all hours of its group have been measured: never from the future.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from climate.domain.forecast.blend import (
    GROUP_OF_STEP,
    GROUPS,
    LAST_HOURS_OF_GROUPS,
    Forecast,
    Prior,
    ZoneFit,
    blend,
    bounded,
    by_group,
)
from climate.domain.forecast.features import FEATURES, Features, Indices, build_features, is_long_enough
from climate.domain.forecast.issues import SLOT_HOURS
from climate.domain.forecast.trace import HORIZON_HOURS, Array, Trace

ISSUES_A_DAY = 24 // SLOT_HOURS
HALF_LIFE_ISSUES = 60.0 * ISSUES_A_DAY
"""After this many issues one counts half."""
PRIOR_ISSUES = np.array([50, 50, 50, 100, 100, 200, 200, 300, 600, 600], dtype=np.float64)
"""The shipped weights count as much as this many issues of the zone, by group: far hours teach little."""
BAND_ISSUES = 60 * ISSUES_A_DAY
"""Issues whose errors make the band."""
PRIOR_BAND_ISSUES = 20.0
"""The shipped band counts as much as this many issues."""
LOW_QUANTILE, HIGH_QUANTILE = 0.10, 0.90
MISSED_SHARE = 0.20
"""Of the hours, by intention outside the band."""
BAND_STEP = 0.03
"""How fast the band's width follows the share of hours that fell outside."""
ERRORS_OF_GROUP = 6
"""Hours of a group, evenly spread, whose errors make the band: neighbours say nearly the same."""
CHUNK_ISSUES = 200
_DELAYS = np.array([-(-last // SLOT_HOURS) for last in LAST_HOURS_OF_GROUPS])
_STEPS_OF_GROUPS = [
    np.unique(np.linspace(first, last - 1, ERRORS_OF_GROUP).round().astype(int))
    for first, last in zip((0, *LAST_HOURS_OF_GROUPS[:-1]), LAST_HOURS_OF_GROUPS, strict=True)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Forecasts of some issues as they would have been made, and what was learnt by the end."""

    issues: Indices
    forecasts: tuple[Forecast, ...]
    fit: ZoneFit


class _Learner:
    """What the errors known so far have taught."""

    def __init__(self, prior: Prior):
        self._prior = prior
        self._band = ZoneFit.untaught(prior)
        self._squares = np.zeros((GROUPS, len(FEATURES), len(FEATURES)))
        self._products = np.zeros((GROUPS, len(FEATURES)))
        self._counts = np.zeros(GROUPS)
        self._errors: list[list[Array]] = [[] for _ in range(GROUPS)]
        self._widening = np.zeros(GROUPS)
        self.fit = self._band

    def learn(self, group: int, squares: Array, products: Array, errors: Array) -> None:
        """Take in one issue's hours of a group; `errors` in spreads, as the forecast was issued."""
        fade = 0.5 ** (1 / HALF_LIFE_ISSUES)
        self._squares[group] = fade * self._squares[group] + squares
        self._products[group] = fade * self._products[group] + products
        self._counts[group] = fade * self._counts[group] + 1
        known = errors[~np.isnan(errors)]
        if known.size:
            outside = (known < self.fit.low[group]) | (known > self.fit.high[group])
            self._widening[group] += BAND_STEP * (outside.mean() - MISSED_SHARE)
            self._errors[group].append(known)
            del self._errors[group][:-BAND_ISSUES]

    def refit(self) -> None:
        """Work out weights and band anew."""
        size = np.einsum("gff->gf", self._squares) / np.maximum(self._counts, 1)[:, None]
        ridge = PRIOR_ISSUES[:, None] * (size + 1e-9)
        system = self._squares + np.einsum("gf,fh->gfh", ridge, np.eye(len(FEATURES)))
        changes = np.linalg.solve(system, self._products[..., None])[..., 0]
        low, high = np.transpose([self._quantiles(group) for group in range(GROUPS)])
        self.fit = ZoneFit(changes=changes, low=low, high=high)

    def _quantiles(self, group: int) -> tuple[float, float]:
        errors = self._errors[group]
        shipped = np.array([self._band.low[group], self._band.high[group]])
        if errors:
            own = np.quantile(np.concatenate(errors), [LOW_QUANTILE, HIGH_QUANTILE])
            shipped = (len(errors) * own + PRIOR_BAND_ISSUES * shipped) / (len(errors) + PRIOR_BAND_ISSUES)
        low, high = shipped * np.exp(self._widening[group])
        return min(float(low), 0.0), max(float(high), 0.0)


class _Lessons:
    """What issues will have taught once their hours have been measured."""

    def __init__(self) -> None:
        self._lessons: list[tuple[int, Array, Array, Array]] = []
        self._next = [0] * GROUPS

    def add(self, issue: int, squares: Array, products: Array, errors: Array) -> None:
        """Of one issue, by group; errors by the hour ahead."""
        self._lessons.append((issue, squares, products, errors))

    def teach(self, learner: _Learner, at: int) -> None:
        """Pass on what hour number `at` knows: groups of hours that lie before it to their end."""
        for group, delay in enumerate(_DELAYS):
            while self._next[group] < len(self._lessons):
                issue, squares, products, errors = self._lessons[self._next[group]]
                if issue + delay * SLOT_HOURS > at:
                    break
                learner.learn(group, squares[group], products[group], errors[_STEPS_OF_GROUPS[group]])
                self._next[group] += 1


def replay(trace: Trace, *, prior: Prior, last_issue: int | None = None) -> Replay:
    """Forecast every six hours up to `last_issue` (default: after the last hour) and learn on the way.

    Issues with too little measured before them are left out.
    """
    last = len(trace.values) if last_issue is None else last_issue
    issues = np.array([at for at in range(last % SLOT_HOURS, last + 1, SLOT_HOURS) if is_long_enough(trace, at)], int)
    learner, lessons, forecasts = _Learner(prior), _Lessons(), list[Forecast]()
    for first in range(0, len(issues), CHUNK_ISSUES):
        chunk = issues[first : first + CHUNK_ISSUES]
        features = build_features(trace, chunk)
        squares, products, actual = _sums(trace, chunk, features, prior)
        for row, at in enumerate(chunk.tolist()):
            lessons.teach(learner, at)
            if len(forecasts) % ISSUES_A_DAY == 0:
                learner.refit()
            one = Features(*(each[row : row + 1] for each in features))
            central = blend(one, prior.weights + learner.fit.changes[GROUP_OF_STEP])[0]
            forecasts.append(bounded(central, one.spread[0], learner.fit))
            lessons.add(at, squares[row], products[row], (actual[row] - central) / one.spread[0])
    learner.refit()
    return Replay(issues=issues, forecasts=tuple(forecasts), fit=learner.fit)


def _sums(trace: Trace, issues: Indices, features: Features, prior: Prior) -> tuple[Array, Array, Array]:
    """Per issue and group the sums a regression needs, and what was measured (issues x 96 h, NaN unknown)."""
    padded = np.concatenate([trace.logarithms, np.full(HORIZON_HOURS, np.nan)])
    actual = padded[issues[:, None] + np.arange(HORIZON_HOURS)[None, :]]
    known = ~np.isnan(actual)
    inputs = np.where(known[..., None], features.inputs, 0.0)
    missed = np.where(known, actual - blend(features, prior.weights), 0.0)
    squares = by_group(np.einsum("ikf,ikh->ifhk", inputs, inputs))
    products = by_group(np.einsum("ikf,ik->ifk", inputs, missed))
    return np.moveaxis(squares, -1, 1), np.moveaxis(products, -1, 1), actual
