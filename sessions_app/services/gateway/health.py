"""Circuit breakers, shared by all processes through the database. Each change is made under the row's lock.

Successes of a deployment that is well are gathered in the process and written once a second: its breaker does not
change by them, and a write for each call would cost more than it tells.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from config.kernel.errors import NotFound
from config.kernel.events import publish
from config.kernel.transactions import in_transaction
from sessions_app.domain.gateway import breaker
from sessions_app.domain.gateway.breaker import Change, Outcome
from sessions_app.domain.gateway.deployments import BreakerState, HealthFacts
from sessions_app.events import BreakerChanged
from sessions_app.models import BreakerEvent, Deployment, DeploymentHealth
from sessions_app.selectors.gateway.deployments import HEALTH_COLUMNS, health_of
from sessions_app.services.gateway import registry

GATHER = timedelta(seconds=1)

Step = Callable[[HealthFacts], tuple[HealthFacts, list[Change]]]
"""What becomes of a breaker, computed while its row is locked."""


@dataclass(slots=True)
class _Gathered:
    """Successes that are not written yet, and when each deployment's were last written."""

    waiting: dict[int, Outcome] = field(default_factory=dict)
    written_at: dict[int, datetime] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_gathered = _Gathered()


def forget_gathered() -> None:
    """Write nothing of what was gathered: a process that was forked leaves that to its parent."""
    global _gathered
    _gathered = _Gathered()


os.register_at_fork(after_in_child=forget_gathered)


