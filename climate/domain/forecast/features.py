"""What the forecast of an hour is blended from, all of it known when the forecast is issued.

The starting point is the profile: the mean of the target's hour of day over the last seven days.
The features are differences from it, on logarithms, so that a weight of 0 leaves the profile and
a weight of 1 on "yesterday" is yesterday's value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from climate.domain.forecast.trace import HORIZON_HOURS, Array, Trace

Indices = npt.NDArray[np.int_]

FEATURES = (
    "last_hour",  # how far the last measured hour lay from its profile
    "hour_before",  # the same of the hour before it
    "hours_3_to_12",  # the mean of that over the ten hours before
    "hours_13_to_24",  # and over the twelve before those
    "yesterday",  # the last measured value of the target's hour of day
    "month",  # the mean of that hour of day over four weeks
    "weekday",  # over the days of the target's kind (working day, weekend) in these weeks
    "sunny_hours",  # how far the last day's sunlit hours lay from profile beyond the others, by the target's sun
    "sun_since",  # the last hour's distance from profile, by how much higher the sun stands in the target hour
    "season",  # how the sun's path has changed since the profile's days, times how strongly the zone follows it
)
PROFILE_DAYS = 7
MONTH_DAYS = 28
MINIMUM_HOURS = 48
"""Measured hours of the last four weeks without which nothing is forecast."""
MINIMUM_HOURS_OF_LAST_DAY = 6
"""Measured hours of the last day without which nothing is forecast."""
FEW_DAYS = 2.0
"""A mean of n days of one kind is believed n / (n + FEW_DAYS)."""
WORTH_A_FIT = 0.05
"""Sum of squares of the sun's sine below which a day has too little sun to say anything."""


class Features(NamedTuple):
    """Of some issues: profile and spread (issues x hours), inputs (issues x hours x features); logarithms."""

    profile: Array
    inputs: Array
    spread: Array


class _Recent(NamedTuple):
    """The last 24 hours before each issue (24 x issues), latest first."""

    distance: Array
    profile: Array
    sun: Array


def is_long_enough(trace: Trace, issue: int) -> bool:
    """Whether enough was measured before hour number `issue` to forecast from it."""
    known = ~np.isnan(trace.values[max(0, issue - MONTH_DAYS * 24) : issue])
    return bool(known.sum() >= MINIMUM_HOURS and known[-24:].sum() >= MINIMUM_HOURS_OF_LAST_DAY)


def build_features(trace: Trace, issues: Indices, hours: int = HORIZON_HOURS) -> Features:
    """Features of so many hours from each issue on; an issue is the number of its first unmeasured hour.

    Only hours before an issue are read. What was not measured is left out of means, and a feature
    of which nothing was measured is 0.
    """
    padding = (MONTH_DAYS + PROFILE_DAYS + 2) * 24
    values = np.concatenate([np.full(padding, np.nan), trace.logarithms])
    targets = issues[:, None] + np.arange(hours)[None, :]
    days_back = np.arange(hours)[None, :] // 24 + np.arange(1, MONTH_DAYS + 1)[:, None]
    earlier = targets[None] - 24 * days_back[:, None, :]
    days = values[earlier + padding]
    month = _mean(days)
    month = np.where(np.isnan(month), _overall(values, issues + padding)[:, None], month)
    profile = np.where(np.isnan(week := _mean(days[:PROFILE_DAYS])), month, week)
    recent = _recent(trace, values, issues, padding)
    inputs = [
        *(np.broadcast_to(each[:, None], profile.shape) for each in _distances(recent.distance)),
        days[0] - profile,
        month - profile,
        _weekday(trace, days, targets, earlier),
        *_sunlight(trace, recent, targets, earlier),
    ]
    return Features(profile, np.nan_to_num(np.stack(inputs, axis=-1)), _spread(days))


def _overall(values: Array, ends: Indices) -> Array:
    """Mean of all measured hours of the last four weeks, by issue."""
    return _mean(values[ends[None, :] - np.arange(1, MONTH_DAYS * 24 + 1)[:, None]])


def _recent(trace: Trace, values: Array, issues: Indices, padding: int) -> _Recent:
    hours = issues[None, :] - np.arange(1, 25)[:, None]
    week = np.stack([values[hours + padding - 24 * day] for day in range(1, PROFILE_DAYS + 1)])
    profile = _mean(week)
    sun = trace.sun[np.maximum(hours, 0)]
    return _Recent(values[hours + padding] - profile, profile, sun)


def _distances(distance: Array) -> list[Array]:
    """The four distances from profile; where the last hour is missing the one before stands for it."""
    before = np.where(np.isnan(distance[1]), distance[2], distance[1])
    last = np.where(np.isnan(distance[0]), before, distance[0])
    return [last, np.where(np.isnan(before), last, before), _mean(distance[2:12]), _mean(distance[12:])]


def _weekday(trace: Trace, days: Array, targets: Indices, earlier: Indices) -> Array:
    is_weekend = trace.is_weekend
    alike = is_weekend[np.maximum(earlier, 0)] == is_weekend[targets][None]
    alike &= ~np.isnan(days)
    count = alike.sum(axis=0)
    mean = np.where(alike, days, 0.0).sum(axis=0) / np.maximum(count, 1)
    found: Array = (mean - _mean(days)) * count / (count + FEW_DAYS)
    return found


def _sunlight(trace: Trace, recent: _Recent, targets: Indices, earlier: Indices) -> list[Array]:
    sun = trace.sun[targets]
    mean_sun = recent.sun.mean(axis=0)
    known = ~np.isnan(recent.distance)
    distance = np.where(known, recent.distance, 0.0)
    lit = np.where(known, recent.sun, 0.0)
    in_sun = (lit * distance).sum(axis=0) / np.maximum(lit.sum(axis=0), WORTH_A_FIT)
    sunny = (in_sun - distance.sum(axis=0) / np.maximum(known.sum(axis=0), 1))[:, None] * (sun - mean_sun[:, None])
    since = distance[0][:, None] * (sun - recent.sun[0][:, None])
    above = recent.sun - mean_sun
    shape = np.nan_to_num(recent.profile - _mean(recent.profile)[None, :])
    follows = (above * shape).sum(axis=0) / np.maximum((above**2).sum(axis=0), WORTH_A_FIT)
    profile_sun = trace.sun[np.maximum(earlier[:PROFILE_DAYS], 0)].mean(axis=0)
    return [sunny, since, follows[:, None] * (sun - profile_sun)]


def _spread(days: Array) -> Array:
    """How much the hour of day varied from day to day, half of it the hour's own, half the day's mean; never 0."""
    own = np.sqrt(np.nan_to_num(_mean((days - _mean(days)) ** 2)))
    spread: Array = np.maximum(0.5 * own + 0.5 * own[:, :HORIZON_HOURS].mean(axis=1, keepdims=True), 1e-4)
    return spread


def _mean(values: Array) -> Array:
    """Mean over the first axis of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    mean: Array = np.where(count > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return mean
