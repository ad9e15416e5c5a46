"""Sessions made up for `exhaustion.py`: agents whose windows fill call by call. A model, not measurements.

Each agent has a window of 32,000 to 200,000 tokens, calls a gamma-distributed time apart and adds a gamma-distributed
number of tokens to its context; both means differ by agent (log-normal). In the coupled world all agents of a session
share phases of some minutes in which they add more or less; in the independent one each has phases of its own.
One in ten agents cleans up at some point and goes on from a third. A session is watched at a random moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from sessions_app.domain.foresight import Load, Sample

WINDOWS = (32_000, 64_000, 128_000, 200_000)
FULL_SHARE = 0.9
JOINT_SHARE = 0.7
LAST_SECONDS = 6 * 3600.0
LEAST_KNOWN = 6
PHASE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A session at a moment: what is known of it then, and when each window was full, in seconds from then."""

    loads: tuple[Load, ...]
    at_seconds: float
    full_after: tuple[float, ...]


def sessions(count: int, *, is_coupled: bool, seed: int) -> Iterator[Watched]:
    """Sessions at a moment in which at least half of their agents have made some calls and none is full."""
    rng = Random(seed)  # no secret
    made = 0
    while made < count:
        watched = _session(rng, is_coupled=is_coupled)
        if watched is not None:
            made += 1
            yield watched


def _session(rng: Random, *, is_coupled: bool) -> Watched | None:
    shared = _Phases(rng)
    lives = [_life(rng, shared if is_coupled else _Phases(rng)) for _ in range(rng.randint(3, 8))]
    at = rng.uniform(120.0, 3600.0)
    known = [[sample for sample in life.samples if sample.at_seconds <= at] for life in lives]
    is_early = sum(len(each) >= LEAST_KNOWN for each in known) * 2 < len(lives)
    if is_early or any(life.full_at <= at for life in lives):
        return None
    loads = tuple(
        Load(
            agent=str(index),
            samples=tuple(samples[-60:]),
            used_tokens=samples[-1].tokens,
            limit_tokens=int(life.window * FULL_SHARE),
            joint_tokens=int(life.window * JOINT_SHARE),
        )
        for index, (life, samples) in enumerate(zip(lives, known, strict=True))
    )
    return Watched(loads=loads, at_seconds=at, full_after=tuple(life.full_at - at for life in lives))


@dataclass(frozen=True, slots=True)
class _Life:
    window: int
    samples: list[Sample]
    full_at: float


class _Phases:
    """A factor on what is added, which changes every ten minutes."""

    def __init__(self, rng: Random):
        self.factors = [rng.lognormvariate(0.0, 0.5) for _ in range(int(LAST_SECONDS / PHASE_SECONDS) + 1)]

    def at(self, seconds: float) -> float:
        """The factor at a time."""
        return self.factors[min(int(seconds / PHASE_SECONDS), len(self.factors) - 1)]


def _life(rng: Random, phases: _Phases) -> _Life:
    """An agent until its window is full, or long after anybody watches."""
    window = rng.choice(WINDOWS)
    gap, added = rng.lognormvariate(3.4, 0.6), rng.lognormvariate(6.8, 0.8)
    cleans_at = rng.uniform(0.4, 0.8) * window if rng.random() < 0.1 else None
    at, held = 0.0, rng.uniform(0.02, 0.1) * window
    samples = [Sample(at, int(held))]
    while at < LAST_SECONDS:
        at += rng.gammavariate(2.0, gap / 2.0)
        held += rng.gammavariate(1.0, added) * phases.at(at)
        if cleans_at is not None and held >= cleans_at:
            held, cleans_at = held / 3, None
        samples.append(Sample(at, int(held)))
        if held >= window * FULL_SHARE:
            return _Life(window, samples, at)
    return _Life(window, samples, LAST_SECONDS * 2)
