"""Forecasts are noted where tokens were used; when all windows are about to be full, one handoff begins."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from config.kernel.errors import DomainError
from config.kernel.transactions import transactional
from sessions_app.domain.foresight import Band, Outlook, foresee
from sessions_app.domain.words import Protocol
from sessions_app.models import FINISHED, ExhaustionForecast, Handoff, Session
from sessions_app.selectors.foresight import is_due, list_sessions_with_news, loads_of
from sessions_app.selectors.policies import terms_of
from sessions_app.services.handoffs import begin_handoff
from sessions_app.services.log import Draft, append, locked

logger = logging.getLogger(__name__)
ACTOR = "foresight"


def note_forecasts(*, now: datetime) -> int:
    """Note the outlook of every open session that used tokens since the last; return how many handoffs began.

    Each session in a transaction of its own; one that has ended meanwhile is passed over.
    """
    begun = 0
    for session_id in list_sessions_with_news():
        try:
            begun += foresee_session(session_id=session_id, now=now)
        except DomainError as refusal:
            logger.info("no forecast", extra={"session": str(session_id), "code": refusal.code})
    return begun


@transactional
def foresee_session(*, session_id: UUID, now: datetime) -> bool:
    """Note the outlook of a session; begin a coordinated handoff if it is time. Returns whether one began.

    None while one is under way, and none again within the time of a transition after one was raised.
    """
    session = locked(session_id)
    terms = terms_of(session).forecasts
    loads = loads_of(session)
    outlook = foresee(loads, now_seconds=now.timestamp(), terms=terms)
    rows = _rows(session, outlook, now)
    pause = timedelta(minutes=terms.transition_minutes)
    if not is_due(outlook, loads, transition_seconds=pause.total_seconds()) or _was_raised(session, since=now - pause):
        ExhaustionForecast.objects.bulk_create(rows)
        return False
    _tell(session, outlook, now)
    words = f"{outlook.k} of {len(loads)} windows full within {terms.transition_minutes} minutes"
    handoff = begin_handoff(session, protocol=Protocol.COORDINATED, reason=words, actor=ACTOR, now=now)
    rows[-1].handoff = handoff
    ExhaustionForecast.objects.bulk_create(rows)
    return True


def _was_raised(session: Session, *, since: datetime) -> bool:
    if Handoff.objects.filter(session=session).exclude(phase__in=FINISHED).exists():
        return True
    rows = ExhaustionForecast.objects.filter(session=session, kind=ExhaustionForecast.Kind.COLLECTIVE, at__gt=since)
    return rows.filter(handoff__isnull=False).exists()


def _rows(session: Session, outlook: Outlook, now: datetime) -> list[ExhaustionForecast]:
    """What is foreseen within the horizon: of agents, then of all."""
    rows = [
        _row(session, each.band, now, kind=ExhaustionForecast.Kind.AGENT, agent=each.agent)
        for each in outlook.agents
        if each.band is not None and each.band.is_foreseen
    ]
    if outlook.band is not None and outlook.band.is_foreseen:
        row = _row(session, outlook.band, now, kind=ExhaustionForecast.Kind.COLLECTIVE, agent="")
        row.k, row.is_joint, row.correlation = outlook.k, outlook.is_joint, outlook.correlation
        rows.append(row)
    return rows


def _row(session: Session, band: Band, now: datetime, *, kind: str, agent: str) -> ExhaustionForecast:
    return ExhaustionForecast(
        session=session,
        kind=kind,
        agent=agent,
        at=now,
        seq=session.head_seq,
        low_seconds=band.low_seconds,
        central_seconds=band.central_seconds,
        high_seconds=band.high_seconds,
    )


def _tell(session: Session, outlook: Outlook, now: datetime) -> None:
    band = outlook.band
    assert band is not None  # noqa: S101  # who is due has a band
    facts = {
        "k": outlook.k,
        "agents": len(outlook.agents),
        "low_seconds": round(band.low_seconds),
        "central_seconds": round(band.central_seconds),
        "high_seconds": round(band.high_seconds),
        "is_joint": outlook.is_joint,
    }
    append(session, Draft(kind="exhaustion.foreseen", actor=ACTOR, facts=facts), now=now)
