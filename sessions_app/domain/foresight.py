"""When context windows will be full, from how they filled lately.

A window is full where its policy admits nothing new (`refuse_percent` of occupancy). What fills it are the
increments of its context from call to call; where a cleanup shortened it, that step says nothing of its burn
and is left out. Burn is the ratio of the weighted means of increments and of seconds, the newest weighing
most. After `n` more calls the window holds about `n` mean increments, with a variance of `v (n + n^2 / e)`:
that of the sum, and that of the mean it rests on; `v` is the weighted variance of `increment - burn x seconds`,
`e` the effective number of steps (Kish 1965). The band is where the room lies within that (Fieller 1954: the
roots of a quadratic), with Student's t, meant to hold 80 %. A step that outweighs its mean cannot be ruled out
by few samples: then nothing bounds the band from above, and it ends at the horizon.

All are exhausted when the k-th of them is: the k-th smallest time. Loads that only grow correlate at nearly one
whatever their agents do, so that their correlation foretells nothing (`benchmarks/exhaustion.py`); that of their
increments is shown as a diagnostic.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt

from sessions_app.domain.terms import Forecasts

HORIZON_SECONDS = 31 * 86_400.0
BAND_DEVIATIONS = 1.2816
"""Standard normal deviations on either side of an 80 % band."""
CLOCK_SECONDS = 1e-6
"""The finest step of a clock."""
MOST_SAMPLES = 60
MOST_STEPS = 50
LEAST_STEPS_TOGETHER = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """What a window held after a call; `at_seconds` on a clock that all agents share."""

    at_seconds: float
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """An agent's window: its last samples, oldest first, what it holds now and when it is full."""

    agent: str
    samples: tuple[Sample, ...]
    used_tokens: int
    limit_tokens: int
    joint_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """Tokens a second; of one step its mean tokens, mean seconds and the deviation of its tokens from the burn."""

    per_second: float
    step_tokens: float
    step_seconds: float
    deviation_tokens: float
    effective_steps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Seconds until a window is full: an 80 % band around the central time, at most the horizon."""

    low_seconds: float
    central_seconds: float
    high_seconds: float

    @property
    def is_foreseen(self) -> bool:
        """Whether it is expected within the horizon at all."""
        return self.central_seconds < HORIZON_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOutlook:
    """What is foreseen of an agent, and the burn that it rests on; both None where too little is known."""

    agent: str
    burn: Burn | None
    band: Band | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is foreseen of a session. `band` is that of the k-th agent, None where fewer than k are known."""

    agents: tuple[AgentOutlook, ...]
    k: int
    band: Band | None
    is_joint: bool
    correlation: float | None


def foresee(loads: Sequence[Load], *, now_seconds: float, terms: Forecasts) -> Outlook:
    """The outlook of a session from the loads of its agents."""
    agents = tuple(_outlook(load, now_seconds, terms) for load in loads)
    k = max(1, ceil(len(loads) * terms.k_percent / 100))
    return Outlook(
        agents=agents,
        k=k,
        band=kth([each.band for each in agents], k),
        is_joint=is_joint(loads),
        correlation=correlation_of_increments(loads),
    )


def burn_of(samples: Sequence[Sample], *, terms: Forecasts) -> Burn | None:
    """The smoothed burn; None with fewer than the policy's least steps in which the window grew or stood."""
    steps = [
        (float(new.tokens - old.tokens), max(0.0, new.at_seconds - old.at_seconds))
        for old, new in pairwise(samples)
        if new.tokens >= old.tokens
    ]
    if len(steps) < terms.least_samples:
        return None
    keep = 1 - terms.smoothing_percent / 100
    weights = [keep**age for age in range(len(steps) - 1, -1, -1)]
    total = sum(weights)
    tokens = sum(weight * step[0] for weight, step in zip(weights, steps, strict=True)) / total
    seconds = sum(weight * step[1] for weight, step in zip(weights, steps, strict=True)) / total
    if seconds < CLOCK_SECONDS:
        return None
    burn = tokens / seconds
    effective = total**2 / sum(weight**2 for weight in weights)
    squares = sum(w * (grown - burn * gone) ** 2 for w, (grown, gone) in zip(weights, steps, strict=True)) / total
    # Strays from a mean of few steps are too small: the usual n / (n - 1), at most doubled.
    corrected = squares * min(2.0, effective / max(1.0, effective - 1))
    return Burn(
        per_second=burn,
        step_tokens=tokens,
        step_seconds=seconds,
        deviation_tokens=sqrt(corrected),
        effective_steps=effective,
    )


def band_of(burn: Burn, room_tokens: float) -> Band:
    """When a room is filled. No room: now. No burn: not within the horizon."""
    if room_tokens <= 0:
        return Band(low_seconds=0.0, central_seconds=0.0, high_seconds=0.0)
    if burn.per_second <= 0:
        return Band(low_seconds=HORIZON_SECONDS, central_seconds=HORIZON_SECONDS, high_seconds=HORIZON_SECONDS)
    low, high = _roots(burn, room_tokens)
    central = room_tokens / burn.per_second
    last = HORIZON_SECONDS if high is None else high * burn.step_seconds
    # A root may miss the centre by a rounding where nothing strays.
    return Band(
        low_seconds=min(low * burn.step_seconds, central, HORIZON_SECONDS),
        central_seconds=min(central, HORIZON_SECONDS),
        high_seconds=min(max(last, central), HORIZON_SECONDS),
    )


