"""Asking the sources and keeping what they say. A dead source marks itself and harms nobody else."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction

from climate.connectors.http import SourceError, SourceHttp, SourceLimitReached, SourceMisbehaved, SourceRefused
from climate.connectors.registry import CONNECTORS
from climate.domain.sources import SourceState
from climate.domain.texts import one_line
from climate.events import ReadingsCollected, SourceChanged, SourceOrdered
from climate.models import DataSource
from climate.selectors.sources import find_source, is_due
from climate.services.collect.ask import Believed, answer_of, http_of, question_to
from climate.services.collect.keep import keep_answer
from climate.services.collect.memory import StoredMemory
from climate.services.collect.result import CollectionResult, bounded
from climate.services.collect.state import (
    LONGEST_ERROR_CHARACTERS,
    Turn,
    count_requests,
    give_back,
    held_row,
    take_turn,
    write_failure,
    write_limit_reached,
    write_success,
)
from config.kernel.errors import Conflict, DomainError, NotFound, StillRunning, Unavailable
from config.kernel.events import publish

__all__ = ["CollectionResult", "collect_if_due", "collect_source", "order_collection"]

logger = logging.getLogger(__name__)


def collect_source(*, name: str, now: datetime) -> CollectionResult:
    """Ask one source, due or not, and store its answer. A failure is stored as the source's state, never raised.

    Raises NotFound for a name that is no source, Conflict if settings that it needs are missing, Unavailable
    while the source has asked us to wait, StillRunning while it is being asked.
    """
    _askable(name=name, now=now)
    return _collect(DataSource.objects.get(pk=name), now)


def order_collection(*, name: str, now: datetime) -> None:
    """Have a worker ask one source, due or not. Raises what `collect_source` does, as far as it is known by now."""
    state = _askable(name=name, now=now)
    if state.is_running:
        raise StillRunning(f"{state.title} is being asked at this moment.", retry_after_seconds=10)
    publish(SourceOrdered(source=name))


def _askable(*, name: str, now: datetime) -> SourceState:
    """How a source does that a person may have asked, whatever the schedule says. Raises as `collect_source` does."""
    state = find_source(name, now=now)
    if state is None:
        raise NotFound(f"There is no source {name!r}.", field="source")
    if state.needs:
        raise Conflict(f"{state.title} cannot be asked: {' and '.join(state.needs)} must be set.")
    if state.not_before:
        seconds = int((state.not_before - now).total_seconds()) + 1
        words = f"{state.title} must not be asked before {state.not_before:%Y-%m-%d %H:%M} UTC."
        raise Unavailable(words, retry_after_seconds=seconds)
    return state


def collect_if_due(*, name: str, now: datetime) -> CollectionResult | None:
    """Ask one source if the schedule says so; None if it does not. Raises StillRunning while it is being asked."""
    # The row is read before it is judged: a run that ends in between makes the turn impossible.
    source = DataSource.objects.filter(pk=name).first()
    state = find_source(name, now=now)
    if source is None or state is None or not is_due(state, now=now):
        return None
    return _collect(source, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One asking under way."""

    turn: Turn
    http: SourceHttp
    memory: StoredMemory
    now: datetime


def _collect(source: DataSource, now: datetime) -> CollectionResult:
    turn = take_turn(source, now=now)
    memory = StoredMemory(source.pk, now=now)
    try:
        with http_of(source, memory, now=now) as http:
            try:
                return _ask_and_keep(_Run(turn=turn, http=http, memory=memory, now=now))
            finally:
                count_requests(http, name=source.pk, now=now)
    except BaseException:
        give_back(turn, now=now)
        raise


def _ask_and_keep(run: _Run) -> CollectionResult:
    source = run.turn.source
    connector = CONNECTORS[source.pk]
    question, problems = question_to(source, connector, now=run.now)
    try:
        answer = answer_of(run.http, question, connector=connector)
    except SourceError as error:
        return _failed(run, error)
    try:
        return _keep(run, answer, problems)
    except (DomainError, OperationalError, InterfaceError):
        raise  # not the answer's fault: another run, or a database that is busy or gone
    except Exception:
        logger.exception("an answer could not be stored", extra={"source": source.pk})
        return _failed(run, SourceMisbehaved("the answer could not be stored"))


@transaction.atomic
def _keep(run: _Run, answer: Believed, problems: tuple[str, ...]) -> CollectionResult:
    """Everything of one collection or nothing of it."""
    was, now = held_row(run.turn), run.now
    kept = keep_answer(source=was.pk, answer=answer, now=now)
    run.memory.write()
    doubts = answer.judged.doubts
    said = bounded([*problems, *answer.collected.problems, *answer.judged.problems, *(doubt.words for doubt in doubts)])
    write_success(run.turn, problems=said, newest=kept.newest, now=now, not_before=run.http.not_before)
    publish(ReadingsCollected(source=was.pk, zones=kept.zones, at=now))
    if was.state != DataSource.State.OK:
        publish(SourceChanged(source=was.pk, state=DataSource.State.OK, at=now))
    return CollectionResult(
        source=was.pk,
        state=DataSource.State.OK,
        readings=len(answer.judged.readings),
        new=kept.new,
        revised=kept.revised,
        forecasts=len(answer.judged.forecasts),
        alerts=kept.alerts,
        zones=len(kept.zones),
        quarantined=len(doubts),
        requests=run.http.requests_made,
        problems=said,
    )


@transaction.atomic
def _failed(run: _Run, error: SourceError) -> CollectionResult:
    """Nothing is kept but how it went."""
    turn, words, now = run.turn, one_line(str(error), LONGEST_ERROR_CHARACTERS), run.now
    held_row(turn)
    logger.warning("a source failed", extra={"source": turn.source.pk, "reason": words})
    run.memory.write_forgotten()
    if isinstance(error, SourceLimitReached):
        state = write_limit_reached(turn, words=words, now=now)
    else:
        is_refused = isinstance(error, SourceRefused)
        state = write_failure(turn, words=words, is_refused=is_refused, now=now, not_before=run.http.not_before)
    # Also while it goes on failing: the age of what is shown has grown.
    publish(SourceChanged(source=turn.source.pk, state=state, at=now))
    return CollectionResult(source=turn.source.pk, state=state, requests=run.http.requests_made, problems=(words,))
