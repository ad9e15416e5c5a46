"""Turns leave prompts and the hot tier after some minutes, for an archive."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from budgets.services import count_tokens
from config.kernel.transactions import transactional
from sessions_app.models import Archive, Round, Session, Turn
from sessions_app.services.archiving import keep
from sessions_app.services.log import Draft, append, locked

MOST_AT_ONCE = 200
ACTOR = "tender"


def archive_old_turns(*, now: datetime) -> int:
    """Archive what was said in rounds longer ago than it is hot; return how many turns left.

    Each session in a transaction of its own. Stance, confidence and reason stay. What was said in a blind
    cycle that is not over stays: it is in nobody's prompt, and a search of archives would show it.
    """
    sessions = sorted(_old(now).order_by().values_list("round__session_id", flat=True).distinct())
    return sum(_archive_of(session_id, now) for session_id in sessions)


def _old(now: datetime) -> QuerySet[Turn]:
    blind = Q(round__status=Round.Status.OPEN, round__cycle=1)
    return Turn.objects.filter(~blind, hot_until__lte=now).exclude(text="")


@transactional
def _archive_of(session_id: UUID, now: datetime) -> int:
    session = locked(session_id, may_be_ended=True)
    turns = list(_old(now).filter(round__session=session).select_related("round").order_by("id")[:MOST_AT_ONCE])
    for turn in turns:
        _leave(session, turn, now)
    if turns and session.status == Session.Status.OPEN:
        facts = {"what": "turns", "to": "cold", "count": len(turns), "archives": [each.archive_id for each in turns]}
        append(session, Draft(kind="tier.moved", actor=ACTOR, facts=facts), now=now)
    return len(turns)


def _leave(session: Session, turn: Turn, now: datetime) -> None:
    turn.archive = keep(
        session,
        kind=Archive.Kind.TURN,
        title=f"{turn.agent} in cycle {turn.cycle}: {turn.round.topic}",
        body=turn.text,
        text=turn.text,
        tokens=count_tokens(turn.text),
        agent=turn.agent,
        seq_from=turn.seq,
        seq_to=turn.seq,
        now=now,
    )
    turn.text = ""
    turn.save(update_fields=["text", "archive"])