def kth(bands: Sequence[Band | None], k: int) -> Band | None:
    """The k-th smallest of each edge and of the centre; None where fewer than k bands are known."""
    known = [each for each in bands if each is not None]
    if len(known) < k:
        return None
    return Band(
        low_seconds=sorted(each.low_seconds for each in known)[k - 1],
        central_seconds=sorted(each.central_seconds for each in known)[k - 1],
        high_seconds=sorted(each.high_seconds for each in known)[k - 1],
    )


def is_joint(loads: Sequence[Load]) -> bool:
    """Whether two or more agents crossed their joint share within one step of each other (a mean step of all)."""
    crossings = [each for each in map(_crossing, loads) if each is not None]
    if len(crossings) < 2:
        return False
    ordered = sorted(crossings)
    return min(new - old for old, new in pairwise(ordered)) <= _mean_step(loads)


def correlation_of_increments(loads: Sequence[Load]) -> float | None:
    """The mean correlation (Pearson) of the increments of all pairs on common steps; None with too few of them."""
    step = _mean_step(loads)
    rows = [load.samples for load in loads if len(load.samples) > LEAST_STEPS_TOGETHER]
    if len(rows) < 2 or step <= 0:
        return None
    first, last = max(row[0].at_seconds for row in rows), min(row[-1].at_seconds for row in rows)
    count = min(MOST_STEPS, int((last - first) / step))
    if count < LEAST_STEPS_TOGETHER:
        return None
    times = [last - step * back for back in range(count, -1, -1)]
    series = [_increments(row, times) for row in rows]
    found = [
        each
        for index, one in enumerate(series)
        for other in series[index + 1 :]
        if (each := pearson(one, other)) is not None
    ]
    return sum(found) / len(found) if found else None


def pearson(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Correlation of two series of one length; None where one of them does not move."""
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    across = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = sqrt(sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other))
    return max(-1.0, min(1.0, across / spread)) if spread > 0 else None


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """How often a case that came scored above one that did not, ties as halves; None without both."""
    came = sorted(score for score, label in zip(scores, labels, strict=True) if label)
    rest = sorted(score for score, label in zip(scores, labels, strict=True) if not label)
    if not came or not rest:
        return None
    wins = sum(_below(rest, score) for score in came)
    return wins / (len(came) * len(rest))


def _below(ordered: Sequence[float], score: float) -> float:
    above = bisect_right(ordered, score)
    equal = ordered.count(score) if above and ordered[above - 1] == score else 0
    return above - equal / 2


def _outlook(load: Load, now_seconds: float, terms: Forecasts) -> AgentOutlook:
    burn = burn_of(load.samples[-MOST_SAMPLES:], terms=terms)
    room = load.limit_tokens - load.used_tokens
    if room <= 0:
        return AgentOutlook(agent=load.agent, burn=burn, band=Band(low_seconds=0, central_seconds=0, high_seconds=0))
    if burn is None:
        return AgentOutlook(agent=load.agent, burn=None, band=None)
    idle = max(0.0, now_seconds - load.samples[-1].at_seconds)
    rested = _rested(burn, idle)
    return AgentOutlook(agent=load.agent, burn=rested, band=band_of(rested, room))


def _rested(burn: Burn, idle_seconds: float) -> Burn:
    """The burn of an agent that has been quiet for longer than a step: its rest is one that brought nothing."""
    if idle_seconds <= 2 * burn.step_seconds:
        return burn
    share = 1 / (burn.effective_steps + 1)
    seconds = burn.step_seconds + share * idle_seconds
    return Burn(
        per_second=burn.step_tokens / seconds,
        step_tokens=burn.step_tokens,
        step_seconds=seconds,
        deviation_tokens=burn.deviation_tokens,
        effective_steps=burn.effective_steps,
    )


def _roots(burn: Burn, room: float) -> tuple[float, float | None]:
    """Steps at which the upper and the lower edge of what was burnt reach the room; None: never."""
    spread = (_students_t(max(1.0, burn.effective_steps - 1)) * burn.deviation_tokens) ** 2
    square = burn.step_tokens**2 - spread / burn.effective_steps
    middle = 2 * room * burn.step_tokens + spread
    root = sqrt(max(0.0, middle**2 - 4 * square * room**2))
    low = 2 * room**2 / (middle + root)
    return low, (middle + root) / (2 * square) if square > 0 else None


def _students_t(freedom: float) -> float:
    """Deviations on either side of an 80 % band of Student's t (Abramowitz and Stegun 26.7.5, two terms)."""
    z = BAND_DEVIATIONS
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def _crossing(load: Load) -> float | None:
    """When the window last rose over the joint share, if it is above it."""
    at = None
    for old, new in pairwise(load.samples):
        if old.tokens < load.joint_tokens <= new.tokens:
            at = new.at_seconds
    return at if load.used_tokens >= load.joint_tokens else None


def _mean_step(loads: Sequence[Load]) -> float:
    gaps = [new.at_seconds - old.at_seconds for load in loads for old, new in pairwise(load.samples)]
    return sum(gaps) / len(gaps) if gaps else 0.0


def _increments(samples: Sequence[Sample], times: Sequence[float]) -> list[float]:
    """Growth between times; what a cleanup took counts as none."""
    moments = [sample.at_seconds for sample in samples]
    grown = [0.0]
    for old, new in pairwise(samples):
        grown.append(grown[-1] + max(0, new.tokens - old.tokens))
    held = [grown[max(0, bisect_right(moments, at) - 1)] for at in times]
    return [new - old for old, new in pairwise(held)]