def note_outcomes(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Let breakers know what came of attempts, in the order in which they ended. One locked update each deployment.

    Takes part in the caller's transaction, or has its own; better outside of those that hold budgets' locks.
    Outcomes of a deployment that was removed meanwhile are dropped.
    """
    due = _due(outcomes, now)
    if due:
        _write(due, now)


def flush_outcomes(*, now: datetime) -> None:
    """Write what is gathered, as a process does before it ends."""
    with _gathered.lock:
        due = {each: [outcome] for each, outcome in _gathered.waiting.items()}
        _gathered.waiting.clear()
    if due:
        _write(due, now)


def may_try(deployment_id: int, *, now: datetime) -> bool:
    """Whether a call may go there now. Where its breaker is half-open, one caller of all processes gets the try.

    For threads. Asks the database only where the breaker was not closed a second ago.
    """
    known = registry.snapshot(now)
    terms = known.terms.breaker
    candidate = next((each for each in known.all if each.deployment.id == deployment_id), None)
    if candidate is None:
        return False
    if not candidate.needs_probe:
        return candidate.health.closed_to_calls_until(now) is None
    is_allowed = False

    def step(health: HealthFacts) -> tuple[HealthFacts, list[Change]]:
        nonlocal is_allowed
        health = health.within(terms.longest_wait_seconds, now=now)
        tried = breaker.tried(health, terms, now=now)
        is_allowed = tried is not None or (
            health.state is BreakerState.CLOSED and health.closed_to_calls_until(now) is None
        )
        return tried or (health, [])

    _change({deployment_id: step}, now=now)
    return is_allowed


def give_try_back(deployment_id: int, *, taken_at: datetime) -> None:
    """Let the next call have the try that `may_try` gave at that time, since nothing was sent. For threads."""
    terms = registry.snapshot(taken_at).terms.breaker
    _change({deployment_id: lambda health: (breaker.untried(health, terms, taken_at=taken_at), [])}, now=taken_at)


def reset_breaker(*, deployment_id: int, actor: str, now: datetime) -> None:
    """Close a breaker by hand and forget what was held against the deployment. Raises NotFound."""
    if not _change({deployment_id: lambda health: breaker.reset(health, by=actor)}, now=now):
        raise NotFound("There is no such deployment.", field="deployment")


def _due(outcomes: Sequence[Outcome], now: datetime) -> dict[int, list[Outcome]]:
    """What must be written now, with the gathered successes of the same deployments first."""
    known = registry.snapshot(now)
    well = {each.deployment.id for each in known.all if _is_well(each.health)}
    due: dict[int, list[Outcome]] = defaultdict(list)
    with _gathered.lock:
        for outcome in outcomes:
            where = outcome.deployment_id
            if where not in due and outcome.fault is None and where in well and _is_recent(where, now):
                _gathered.waiting[where] = _merged(_gathered.waiting.get(where), outcome)
                continue
            if where in _gathered.waiting:
                due[where].append(_gathered.waiting.pop(where))
            due[where].append(outcome)
        _gathered.written_at |= dict.fromkeys(due, now)
    return due


def _is_well(health: HealthFacts) -> bool:
    return health.state is BreakerState.CLOSED and health.consecutive_failures == 0


def _is_recent(deployment_id: int, now: datetime) -> bool:
    written_at = _gathered.written_at.get(deployment_id)
    return written_at is not None and timedelta(0) <= now - written_at < GATHER


def _merged(before: Outcome | None, outcome: Outcome) -> Outcome:
    """Several successes as one, with the mean of their times to the first byte."""
    if before is None:
        return outcome
    calls = before.calls + outcome.calls
    times = [(each.first_byte_ms, each.calls) for each in (before, outcome) if each.first_byte_ms is not None]
    weights = sum(count for _, count in times)
    mean = sum(ms * count for ms, count in times) / weights if weights else None
    return replace(outcome, first_byte_ms=mean, calls=calls)


def _write(due: Mapping[int, Sequence[Outcome]], now: datetime) -> None:
    terms = registry.snapshot(now).terms.breaker

    def step(outcomes: Sequence[Outcome], health: HealthFacts) -> tuple[HealthFacts, list[Change]]:
        seen = health.within(terms.longest_wait_seconds, now=now)
        return breaker.after_all(seen, outcomes, terms, now=now)

    _change({each: partial(step, outcomes) for each, outcomes in due.items()}, now=now)


def _change(steps: Mapping[int, Step], *, now: datetime) -> int:
    """Take each step under the lock of its row, always in the order of ids; how many deployments there are of them."""

    def work() -> int:
        names = _rows_for(steps, now)
        events = []
        rows = DeploymentHealth.objects.select_for_update().filter(pk__in=names).order_by("pk")
        for deployment_id, *row in rows.values_list("pk", *HEALTH_COLUMNS):
            health = health_of(tuple(row))
            became, changes = steps[deployment_id](health)
            if became.cool_until != health.cool_until:
                transaction.on_commit(registry.forget)  # the provider asked to wait: the very next call must know
            if became != health:
                values = {name: getattr(became, name) for name in HEALTH_COLUMNS}
                DeploymentHealth.objects.filter(pk=deployment_id).update(**values, updated_at=now)
            events += [(deployment_id, change) for change in changes]
        _tell(events, names, now)
        return len(names)

    return in_transaction(work)


def _rows_for(ids: Collection[int], now: datetime) -> dict[int, str]:
    """Names of those that there are; a row of health is made where one has none yet."""
    names = dict(Deployment.objects.filter(pk__in=ids).values_list("pk", "name"))
    had = set(DeploymentHealth.objects.filter(pk__in=names).values_list("pk", flat=True))
    missing = [DeploymentHealth(deployment_id=each, updated_at=now) for each in sorted(set(names) - had)]
    if missing:
        DeploymentHealth.objects.bulk_create(missing, ignore_conflicts=True)
    return names


def _tell(events: Sequence[tuple[int, Change]], names: Mapping[int, str], now: datetime) -> None:
    """Keep what changed, and let this process and the pages know of it."""
    if not events:
        return
    BreakerEvent.objects.bulk_create(
        BreakerEvent(deployment_id=where, at=now, was=each.was.value, became=each.became.value, reason=each.reason)
        for where, each in events
    )
    transaction.on_commit(registry.forget)
    for where, each in events:
        publish(
            BreakerChanged(
                deployment_id=where,
                name=names[where],
                was=each.was.value,
                became=each.became.value,
                reason=each.reason,
                at=now,
            )
        )
