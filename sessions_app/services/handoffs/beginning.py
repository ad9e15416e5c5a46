"""A handoff begins. Whoever holds the lock on its session may begin one; others carry it on."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max

from config.kernel.errors import Conflict, InvalidInput
from config.kernel.transactions import transactional
from sessions_app.domain.handoff.transitions import sane_deadline, seconds_of
from sessions_app.domain.words import Phase, Protocol
from sessions_app.models import FINISHED, Handoff, HandoffMember, Instance, Session
from sessions_app.selectors.policies import terms_of
from sessions_app.services.log import Draft, append, locked

LONGEST_REASON = 200


@transactional
def open_handoff(
    *, session_id: UUID, team_id: int, protocol: Protocol, reason: str, actor: str, now: datetime
) -> Handoff:
    """Begin a handoff, or return the one that is under way. Raises as `begin_handoff`."""
    if not reason.strip():
        raise InvalidInput("Say why the agents hand over.", field="reason", code="required")
    return begin_handoff(
        locked(session_id, team_id=team_id), protocol=protocol, reason=reason.strip(), actor=actor, now=now
    )


def begin_handoff(session: Session, *, protocol: Protocol, reason: str, actor: str, now: datetime) -> Handoff:
    """Begin a handoff of all active agents of a locked session.

    Answers with the one that is under way if there is one: an emergency takes that one over, so that it
    waits for no votes and keeps what is transferred already. Raises Conflict with code `no_agents`.
    """
    if known := Handoff.objects.filter(session=session).exclude(phase__in=FINISHED).first():
        return _overtaken(session, known, protocol, reason, actor, now)
    sources = list(Instance.objects.filter(session=session, status=Instance.Status.ACTIVE).order_by("agent"))
    if not sources:
        raise Conflict("The session has no active agent that could hand over.", field="session", code="no_agents")
    terms = terms_of(session).handoffs
    newest = Handoff.objects.filter(session=session).aggregate(newest=Max("number"))["newest"] or 0
    handoff = Handoff.objects.create(
        session=session,
        number=newest + 1,
        protocol=protocol,
        reason=reason[:LONGEST_REASON],
        phase=Phase.PREPARING,
        quorum_percent=terms.quorum_percent[protocol],
        deadline_at=now + timedelta(seconds=seconds_of(Phase.PREPARING, protocol, terms)),
        started_by=actor,
        started_at=now,
        moved_at=now,
    )
    HandoffMember.objects.bulk_create(HandoffMember(handoff=handoff, agent=each.agent, source=each) for each in sources)
    facts = _facts(handoff) | {"agents": [each.agent for each in sources]}
    append(session, Draft(kind="handoff.begun", actor=actor, facts=facts), now=now)
    return handoff


def _overtaken(session: Session, known: Handoff, protocol: Protocol, reason: str, actor: str, now: datetime) -> Handoff:
    if protocol != Protocol.EMERGENCY or known.protocol == Protocol.EMERGENCY:
        return known
    terms = terms_of(session).handoffs
    known.protocol, known.reason = protocol, reason[:LONGEST_REASON]
    known.quorum_percent = terms.quorum_percent[protocol]
    known.deadline_at = sane_deadline(known.deadline_at, seconds=terms.emergency_seconds, now=now)
    known.save(update_fields=["protocol", "reason", "quorum_percent", "deadline_at"])
    facts = _facts(known) | {"phase": known.phase, "overtaken": True}
    append(session, Draft(kind="handoff.begun", actor=actor, facts=facts), now=now)
    return known


def _facts(handoff: Handoff) -> dict[str, object]:
    return {
        "handoff": handoff.number,
        "protocol": handoff.protocol,
        "reason": handoff.reason,
        "quorum_percent": handoff.quorum_percent,
        "deadline_at": handoff.deadline_at.isoformat(),
    }
