"""Asking the sources and keeping what they say. A dead source marks itself and harms nobody else."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from climate.connectors.http import SourceError, SourceHttp, SourceLimitReached, SourceRefused
from climate.connectors.registry import CONNECTORS
from climate.events import ReadingsCollected, SourceChanged
from climate.models import DataSource
from climate.selectors.sources import find_source, is_due
from climate.services.alerts import keep_alerts
from climate.services.collect.ask import Believed, answer_of, http_of, question_to
from climate.services.collect.memory import StoredMemory
from climate.services.collect.quarantine import keep_doubts
from climate.services.collect.readings import keep_readings
from climate.services.collect.result import CollectionResult, bounded
from climate.services.collect.state import (
    Turn,
    count_requests,
    give_back,
    held_row,
    quota_ends_at,
    take_turn,
    write_failure,
    write_no_turn_left,
    write_success,
)
from climate.services.forecasts import keep_forecasts
from config.kernel.errors import Conflict, NotFound, Unavailable
from config.kernel.events import publish

__all__ = ["CollectionResult", "collect_if_due", "collect_source"]

logger = logging.getLogger(__name__)


def collect_source(*, name: str, now: datetime) -> CollectionResult:
    """Ask one source, due or not, and store its answer. A failure is stored as the source's state, never raised.

    Raises NotFound for a name that is no source, Conflict if settings that it needs are missing, Unavailable
    while the source has asked us to wait, StillRunning while it is being asked.
    """
    state = find_source(name, now=now)
    if state is None:
        raise NotFound(f"There is no source {name!r}.", field="source")
    if state.needs:
        raise Conflict(f"{state.title} cannot be asked: {' and '.join(state.needs)} must be set.")
    if state.not_before:
        seconds = int((state.not_before - now).total_seconds()) + 1
        words = f"{state.title} must not be asked before {state.not_before:%Y-%m-%d %H:%M} UTC."
        raise Unavailable(words, retry_after_seconds=seconds)
    return _collect(DataSource.objects.get(pk=name), now)


def collect_if_due(*, name: str, now: datetime) -> CollectionResult | None:
    """Ask one source if the schedule says so; None if it does not. Raises StillRunning while it is being asked."""
    # The row is read before it is judged: a run that ends in between makes the turn impossible.
    source = DataSource.objects.filter(pk=name).first()
    state = find_source(name, now=now)
    if source is None or state is None or not is_due(state, now=now):
        return None
    return _collect(source, now)


def _collect(source: DataSource, now: datetime) -> CollectionResult:
    turn = take_turn(source, now=now)
    memory = StoredMemory(source.pk, now=now)
    try:
        with http_of(source, memory, now=now) as http:
            try:
                return _ask_and_keep(turn, http, memory, now)
            finally:
                count_requests(http, name=source.pk, now=now)
    except BaseException:
        give_back(turn, now=now)
        raise


def _ask_and_keep(turn: Turn, http: SourceHttp, memory: StoredMemory, now: datetime) -> CollectionResult:
    connector = CONNECTORS[turn.source.pk]
    question, problems = question_to(turn.source, connector, now=now)
    try:
        answer = answer_of(http, question, connector=connector)
    except SourceError as error:
        return _failed(turn, error, http, memory, now)
    return _keep(turn, answer, problems, http, memory, now)


@transaction.atomic
def _keep(
    turn: Turn,
    answer: Believed,
    problems: tuple[str, ...],
    http: SourceHttp,
    memory: StoredMemory,
    now: datetime,
) -> CollectionResult:
    """Everything of one collection or nothing of it."""
    was = held_row(turn)
    collected, judged = answer.collected, answer.judged
    kept = keep_readings(source=was.pk, readings=judged.readings, now=now)
    keep_doubts(source=was.pk, doubts=judged.doubts, now=now)
    keep_forecasts(source=was.pk, forecasts=judged.forecasts, now=now)
    alerts = keep_alerts(source=was.pk, alerts=collected.alerts, is_complete=collected.is_complete_alert_list, now=now)
    memory.write()
    problems = bounded([*problems, *collected.problems, *(doubt.words for doubt in judged.doubts)])
    newest = max((each.starts_at for each in judged.readings), default=None)
    zones = tuple(sorted({each.zone for each in judged.readings} | {each.zone for each in judged.forecasts}))
    write_success(
        turn, problems=problems, newest=newest, last_attempt_at=now, last_success_at=now, not_before=http.not_before
    )
    publish(ReadingsCollected(source=was.pk, zones=zones, at=now))
    if was.state != DataSource.State.OK:
        publish(SourceChanged(source=was.pk, state=DataSource.State.OK, at=now))
    return CollectionResult(
        source=was.pk,
        state=DataSource.State.OK,
        readings=len(judged.readings),
        new=kept.new,
        revised=kept.revised,
        forecasts=len(judged.forecasts),
        alerts=alerts,
        zones=len(zones),
        quarantined=len(judged.doubts),
        requests=http.requests_made,
        problems=problems,
    )


@transaction.atomic
def _failed(turn: Turn, error: SourceError, http: SourceHttp, memory: StoredMemory, now: datetime) -> CollectionResult:
    """Nothing is kept but how it went."""
    held_row(turn)
    words = str(error)
    logger.warning("a source failed", extra={"source": turn.source.pk, "reason": words})
    memory.write_forgotten()
    state: str = turn.source.state
    if isinstance(error, SourceLimitReached):
        ends_at = quota_ends_at(turn.source, now=now)
        write_no_turn_left(turn, words=words, last_attempt_at=now, not_before=ends_at)
    else:
        is_refused = isinstance(error, SourceRefused)
        also = {"last_attempt_at": now, "not_before": http.not_before}
        state = write_failure(turn, words=words, is_refused=is_refused, now=now, **also)
    # Also while it goes on failing: the age of what is shown has grown.
    publish(SourceChanged(source=turn.source.pk, state=state, at=now))
    result = CollectionResult(source=turn.source.pk, state=state, requests=http.requests_made)
    return replace(result, problems=(words,))
