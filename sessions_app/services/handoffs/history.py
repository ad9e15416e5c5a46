"""What earlier handoffs have shown: which items successors used, and how fast packages are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sessions_app.domain.handoff.plans import History, Seen
from sessions_app.domain.words import Phase
from sessions_app.models import ContextItem, Handoff, HandoffMember, Session

MOST_HANDOFFS = 50
"""Newest handoffs of a team that count."""
SCORED_AFTER = timedelta(minutes=30)
"""By then a successor has used what it needed to go on."""


def history_of(session: Session) -> History:
    """What the handoffs of the team have shown."""
    rows = Handoff.objects.filter(session__team_id=session.team_id, phase=Phase.COMPLETE).order_by("-id")
    use: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    total_bytes, total_ms, handoffs = 0, 0.0, 0
    for measures in rows.values_list("measures", flat=True)[:MOST_HANDOFFS]:
        handoffs += 1
        total_bytes += measures.get("packed_bytes", 0)
        total_ms += measures.get("pack_ms", 0.0)
        for sort, (items, used) in measures.get("use", {}).items():
            use[sort][0] += items
            use[sort][1] += used
    seen = {sort: Seen(items=items, used=used) for sort, (items, used) in use.items()}
    return History(use=seen, bytes=total_bytes, ms=total_ms, handoffs=handoffs)


def told(history: History) -> dict[str, Any]:
    """A history as a plan keeps it: what was planned can be computed again."""
    use = {sort: [seen.items, seen.used] for sort, seen in sorted(history.use.items())}
    return {"handoffs": history.handoffs, "bytes": history.bytes, "ms": round(history.ms, 3), "use": use}


def history_in(plan: Mapping[str, Any]) -> History:
    """The history that a plan was made of."""
    kept = plan.get("history", {})
    use = {sort: Seen(items=items, used=used) for sort, (items, used) in kept.get("use", {}).items()}
    return History(use=use, bytes=kept.get("bytes", 0), ms=kept.get("ms", 0.0), handoffs=kept.get("handoffs", 0))


def score_last(session: Session) -> None:
    """Look which items the successors of the last handoff used, before the next one moves them on."""
    last = Handoff.objects.filter(session=session, phase=Phase.COMPLETE).order_by("-number").first()
    if last is not None and "use" not in last.measures:
        _score(last)


def score_due(*, now: datetime) -> int:
    """The same for handoffs that were complete a while ago; returns how many."""
    due = Handoff.objects.filter(
        phase=Phase.COMPLETE, finished_at__lte=now - SCORED_AFTER, measures__use__isnull=True
    ).order_by("pk")[:MOST_HANDOFFS]
    for handoff in due:
        _score(handoff)
    return len(due)


def _score(handoff: Handoff) -> None:
    """A sort is that of the switch: what its last use before that was is in the plan."""
    sorts = handoff.plan.get("sorts", {})
    use: dict[str, list[int]] = {}
    for member in HandoffMember.objects.filter(handoff=handoff, target__isnull=False).defer("package"):
        items = ContextItem.objects.filter(instance=member.target_id, key__in=sorts.get(member.agent, {}))
        for key, last_access_at in items.values_list("key", "last_access_at"):
            seen = use.setdefault(sorts[member.agent][key], [0, 0])
            seen[0] += 1
            seen[1] += handoff.finished_at is not None and last_access_at > handoff.finished_at
    handoff.measures["use"] = use
    handoff.save(update_fields=["measures"])
