"""The right to ask a source, and what is stored of how the asking went.

One run at a time: a lease on the source's row. A result is written only by whoever still holds the lease, so
a run that was given up for dead cannot overwrite what its successor stored.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from climate.connectors.http import SourceHttp
from climate.domain.sources import (
    CLOCKS_DIFFER_BY,
    FAILURES_BEFORE_OPEN,
    LEASE,
    QUOTA_WINDOW,
    Standing,
    known,
    requests_in_hour,
)
from climate.models import DataSource
from climate.selectors.sources import key_digest_of, standing_of
from climate.services.collect.result import shortened
from config.kernel.errors import StillRunning

LONGEST_ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to ask one source: its row as it was found, and what earlier askings with this key came to."""

    source: DataSource
    token: str
    key_digest: str
    standing: Standing


def take_turn(source: DataSource, *, now: datetime) -> Turn:
    """Take the lease. Raises StillRunning while another run holds it, or if one has ended since the row was read."""
    token = str(uuid.uuid4())
    unchanged = DataSource.objects.filter(pk=source.pk, last_attempt_at=source.last_attempt_at)
    too_far = now + LEASE + CLOCKS_DIFFER_BY  # of a clock that was ahead
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=now) | Q(leased_until__gt=too_far)
    if not unchanged.filter(free).update(lease_token=token, leased_until=now + LEASE):
        raise StillRunning(f"{source.title} is being asked at this moment.", retry_after_seconds=10)
    return Turn(source=source, token=token, key_digest=key_digest_of(source.pk), standing=standing_of(source, now=now))


def held_row(turn: Turn) -> DataSource:
    """The source's row, locked for the rest of the transaction. Raises StillRunning if the lease went to another."""
    row = DataSource.objects.select_for_update().get(pk=turn.source.pk)
    if row.lease_token != turn.token:
        raise StillRunning(f"{row.title} took so long that another run took over.")
    return row


def give_back(turn: Turn, *, now: datetime) -> None:
    """End a turn that came to nothing by an error of ours; the next one comes after the interval."""
    held = DataSource.objects.filter(pk=turn.source.pk, lease_token=turn.token)
    held.update(**_ended(turn), **{**_forgotten(turn), "last_attempt_at": now})


def count_requests(http: SourceHttp, *, name: str, now: datetime) -> None:
    """Add the requests that were made to those of the running hour, whatever became of the answers."""
    running = DataSource.objects.filter(
        pk=name, request_hour_at__gt=now - QUOTA_WINDOW, request_hour_at__lte=now + CLOCKS_DIFFER_BY
    )
    if not running.update(requests_in_hour=F("requests_in_hour") + http.requests_made):
        DataSource.objects.filter(pk=name).update(requests_in_hour=http.requests_made, request_hour_at=now)


def write_success(
    turn: Turn, *, problems: tuple[str, ...], newest: datetime | None, now: datetime, not_before: datetime | None
) -> None:
    """The source has answered: the breaker closes and the lease ends. For within the transaction of `held_row`."""
    was = known(turn.source.latest_period_at, now=now)
    _write(
        turn,
        state=DataSource.State.OK,
        last_attempt_at=now,
        last_success_at=now,
        latest_period_at=max((each for each in (was, newest) if each is not None), default=None),
        consecutive_failures=0,
        breaker_opened_at=None,
        not_before=not_before,
        last_error=shortened("; ".join(problems), LONGEST_ERROR_CHARACTERS),
    )


def write_failure(turn: Turn, *, words: str, is_refused: bool, now: datetime, not_before: datetime | None) -> str:
    """The source has failed once more; its new state. The third failure, or a refusal, opens the breaker."""
    state = DataSource.State.REFUSED if is_refused else DataSource.State.FAILING
    failures = turn.standing.consecutive_failures + 1
    is_open = is_refused or failures >= FAILURES_BEFORE_OPEN
    opened_at = _forgotten(turn).get("breaker_opened_at", turn.source.breaker_opened_at)
    _write(
        turn,
        state=state,
        last_attempt_at=now,
        consecutive_failures=failures,
        breaker_opened_at=(opened_at or now) if is_open else None,
        not_before=not_before,
        last_error=words[:LONGEST_ERROR_CHARACTERS],
    )
    return state


def write_limit_reached(turn: Turn, *, words: str, now: datetime) -> str:
    """The hour's requests are used up; the state, which stays with the same key.

    The next asking comes when that hour is over.
    """
    source = turn.source
    made = requests_in_hour(made=source.requests_in_hour, hour_at=source.request_hour_at, now=now)
    began_at = source.request_hour_at if made and source.request_hour_at else now
    values = {"state": source.state, **_forgotten(turn)}
    values |= {"not_before": began_at + QUOTA_WINDOW, "last_error": words[:LONGEST_ERROR_CHARACTERS]}
    _write(turn, last_attempt_at=now, **values)
    return str(values["state"])


def _write(turn: Turn, **values: Any) -> None:
    DataSource.objects.filter(pk=turn.source.pk).update(**_ended(turn), **values)


def _ended(turn: Turn) -> dict[str, Any]:
    """The key is known from now on, and the lease is free."""
    return {"key_digest": turn.key_digest, "lease_token": "", "leased_until": None}


def _forgotten(turn: Turn) -> dict[str, Any]:
    """What a new key, or being resumed, does to the row: the failures and refusals of before are none of its own."""
    source = turn.source
    if source.key_digest == turn.key_digest:
        return {}
    return {
        "state": DataSource.State.OK if source.state == DataSource.State.OK else DataSource.State.NEVER,
        "consecutive_failures": 0,
        "breaker_opened_at": None,
        "not_before": turn.standing.not_before,
        "last_error": "",
    }
