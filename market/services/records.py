"""Writing requests and decisions. Not for other apps; they use the services built on it."""

from __future__ import annotations

from budgets.domain.asks import PlacedHold
from config.kernel.events import publish
from market.events import RequestDecided
from market.models import AllocationRequest, AllocationRun, Decision
from market.selectors.drafts import figures_of, tokens_in_words, unsaved_decision

__all__ = ["figures_of", "record", "tokens_in_words", "unsaved_decision"]


def record(
    decision: Decision,
    *,
    status: AllocationRequest.Status,
    hold: PlacedHold | None = None,
    fund_reserved_micro_usd: int = 0,
    run: AllocationRun | None = None,
) -> Decision:
    """Store a decision as the latest of its request, move the request's status and tell the apps above."""
    request = decision.request
    decision.sequence = request.decisions.count() + 1
    decision.hold_id = hold.hold_id if hold else None
    decision.hold_expires_at = hold.expires_at if hold else None
    decision.fund_reserved_micro_usd = fund_reserved_micro_usd
    decision.run = run
    decision.save(force_insert=True)
    AllocationRequest.objects.filter(pk=request.pk).update(status=status)
    request.status = status
    publish(
        RequestDecided(request_id=request.pk, decision_id=decision.pk, team_id=request.team_id, at=decision.made_at)
    )
    return decision
