"""What came of forecasts of full windows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from statistics import median

from sessions_app.domain.foresight import Band, Sample, auc

LEAST_OF_EACH = 10
"""Outcomes of either kind without which a share of pairs says nothing."""


class Fate(StrEnum):
    """What became of a window after a forecast."""

    OPEN = "open"
    """Nothing yet."""
    FULL = "full"
    """It filled."""
    AVERTED = "averted"
    """A cleanup, a handoff or the end of the session came first: when it would have filled is not known."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A fate, and how many seconds after the forecast it came."""

    fate: Fate
    after_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Both None: averted, or full already. Without an actual time but not right: it did not come within the band."""

    actual_seconds: float | None
    was_right: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A forecast that was scored."""

    central_seconds: float
    actual_seconds: float | None
    was_right: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How good forecasts were. `coverage`: share of actual times within their 80 % band. `auc`: how often what
    came within the time of a transition had been foreseen sooner than what did not. None where too little is known.
    """

    scored: int
    averted: int
    coverage: float | None
    median_error: float | None
    auc: float | None


@dataclass(slots=True)
class Course:
    """What became of a window call by call, noted oldest first: when it was full, and when it held less than before.

    `held_tokens` is what it held before the first call that is noted.
    """

    limit_tokens: int
    held_tokens: int
    _turns: list[tuple[int, float, Fate]] = field(default_factory=list)

    def note(self, seq: int, sample: Sample) -> None:
        """What it held after the call of an event; `at_seconds` on the clock of the forecasts."""
        if sample.tokens >= self.limit_tokens:
            self._turns.append((seq, sample.at_seconds, Fate.FULL))
        elif sample.tokens < self.held_tokens:
            self._turns.append((seq, sample.at_seconds, Fate.AVERTED))
        self.held_tokens = sample.tokens

    def ending(self, *, seq: int, at_seconds: float, ended_at_seconds: float | None) -> Ending:
        """What came first after a forecast at an event; None: the window is still in use."""
        place = bisect_right(self._turns, seq, key=itemgetter(0))
        if place < len(self._turns):
            _, came_at, fate = self._turns[place]
            return Ending(fate, max(0.0, came_at - at_seconds))
        return Ending(Fate.OPEN) if ended_at_seconds is None else Ending(Fate.AVERTED, ended_at_seconds - at_seconds)


def judge(band: Band, endings: Sequence[Ending], *, k: int, elapsed_seconds: float) -> Judgement | None:
    """The score of a forecast of the k-th full window; None while it is open.

    A band that ends at once says that k windows were full already: that foretold nothing.
    """
    if band.high_seconds <= 0:
        return Judgement(actual_seconds=None, was_right=None)
    full = sorted(each.after_seconds for each in endings if each.fate is Fate.FULL)
    if len(full) >= k:
        actual = full[k - 1]
        return Judgement(actual_seconds=actual, was_right=band.low_seconds <= actual <= band.high_seconds)
    averted = sum(each.fate is Fate.AVERTED for each in endings)
    if len(endings) - averted < k:
        return Judgement(actual_seconds=None, was_right=None)
    if elapsed_seconds > band.high_seconds:
        return Judgement(actual_seconds=None, was_right=False)
    return None


def accuracy_of(outcomes: Sequence[Outcome], *, transition_seconds: float) -> Accuracy:
    """How good scored forecasts were."""
    known = [each for each in outcomes if each.was_right is not None]
    errors = [
        abs(each.central_seconds - each.actual_seconds) / each.actual_seconds for each in known if each.actual_seconds
    ]
    came = [each.actual_seconds is not None and each.actual_seconds <= transition_seconds for each in known]
    is_enough = min(sum(came), len(came) - sum(came)) >= LEAST_OF_EACH
    return Accuracy(
        scored=len(known),
        averted=len(outcomes) - len(known),
        coverage=sum(bool(each.was_right) for each in known) / len(known) if known else None,
        median_error=median(errors) if errors else None,
        auc=auc([-each.central_seconds for each in known], came) if is_enough else None,
    )
