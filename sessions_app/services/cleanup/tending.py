"""Cleanup that nobody asks for: what is due by its age, and room beforehand where agents are about to need it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db.models import Exists, OuterRef

from config.kernel.errors import DomainError
from config.kernel.transactions import transactional
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.words import Tier
from sessions_app.models import ContextItem, Instance, Session, StateItem, Usage
from sessions_app.selectors.policies import terms_of
from sessions_app.services.cleanup.compacting import clean
from sessions_app.services.cleanup.planning import Aim, rows_of, steps_for
from sessions_app.services.log import locked
from sessions_app.services.thinking import thinking_first
from sessions_app.services.tiers import has_tiers_to_tend, tend_tiers
from sessions_app.services.windows.ladder import climb

TENDER = "cleanup"
REST = timedelta(hours=1)
"""After the last bound of its policy a quiet session is looked at for so long: then all that was due is done."""

logger = logging.getLogger(__name__)


def tend_cleanup(*, now: datetime) -> int:
    """Clean up every open session that has something to clean; returns the tokens freed.

    A session that cannot be cleaned up is reported and keeps what it has; the others go on.
    """
    freed = 0
    for session in _with_something():
        try:
            if now - session.last_event_at <= _longest_idle(terms_of(session)) and _has_work(session, now=now):
                freed += tend_session(session_id=session.pk, now=now)
        except DomainError as refusal:
            logger.warning("session not cleaned up", extra={"session": str(session.pk), "code": refusal.code})
    return freed


@thinking_first
@transactional
def tend_session(*, session_id: UUID, now: datetime) -> int:
    """Do what is due in one session and return the tokens freed."""
    session = locked(session_id)
    freed = 0
    for instance in _active(session):
        aim = Aim(coming_tokens=expected_tokens(session, instance, now=now))
        done = clean(session, instance, aim, reason="tender", actor=TENDER, now=now)
        if done.steps:
            climb(session, instance, actor=TENDER, now=now)
        freed += done.tokens_before - done.tokens_after
    tend_tiers(session, actor=TENDER, now=now)
    return freed


def expected_tokens(session: Session, instance: Instance, *, now: datetime) -> int:
    """What a window is expected to need within `transition_minutes`: as much as it grew by in as many before."""
    since = now - timedelta(minutes=terms_of(session).forecasts.transition_minutes)
    told = Usage.objects.filter(session=session, instance=instance, at__gte=since).order_by("seq")
    sizes = told.values_list("context_tokens", flat=True)
    return sum(max(0, after - before) for before, after in pairwise(sizes))


def _has_work(session: Session, *, now: datetime) -> bool:
    """Whether anything would be done. Plans it without locking the session: what it finds is remembered."""
    steps = 0
    for instance in _active(session):
        rows = rows_of(instance)
        if rows:
            aim = Aim(coming_tokens=expected_tokens(session, instance, now=now))
            steps += sum(1 for _ in steps_for(session, instance, rows, aim, now=now))
    return bool(steps) or has_tiers_to_tend(session, now=now)


def _with_something() -> list[Session]:
    """Open sessions that have items in their windows or a state."""
    items = ContextItem.objects.filter(instance__session=OuterRef("pk")).exclude(status=ContextItem.Status.UNLOADED)
    parts = StateItem.objects.filter(session=OuterRef("pk")).exclude(tier=Tier.COLD)
    sessions = Session.objects.filter(Exists(items) | Exists(parts), status=Session.Status.OPEN)
    return list(sessions.order_by("pk"))


def _active(session: Session) -> list[Instance]:
    active = Instance.objects.filter(session=session, status=Instance.Status.ACTIVE)
    return list(active.order_by("agent"))


def _longest_idle(terms: SessionTerms) -> timedelta:
    cleanup = terms.cleanup
    longest = max(
        terms.memory.working_minutes,
        cleanup.large_idle_minutes,
        cleanup.debug_idle_minutes,
        cleanup.knowledge_idle_minutes,
        cleanup.summarise_idle_minutes,
        cleanup.archive_idle_minutes,
        cleanup.keep_whole_minutes,
    )
    return timedelta(minutes=longest) + REST
