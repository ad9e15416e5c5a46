"""After a handoff that did not come off: rungs that have fired are armed again, so that what is still full begins
another with its next report. The more of them failed in a row, the longer that waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max

from config.kernel.transactions import transactional
from sessions_app.domain.handoff.transitions import LONGEST_REST_SECONDS, rest_seconds
from sessions_app.domain.words import HANDING_OVER, Phase
from sessions_app.models import Handoff, Instance, Session
from sessions_app.services.handoffs.held import Held, hold

AGAIN_AT = "again_at"
"""In the plan of a handoff that was aborted: when rungs are armed again. It goes when they are."""
MOST_AT_ONCE = 500


def rest_after(held: Held, *, now: datetime) -> int:
    """Arm the rungs of a locked session for the handoff that is being aborted, or note when they will be; returns
    the seconds until then. The caller saves the handoff."""
    seconds = rest_seconds(_tries(held.handoff, now), held.terms.handoffs)
    if seconds:
        held.handoff.plan[AGAIN_AT] = (now + timedelta(seconds=seconds)).isoformat()
    else:
        _arm(held.session)
    return seconds


def arm_due(*, now: datetime) -> int:
    """Arm rungs whose rest is over, each session in a transaction of its own; returns for how many handoffs."""
    due = Handoff.objects.filter(phase=Phase.ABORTED, plan__again_at__isnull=False).order_by("pk")
    waiting = due.values_list("pk", "plan__again_at")[:MOST_AT_ONCE]
    return sum(_arm_one(pk, now) for pk, at in waiting if datetime.fromisoformat(at) <= now)


@transactional
def _arm_one(handoff_id: int, now: datetime) -> bool:
    """Where another has begun since, that one decides."""
    held = hold(handoff_id)
    if held.handoff.plan.pop(AGAIN_AT, None) is None:
        return False
    held.handoff.save(update_fields=["plan"])
    if held.session.status == Session.Status.OPEN and held.handoff.number == _newest(held.session):
        _arm(held.session)
    return True


def _newest(session: Session) -> int:
    return Handoff.objects.filter(session=session).aggregate(number=Max("number"))["number"] or 0


def _tries(handoff: Handoff, now: datetime) -> int:
    """This one, and those before it that were aborted within the longest rest, since the last that was complete."""
    rows = Handoff.objects.filter(session=handoff.session_id)
    complete = rows.filter(phase=Phase.COMPLETE).aggregate(number=Max("number"))["number"] or 0
    since = now - timedelta(seconds=LONGEST_REST_SECONDS)
    failed = rows.filter(phase=Phase.ABORTED, number__gt=complete, finished_at__gt=since)
    return 1 + failed.exclude(pk=handoff.pk).count()


def _arm(session: Session) -> None:
    for instance in Instance.objects.filter(session=session, status=Instance.Status.ACTIVE):
        kept = [rung for rung in instance.fired_rungs if rung not in HANDING_OVER]
        if kept != instance.fired_rungs:
            instance.fired_rungs = kept
            instance.save(update_fields=["fired_rungs"])
