"""When a budget will run out, from how it was spent lately.

Burn is the mean of the last week's hours, each weighing half as much as the one two days later:
a change of pace shows, and one wild hour does not rule. What will be burnt in `h` hours lies
around `h x burn` with a variance of `v x (h + h^2 / n)`: the sum's own and that of the mean it
rests on. `v` is the long-run variance of an hour, in which hours that move together count (Newey
and West 1987, Bartlett weights over 12 hours), and `n` the effective number of hours of a weighted
mean (Kish 1965). Hours that move together are fewer independent ones, `n x variance / v`; with few
the band is wider, by Student's t in place of the normal (Abramowitz and Stegun 26.7.5). The band
is meant to hold 80 %. A budget runs out at the first hour in which spent, reserved and burnt
reach the limit. In a rolling period what was spent before leaves the window again meanwhile.

The parts are the named authors'; putting them together is our own. On synthetic series, steady,
daily, in bursts and rare (`tests/unit/budgets/test_exhaustion.py`), the band holds the true hour
in 66 to 98 of 100 cases, 82 in the mean. It cannot know of growth: where spending grows, budgets end earlier.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate
from math import sqrt
from uuid import UUID

from budgets.domain.units import Unit

HOUR = timedelta(hours=1)
HISTORY_HOURS = 7 * 24
HALF_LIFE_HOURS = 48.0
LAG_HOURS = 12
LEAST_HOURS = 6
LEAST_BUSY_HOURS = 3
HORIZON_HOURS = 31 * 24
BAND_DEVIATIONS = 1.2816
"""Standard normal deviations on either side of an 80 % band."""


class Outlook(StrEnum):
    """What becomes of a budget. The names are part of the API."""

    EXHAUSTED = "exhausted"
    """Nothing is left now."""
    RUNS_OUT = "runs_out"
    """The central forecast runs out before the period ends."""
    MAY_RUN_OUT = "may_run_out"
    """Only the high burn runs out before the period ends."""
    RESETS_FIRST = "resets_first"
    """The period ends before even the high burn reaches the limit."""
    LASTS = "lasts"
    """It does not run out within the horizon, or nothing was burnt."""
    UNKNOWN = "unknown"
    """Too little was spent to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendSlice:
    """What was spent from `starts_at` for `seconds`, in steps."""

    starts_at: datetime
    seconds: int
    spent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """Steps an hour, how far the band reaches for one hour (steps) and how many hours both rest on."""

    per_hour: float
    half_band: float
    effective_hours: float
    hours: int
    busy_hours: int

    @property
    def is_known(self) -> bool:
        """Whether enough hours are known, and enough of them with spending."""
        return self.hours >= LEAST_HOURS and self.busy_hours >= LEAST_BUSY_HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Hours until the limit is reached if much, about as much as lately, or little is burnt; None if it is not."""

    earliest: float | None
    central: float | None
    latest: float | None

    def before(self, *, hours: float) -> Crossing:
        """Only what comes before so many hours are over."""
        times = (self.earliest, self.central, self.latest)
        earliest, central, latest = (None if each is None or each >= hours else each for each in times)
        return Crossing(earliest=earliest, central=central, latest=latest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustionForecast:
    """When a budget runs out. Amounts in its unit, exact; times None where it does not, or not before `until`.

    `earliest_at`, `central_at` and `latest_at` belong to the high, central and low burn (an 80 %
    band). `until` is how far the forecast looks: the end of the period, at most 31 days. A one-off
    budget does not end by itself.
    """

    budget_id: UUID
    name: str
    unit: Unit
    as_of: datetime
    outlook: Outlook
    remaining: Decimal
    burn_per_hour: Decimal | None
    burn_low_per_hour: Decimal | None
    burn_high_per_hour: Decimal | None
    earliest_at: datetime | None
    central_at: datetime | None
    latest_at: datetime | None
    resets_at: datetime | None
    ends_by_itself: bool
    until: datetime
    hours_used: int
    basis: str

    @property
    def words(self) -> str:
        """One plain sentence."""
        reset = f"{self.resets_at:%Y-%m-%d %H:%M} UTC" if self.resets_at else ""
        central = f"{self.central_at:%Y-%m-%d %H:%M} UTC" if self.central_at else ""
        earliest = f"{self.earliest_at:%Y-%m-%d %H:%M} UTC" if self.earliest_at else ""
        return {
            Outlook.EXHAUSTED: f"Nothing is left{f' until it resets at {reset}' if reset else ''}.",
            Outlook.RUNS_OUT: f"Runs out about {central} (earliest {earliest}).",
            Outlook.MAY_RUN_OUT: f"May run out from {earliest} if more is spent than lately.",
            Outlook.RESETS_FIRST: f"Resets at {reset}, before it runs out.",
            Outlook.LASTS: f"Does not run out before {self.until:%Y-%m-%d %H:%M} UTC.",
            Outlook.UNKNOWN: "Unknown: too little was spent to say.",
        }[self.outlook]


def hours_before(slices: Iterable[SpendSlice], *, now: datetime, hours: int) -> list[float]:
    """Steps spent in each of the `hours` before `now`, newest first. A slice is spread over its (past) length."""
    spent = [0.0] * hours
    for each in slices:
        ends_at = min(now, each.starts_at + timedelta(seconds=each.seconds))
        newest, oldest = (now - ends_at) / HOUR, (now - each.starts_at) / HOUR
        length = oldest - newest
        for index in range(max(0, int(newest)), min(hours, int(oldest) + 1)):
            overlap = min(oldest, index + 1) - max(newest, index)
            if length > 0 and overlap > 0:
                spent[index] += each.spent * overlap / length
    return spent


def busy_hours(slices: Iterable[SpendSlice]) -> int:
    """Clock hours in which something was spent."""
    return len({each.starts_at.replace(minute=0, second=0, microsecond=0) for each in slices if each.spent})


def burn_of(spent: Sequence[float], *, busy: int) -> Burn:
    """The burn of hours, newest first, in `busy` of which something was spent."""
    weights = [0.5 ** (age / HALF_LIFE_HOURS) for age in range(len(spent))]
    total = sum(weights)
    if not total:
        return Burn(per_hour=0.0, half_band=0.0, effective_hours=0.0, hours=0, busy_hours=0)
    mean = sum(weight * each for weight, each in zip(weights, spent, strict=True)) / total
    effective = total**2 / sum(weight**2 for weight in weights)
    return Burn(
        per_hour=mean,
        half_band=_half_band([each - mean for each in spent], weights, effective),
        effective_hours=effective,
        hours=len(spent),
        busy_hours=busy,
    )


def cross(burn: Burn, *, room: float, leaving: Sequence[float], hours: int) -> Crossing:
    """When the burn fills `room` steps within `hours`; `leaving[h]` steps come free in hour `h` from now.

    Nothing is said where too little is known, or where no room is left to fill.
    """
    if not burn.is_known or room <= 0:
        return Crossing(earliest=None, central=None, latest=None)
    return Crossing(
        earliest=_first_crossing(burn, 1.0, room, leaving, hours),
        central=_first_crossing(burn, 0.0, room, leaving, hours),
        latest=_first_crossing(burn, -1.0, room, leaving, hours),
    )


def outlook_of(burn: Burn, crossing: Crossing, *, room: float, ends: bool) -> Outlook:
    """What becomes of a budget with `room` steps left; `ends` where the forecast reaches the end of its period."""
    if room <= 0:
        return Outlook.EXHAUSTED
    if not burn.is_known:
        return Outlook.UNKNOWN
    if crossing.central is not None:
        return Outlook.RUNS_OUT
    if crossing.earliest is not None:
        return Outlook.MAY_RUN_OUT
    return Outlook.RESETS_FIRST if ends else Outlook.LASTS


def burnt(burn: Burn, hours: float, side: float) -> float:
    """Steps burnt in so many hours: central (`side` 0), or at the upper (1) or lower (-1) edge of the band."""
    spread = burn.half_band * sqrt(hours + hours**2 / burn.effective_hours) if burn.effective_hours else 0.0
    return max(0.0, hours * burn.per_hour + side * spread)


def _first_crossing(burn: Burn, side: float, room: float, leaving: Sequence[float], hours: int) -> float | None:
    """Hours until the room is filled, between two whole hours in proportion; None if it is not within `hours`."""
    freed = [0.0, *accumulate(leaving)]

    def used_after(hour: int) -> float:
        return burnt(burn, hour, side) - freed[min(hour, len(leaving))]

    ahead = range(1, hours + 1)
    if leaving:
        hour = next((each for each in ahead if used_after(each) >= room), None)
    else:  # what is burnt only grows once it is more than nothing, so the hour can be searched for
        found = bisect_left(ahead, room, key=used_after)
        hour = ahead[found] if found < len(ahead) else None
    if hour is None:
        return None
    before, after = used_after(hour - 1), used_after(hour)
    return hour - 1 + (max(0.0, room - before) / (after - before) if after > before else 0.0)


def _half_band(strays: Sequence[float], weights: Sequence[float], effective_hours: float) -> float:
    """Half the width of the band for one hour, from how far each hour strays from the mean."""
    variance = _common(strays, weights, 0)
    if not variance:
        return 0.0
    lags = range(1, min(LAG_HOURS, len(strays) - 1) + 1)
    neighbours = sum(2 * (1 - lag / (LAG_HOURS + 1)) * _common(strays, weights, lag) for lag in lags)
    long_run = max(variance, variance + neighbours)
    independent = effective_hours * variance / long_run
    freedom = max(1.0, independent - 1)
    # Strays from a mean of few hours are too small: the usual n / (n - 1), at most doubled.
    corrected = long_run * min(2.0, independent / freedom)
    return _students_t(freedom) * sqrt(corrected)


def _common(strays: Sequence[float], weights: Sequence[float], lag: int) -> float:
    """The weighted covariance of hours that are `lag` apart."""
    count = len(strays) - lag
    return sum(weights[i] * strays[i] * strays[i + lag] for i in range(count)) / sum(weights)


def _students_t(freedom: float) -> float:
    """Deviations on either side of an 80 % band of Student's t; the first two terms of its expansion."""
    z = BAND_DEVIATIONS
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
