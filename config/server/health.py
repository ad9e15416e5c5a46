"""Is this deployment able to do its work? Each check asks one thing that it needs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection

from budgets.selectors import get_backlog
from climate.domain.providers import brings_intensity
from climate.selectors import list_sources
from config.server.background import find_background
from sessions_app.selectors.spool import get_spool_depth

logger = logging.getLogger(__name__)

ANSWER_WITHIN_SECONDS = 2.0
OLDEST_CLIMATE_DATA = timedelta(hours=3)
ALERTS_ARE_TAKEN_UP_WITHIN = timedelta(minutes=5)


class State(StrEnum):
    """How a part is. Only FAILED keeps a deployment from working."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found, in words for a person."""

    state: State
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings by the name of the part, and how long each check took in milliseconds."""

    findings: dict[str, Finding]
    took_ms: dict[str, float]

    @property
    def state(self) -> State:
        """The worst of all."""
        found = {finding.state for finding in self.findings.values()}
        return next((state for state in (State.FAILED, State.DEGRADED) if state in found), State.OK)


def check_health(*, now: datetime) -> Report:
    """Ask every part. A check that raises has found its part failed (climate data: degraded)."""
    findings: dict[str, Finding] = {}
    took_ms: dict[str, float] = {}
    for name, (check, if_it_raises) in CHECKS.items():
        started = time.perf_counter()
        findings[name] = _ask(name, check, if_it_raises, now)
        took_ms[name] = round((time.perf_counter() - started) * 1000, 1)
    return Report(findings=findings, took_ms=took_ms)


def _ask(name: str, check: Callable[[datetime], Finding], if_it_raises: State, now: datetime) -> Finding:
    try:
        return check(now)
    except Exception as error:
        # The class says enough for whoever asks without a login; the log has the rest.
        logger.exception("health check failed", extra={"check": name})
        return Finding(state=if_it_raises, detail=f"does not answer ({type(error).__name__})")


def _database(_now: datetime) -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return Finding(state=State.OK, detail=connection.vendor)


def _broker(_now: datetime) -> Finding:
    """Redis answers; or, embedded, the worker and the scheduler of this process are alive."""
    if settings.ENVIRONMENT.redis_url:
        with redis.Redis.from_url(
            settings.ENVIRONMENT.redis_url,
            socket_timeout=ANSWER_WITHIN_SECONDS,
            socket_connect_timeout=ANSWER_WITHIN_SECONDS,
        ) as client:
            client.ping()
        return Finding(state=State.OK, detail="redis")
    background = find_background()
    if background is None:
        return Finding(state=State.FAILED, detail="no worker runs in this process: start it with manage.py serve")
    restarts = sum(part.restarts for part in background.parts)
    dead = [part.name for part in background.parts if not part.is_running]
    if dead:
        return Finding(state=State.FAILED, detail=f"not running: {', '.join(dead)}; restarted {restarts} times")
    return Finding(state=State.OK, detail=f"in this process; restarted {restarts} times")


def _channel_layer(_now: datetime) -> Finding:
    layer = get_channel_layer()

    async def there_and_back() -> None:
        name = await layer.new_channel()
        await layer.send(name, {"type": "health"})
        await asyncio.wait_for(layer.receive(name), ANSWER_WITHIN_SECONDS)

    async_to_sync(there_and_back)()
    return Finding(state=State.OK, detail=type(layer).__name__)


def _climate_data(now: datetime) -> Finding:
    """The age of the newest live reading. Old data degrades decisions (flagged), it does not stop them."""
    # That a feed of alerts answers says nothing about the grids.
    asked = [source for source in list_sources(now=now) if source.is_asked and brings_intensity(source.name)]
    newest = max((source.last_success_at for source in asked if source.last_success_at), default=None)
    if newest is None:
        return Finding(state=State.DEGRADED, detail="no live source has answered yet; hours are modelled")
    minutes = int((now - newest).total_seconds() // 60)
    state = State.DEGRADED if now - newest > OLDEST_CLIMATE_DATA else State.OK
    return Finding(state=state, detail=f"newest answer of a source {minutes} minutes ago")


def _alerts(now: datetime) -> Finding:
    """What has not arrived. A receiver that is down is its owner's affair; that nobody tries is ours."""
    backlog = get_backlog(now=now)
    waiting = backlog.waiting + backlog.not_fanned_out
    is_stuck = backlog.overdue_since is not None and now - backlog.overdue_since > ALERTS_ARE_TAKEN_UP_WITHIN
    words = [f"{waiting} waiting, {backlog.failed} failed"]
    if backlog.oldest_waiting_at is not None:
        words.append(f"oldest since {backlog.oldest_waiting_at:%Y-%m-%d %H:%M} UTC")
    if is_stuck:
        words.append("nobody sends what is due")
    return Finding(state=State.DEGRADED if is_stuck else State.OK, detail="; ".join(words))


def _checkpoint_spool(_now: datetime) -> Finding:
    """What waits on this machine because the database did not take it, and what nobody can replay."""
    depth = get_spool_depth()
    words = f"{depth.waiting} waiting, {depth.emergencies} of them emergency records; {depth.set_aside} set aside"
    if depth.oldest_at is not None:
        words += f"; oldest since {depth.oldest_at:%Y-%m-%d %H:%M} UTC"
    return Finding(state=State.DEGRADED if depth.waiting or depth.set_aside else State.OK, detail=words)


CHECKS: dict[str, tuple[Callable[[datetime], Finding], State]] = {
    "database": (_database, State.FAILED),
    "broker": (_broker, State.FAILED),
    "channel_layer": (_channel_layer, State.DEGRADED),
    "climate_data": (_climate_data, State.DEGRADED),
    "alerts": (_alerts, State.DEGRADED),
    "checkpoint_spool": (_checkpoint_spool, State.DEGRADED),
}
