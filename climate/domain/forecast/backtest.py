"""How good forecasts of a past year would have been, beside the plain blend anybody can compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from climate.domain.forecast.blend import Forecast, Prior
from climate.domain.forecast.features import PROFILE_DAYS, Indices
from climate.domain.forecast.issues import SLOT_HOURS
from climate.domain.forecast.learner import replay
from climate.domain.forecast.trace import HORIZON_HOURS, Array, Trace

JOB_HOURS = 4
JOB_WITHIN_HOURS = 24
LEADS = {"+1 h": slice(0, 1), "1-24 h": slice(0, 24), "25-48 h": slice(24, 48)}
DEFINITIONS = (
    "Issues: every six hours (00, 06, 12, 18 UTC), from the hours that ended before; +1 h is the hour beginning then.",
    "MAPE: mean of |forecast - measured| / measured over all measured hours; MAE: mean of |forecast - measured|.",
    "Coverage: share of the measured hours 1-96 within the 80 % band.",
    "Saving: a job of 4 consecutive hours begins on the hour and ends within 24 h of the issue. Reference: it begins at"
    " once. Chosen: the begin with the least mean forecast. Oracle: the begin with the least mean measured afterwards."
    " Share: sum of (reference - chosen) over sum of (reference - oracle), of issues whose 24 hours were all measured.",
    "Plain blend: the mean of the last measured value of that hour of day and the mean of that hour of day over the"
    " last 7 days.",
    "The line `mean` is the plain mean of the zones.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Of one zone; None where nothing could be scored. MAPE in %, MAE in g/kWh, by lead; shares 0..1."""

    mape_percent: dict[str, float | None]
    mae_g_per_kwh: dict[str, float | None]
    saving_share: float | None
    coverage_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """One zone: how many issues were scored, how the own forecast did, and the plain blend."""

    zone: str
    issues: int
    own: Scores
    plain: Scores


def backtest(zone: str, trace: Trace, *, prior: Prior, first_issue: int) -> Backtest:
    """Forecast every six hours as it would have been, learning on the way, and score from `first_issue` on."""
    last = len(trace.values) - 1
    done = replay(trace, prior=prior, last_issue=last - (trace.first_hour.hour + last) % SLOT_HOURS)
    chosen = done.issues >= first_issue
    issues = done.issues[chosen]
    forecasts = done.forecasts[len(done.issues) - len(issues) :]
    padded = np.concatenate([trace.values, np.full(HORIZON_HOURS, np.nan)])
    actual = padded[issues[:, None] + np.arange(HORIZON_HOURS)[None, :]]
    return Backtest(
        zone=zone,
        issues=len(issues),
        own=_scores(np.array([each.central for each in forecasts]).reshape(-1, HORIZON_HOURS), actual, forecasts),
        plain=_scores(plain_blend(trace, issues), actual),
    )


def plain_blend(trace: Trace, issues: Indices) -> Array:
    """Mean of yesterday and of the last seven days at the same hour of day, issues x 96 h; NaN where unknown."""
    padding = (PROFILE_DAYS + HORIZON_HOURS // 24) * 24
    values = np.concatenate([np.full(padding, np.nan), trace.values])
    steps = np.arange(HORIZON_HOURS)
    yesterday = issues[:, None] + steps - 24 * (steps // 24 + 1) + padding
    week = np.stack([values[yesterday - 24 * day] for day in range(PROFILE_DAYS)])
    known = ~np.isnan(week)
    mean = np.where(known, week, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    blended: Array = (np.where(known[0], week[0], mean) + mean) / 2
    return blended


def _scores(expected: Array, actual: Array, forecasts: Sequence[Forecast] = ()) -> Scores:
    error = np.abs(expected - actual)
    coverage = None
    if forecasts:
        low, high = np.array([each.low for each in forecasts]), np.array([each.high for each in forecasts])
        inside = np.where(np.isnan(actual), np.nan, (actual >= low) & (actual <= high))
        coverage = _mean(100 * inside)
    return Scores(
        mape_percent={lead: _mean(100 * error[:, steps] / actual[:, steps]) for lead, steps in LEADS.items()},
        mae_g_per_kwh={lead: _mean(error[:, steps]) for lead, steps in LEADS.items()},
        saving_share=_saving_share(expected[:, :JOB_WITHIN_HOURS], actual[:, :JOB_WITHIN_HOURS]),
        coverage_percent=coverage,
    )


def _saving_share(expected: Array, actual: Array) -> float | None:
    whole = ~np.isnan(actual).any(axis=1) & ~np.isnan(expected).any(axis=1)
    if not whole.any():
        return None
    expected_means, actual_means = (
        np.lib.stride_tricks.sliding_window_view(each[whole], JOB_HOURS, axis=1).mean(axis=2)
        for each in (expected, actual)
    )
    chosen = np.take_along_axis(actual_means, expected_means.argmin(axis=1)[:, None], axis=1)[:, 0]
    possible = float((actual_means[:, 0] - actual_means.min(axis=1)).sum())
    return float((actual_means[:, 0] - chosen).sum()) / possible if possible > 0 else None


def _mean(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None
