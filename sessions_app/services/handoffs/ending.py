"""A handoff that does not come off: its sources stay active, its targets never were."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from config.kernel.errors import Conflict, InvalidInput
from config.kernel.transactions import transactional
from sessions_app.domain.words import Phase
from sessions_app.models import FINISHED, Handoff, HandoffMember, Instance, Session
from sessions_app.selectors.handoffs import get_handoff_row
from sessions_app.services.handoffs.held import LONGEST_FAILURE, Held, hold, hold_in
from sessions_app.services.handoffs.retrying import rest_after
from sessions_app.services.log import Draft, append


@transactional
def abort_handoff(*, session_id: UUID, team_id: int, number: int, reason: str, actor: str, now: datetime) -> Handoff:
    """Undo a handoff from whatever phase it is in; one that was aborted before stays so.

    Raises NotFound, InvalidInput naming `reason`, or Conflict with code `handoff_complete`.
    """
    if not reason.strip():
        raise InvalidInput("Say why the handoff is aborted.", field="reason", code="required")
    held = hold(get_handoff_row(session_id, number, team_id=team_id).pk)
    if held.phase == Phase.COMPLETE:
        raise Conflict("This handoff is complete: its successors work.", code="handoff_complete")
    if held.phase != Phase.ABORTED:
        undo(held, why=reason.strip(), actor=actor, now=now)
    return held.handoff


def abort_open(session: Session, *, why: str, actor: str, now: datetime) -> None:
    """Undo the handoff of a locked session that is under way, if there is one."""
    for known in Handoff.objects.filter(session=session).exclude(phase__in=FINISHED):
        undo(hold_in(session, known.pk), why=why, actor=actor, now=now)


def undo(held: Held, *, why: str, actor: str, now: datetime, may_begin_again: bool = False) -> None:
    """Retire the standby targets; the sources were never touched. An ended session is told nothing more.

    `may_begin_again`: nobody wanted this end, so that the ladder may begin another, at once or after a rest.
    """
    handoff = held.handoff
    targets = [each.target_id for each in held.members if each.target_id is not None]
    Instance.objects.filter(pk__in=targets, status=Instance.Status.STANDBY).update(
        status=Instance.Status.RETIRED, retired_at=now
    )
    HandoffMember.objects.filter(handoff=handoff).update(package=None)
    phase, handoff.phase = handoff.phase, Phase.ABORTED
    handoff.failure, handoff.moved_at, handoff.finished_at = why[:LONGEST_FAILURE], now, now
    facts = {"handoff": handoff.number, "phase": phase, "why": handoff.failure}
    if may_begin_again and held.session.status == Session.Status.OPEN:
        facts["rest_seconds"] = rest_after(held, now=now)
    handoff.save()
    if held.session.status == Session.Status.OPEN:
        append(held.session, Draft(kind="handoff.aborted", actor=actor, facts=facts), now=now)
