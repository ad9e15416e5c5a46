"""Agents say whether they are ready to hand over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.words import Phase
from sessions_app.models import Handoff, HandoffMember
from sessions_app.selectors.handoffs import get_handoff_row
from sessions_app.services.handoffs.held import hold
from sessions_app.services.log import Draft, active_instance, append

OPEN_PHASES = (Phase.PREPARING, Phase.COORDINATING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What an agent says, in the epoch in which it believes itself to be. Who refuses says why."""

    agent: str
    epoch: int
    vote: str
    reason: str = ""


@transactional
def vote(*, session_id: UUID, team_id: int, number: int, ballot: Ballot, actor: str, now: datetime) -> Handoff:
    """Count the vote of an agent; it may change its mind until the transfer begins, and say the same twice.

    Raises NotFound, InvalidInput naming `reason`, Conflict with code `stale_epoch` or `too_late`.
    """
    if ballot.vote == HandoffMember.Vote.REFUSED and not ballot.reason.strip():
        raise InvalidInput("Say why the agent is not ready.", field="reason", code="required")
    held = hold(get_handoff_row(session_id, number, team_id=team_id).pk)
    member = next((each for each in held.members if each.agent == ballot.agent), None)
    if member is None:
        raise NotFound("This agent is not in the handoff.", field="agent")
    told = (member.vote, member.reason) == (ballot.vote, ballot.reason.strip())
    if told and held.phase != Phase.ABORTED:
        return held.handoff
    if held.phase not in OPEN_PHASES:
        raise Conflict(f"The handoff is {held.phase} already.", code="too_late", phase=held.phase.value)
    active_instance(held.session, ballot.agent, epoch=ballot.epoch)
    member.vote, member.voted_at, member.reason = ballot.vote, now, ballot.reason.strip()[:200]
    member.save(update_fields=["vote", "voted_at", "reason"])
    facts = {"handoff": number, "agent": ballot.agent, "vote": ballot.vote, "reason": member.reason}
    append(held.session, Draft(kind="handoff.voted", actor=actor, instance=member.source, facts=facts), now=now)
    return held.handoff
