"""Who works on a driven round: one at a time, for as long as its lease runs. What somebody writes who has lost it
is undone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from config.kernel.events import publish
from config.kernel.transactions import transactional
from sessions_app.domain.gateway.terms import Rounds
from sessions_app.events import RoundRunChanged
from sessions_app.models import RoundRun
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.services.rounds.asking import Bill

UNFINISHED = (RoundRun.Status.QUEUED, RoundRun.Status.RUNNING)
MOST_CLAIMS = 20
"""A round that so many have begun to drive and nobody has finished is given up."""


class LeaseLost(Exception):
    """Somebody else works on this round, or nobody has to any more."""


@transactional
def claim(round_id: UUID, *, now: datetime) -> int | None:
    """Take the lease of a round on which nobody works, and return its fence; None if somebody does."""
    free = Q(lease_expires_at=None) | Q(lease_expires_at__lte=now)
    mine = RoundRun.objects.filter(free, pk=round_id, status__in=UNFINISHED)
    taken = mine.update(fence=F("fence") + 1, status=RoundRun.Status.RUNNING, lease_expires_at=_until(now))
    if not taken:
        return None
    run = RoundRun.objects.select_related("round__session").get(pk=round_id)
    session = run.round.session
    tell(round_id, session.pk, session.team_id, RoundRun.Status.RUNNING, now=now)
    return run.fence


def renew(round_id: UUID, fence: int, *, now: datetime) -> None:
    """Keep it for longer. Raises LeaseLost."""
    write(round_id, fence, lease_expires_at=_until(now))


def write(round_id: UUID, fence: int, *, bill: Bill | None = None, **values: Any) -> None:
    """Write to the run, and add what calls took. Raises LeaseLost: the caller's transaction then undoes everything."""
    if bill is not None:
        values |= {
            "calls": F("calls") + bill.calls,
            "spent_tokens": F("spent_tokens") + bill.tokens,
            "spent_micro_usd": F("spent_micro_usd") + bill.micro_usd,
            "spent_g": F("spent_g") + bill.g,
        }
    if not RoundRun.objects.filter(pk=round_id, fence=fence, status=RoundRun.Status.RUNNING).update(**values):
        raise LeaseLost(str(round_id))


def tell(round_id: UUID, session_id: UUID, team_id: int, status: str, *, now: datetime) -> None:
    """Let whoever watches know that a run has gone on, once this is committed."""
    publish(RoundRunChanged(round_id=round_id, session_id=session_id, team_id=team_id, status=status, at=now))


def _until(now: datetime) -> datetime:
    """Long enough for one agent with its time-out, and for what is written afterwards."""
    terms: Rounds = get_gateway_policy().terms.rounds
    return now + timedelta(seconds=max(terms.lease_seconds, 2 * terms.agent_seconds))
