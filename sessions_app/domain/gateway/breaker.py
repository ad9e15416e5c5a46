"""A circuit breaker as a pure function: how a deployment stands after a call. The policy says when it opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sessions_app.domain.gateway.deployments import BreakerState, HealthFacts
from sessions_app.domain.gateway.terms import Breaker
from sessions_app.domain.gateway.wire import COUNTED, Fault

SMOOTHING = 0.2
"""Share of the newest call in the smoothed time to the first byte."""
LONGEST_ERROR_CHARACTERS = 120  # the column
LONGEST_REASON_CHARACTERS = 200  # the column


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt; `fault` None: it answered. `calls` above 1: so many successes told as one.

    `began_at` is when the attempt was begun: what was begun before a breaker opened says nothing of how it is now.
    `words` hold no secret.
    """

    deployment_id: int
    fault: Fault | None = None
    began_at: datetime | None = None
    first_byte_ms: float | None = None
    retry_after_seconds: float | None = None
    words: str = ""
    calls: int = 1

    @property
    def is_failure(self) -> bool:
        """Whether it counts against the breaker."""
        return self.fault in COUNTED

    @property
    def is_success(self) -> bool:
        """Whether the provider answered: an answer that the request itself is wrong is one, too."""
        return self.fault in (None, Fault.BAD_REQUEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A breaker changed its state."""

    was: BreakerState
    became: BreakerState
    reason: str


def after(health: HealthFacts, outcome: Outcome, terms: Breaker, *, now: datetime) -> tuple[HealthFacts, Change | None]:
    """How it stands after an attempt, and the change of state if there is one."""
    if outcome.fault is Fault.RATE_LIMITED:
        return _rested(health, outcome, terms, now), None
    if outcome.is_failure:
        return _failed(health, outcome, terms, now)
    if outcome.is_success:
        return _answered(health, outcome, terms, now)
    return health, None  # the address was blocked before anything was sent


def after_all(
    health: HealthFacts, outcomes: Sequence[Outcome], terms: Breaker, *, now: datetime
) -> tuple[HealthFacts, list[Change]]:
    """The same for several attempts, in the order in which they ended."""
    changes = []
    for outcome in outcomes:
        health, change = after(health, outcome, terms, now=now)
        changes += [change] if change else []
    return health, changes


def tried(health: HealthFacts, terms: Breaker, *, now: datetime) -> tuple[HealthFacts, list[Change]] | None:
    """How it stands while somebody tries it; None where nobody may, or nobody needs to ask."""
    if health.state is BreakerState.CLOSED or health.closed_to_calls_until(now) is not None:
        return None
    probed = replace(health, state=BreakerState.HALF_OPEN, probe_until=now + timedelta(seconds=terms.probe_seconds))
    if health.state is BreakerState.HALF_OPEN:
        return probed, []
    return probed, [Change(was=health.state, became=BreakerState.HALF_OPEN, reason="One call tries it.")]


def untried(health: HealthFacts, terms: Breaker, *, taken_at: datetime) -> HealthFacts:
    """How it stands when the try that was taken at that time is given back; a later one of somebody else stays."""
    own = taken_at + timedelta(seconds=terms.probe_seconds)
    is_own = health.state is BreakerState.HALF_OPEN and health.probe_until == own
    return replace(health, probe_until=None) if is_own else health


def reset(health: HealthFacts, *, by: str) -> tuple[HealthFacts, list[Change]]:
    """Closed by a person, whatever it was; what was measured of its speed stays."""
    closed = replace(_closed(health), cool_until=None, last_error="")
    reason = f"Reset by {by}."[:LONGEST_REASON_CHARACTERS]
    return closed, [Change(was=health.state, became=BreakerState.CLOSED, reason=reason)]


def _rested(health: HealthFacts, outcome: Outcome, terms: Breaker, now: datetime) -> HealthFacts:
    """The provider asked to wait: as long as it says, within bounds. A probe is over; the next one comes after that."""
    asked = outcome.retry_after_seconds
    seconds = terms.open_seconds if asked is None else min(max(asked, 0.0), terms.most_open_seconds)
    until = now + timedelta(seconds=seconds)
    rested = replace(health, cool_until=max(until, health.cool_until or until), last_error=_words(outcome))
    return replace(rested, probe_until=until) if health.state is BreakerState.HALF_OPEN else rested


def _failed(health: HealthFacts, outcome: Outcome, terms: Breaker, now: datetime) -> tuple[HealthFacts, Change | None]:
    counted = _in_window(health, terms, now)
    failed = replace(
        counted,
        consecutive_failures=counted.consecutive_failures + 1,
        window_calls=counted.window_calls + 1,
        window_failures=counted.window_failures + 1,
        last_failure_at=now,
        last_error=_words(outcome),
    )
    if _is_old_news(health, outcome, now):
        return failed, None
    if health.state is BreakerState.HALF_OPEN:
        return _opened(failed, terms, now, f"The try failed: {failed.last_error}")
    if health.state is BreakerState.CLOSED and (why := _why_open(failed, terms)):
        return _opened(failed, terms, now, f"{why}: {failed.last_error}")
    return failed, None


def _answered(
    health: HealthFacts, outcome: Outcome, terms: Breaker, now: datetime
) -> tuple[HealthFacts, Change | None]:
    counted = _in_window(health, terms, now)
    answered = replace(
        counted,
        window_calls=counted.window_calls + outcome.calls,
        last_success_at=now,
        first_byte_ms=_smoothed(counted.first_byte_ms, outcome),
    )
    if health.state is BreakerState.CLOSED:
        return replace(answered, consecutive_failures=0), None
    if health.state is BreakerState.OPEN or _is_old_news(health, outcome, now):
        return answered, None  # nobody has tried it since
    reason = "The try was answered."
    return _closed(answered), Change(was=health.state, became=BreakerState.CLOSED, reason=reason)


def _is_old_news(health: HealthFacts, outcome: Outcome, now: datetime) -> bool:
    """Begun before the breaker opened, which others have counted since."""
    return (
        health.state is not BreakerState.CLOSED
        and outcome.began_at is not None
        and health.opened_at is not None
        and outcome.began_at <= health.opened_at <= now  # one that opens in the future: the clock went back
    )


def _why_open(health: HealthFacts, terms: Breaker) -> str:
    if health.consecutive_failures >= terms.failures_in_a_row:
        return f"{health.consecutive_failures} failures in a row"
    many = health.window_calls >= terms.least_calls
    if many and health.window_failures * 100 >= terms.failure_percent * health.window_calls:
        return f"{health.window_failures} of {health.window_calls} calls failed"
    return ""


def _opened(health: HealthFacts, terms: Breaker, now: datetime, reason: str) -> tuple[HealthFacts, Change]:
    times = health.times_opened + 1
    seconds = min(terms.open_seconds * 2 ** min(times - 1, 30), terms.most_open_seconds)
    opened = replace(
        health,
        state=BreakerState.OPEN,
        times_opened=times,
        opened_at=now,
        open_until=now + timedelta(seconds=seconds),
        probe_until=None,
    )
    reason = f"{reason[: LONGEST_REASON_CHARACTERS - 30]} For {seconds} seconds."
    return opened, Change(was=health.state, became=BreakerState.OPEN, reason=reason)


def _closed(health: HealthFacts) -> HealthFacts:
    return replace(
        health,
        state=BreakerState.CLOSED,
        consecutive_failures=0,
        window_started_at=None,
        window_calls=0,
        window_failures=0,
        times_opened=0,
        opened_at=None,
        open_until=None,
        probe_until=None,
    )


def _in_window(health: HealthFacts, terms: Breaker, now: datetime) -> HealthFacts:
    started = health.window_started_at
    if started is not None and timedelta(0) <= now - started < timedelta(seconds=terms.window_seconds):
        return health
    return replace(health, window_started_at=now, window_calls=0, window_failures=0)


def _smoothed(before_ms: float | None, outcome: Outcome) -> float | None:
    if outcome.first_byte_ms is None or outcome.fault is not None:
        return before_ms
    if before_ms is None:
        return outcome.first_byte_ms
    kept = (1 - SMOOTHING) ** outcome.calls
    return before_ms * kept + outcome.first_byte_ms * (1 - kept)


def _words(outcome: Outcome) -> str:
    words = outcome.words or (outcome.fault.value.replace("_", " ") if outcome.fault else "")
    return words[:LONGEST_ERROR_CHARACTERS]
