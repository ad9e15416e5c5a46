"""What settled work teaches: how many tokens it took, and what it was worth. Not for other apps."""

from __future__ import annotations

from budgets import services as budgets
from budgets.domain.estimates import Estimate
from market.models import AllocationRequest, Decision, Settlement


def note_work(request: AllocationRequest, decision: Decision, settlement: Settlement) -> None:
    """Keep outcome and value of work that was just settled by a report; in the same transaction.

    Not for work that nobody reported on: what it used is unknown.
    """
    reference = f"request:{request.pk}"
    if request.estimate is not None and _tells_its_need(request, decision, settlement):
        budgets.record_outcome(
            reference=reference,
            predicted=Estimate.from_json(request.estimate),
            actual_tokens=settlement.used_tokens - (request.input_tokens or 0),
            at=settlement.settled_at,
        )
    if request.budget_id is not None:
        budgets.record_value(
            budget_id=request.budget_id,
            reference=reference,
            held_tokens=decision.granted_tokens,
            used_tokens=settlement.used_tokens,
            quality=settlement.quality,
            collaboration=settlement.collaboration,
            at=settlement.settled_at,
        )


def _tells_its_need(request: AllocationRequest, decision: Decision, settlement: Settlement) -> bool:
    """Whether what was used is what the work takes.

    Not where nothing came of it beyond the input, nor where it used up exactly what somebody stated or a
    partial grant left it: it may have wanted more. Work that reached the bound of its own estimate tells: the
    bound rises.
    """
    is_own_bound = request.tokens_basis != "stated" and decision.granted_tokens == request.tokens
    was_cut_short = settlement.used_tokens == decision.granted_tokens and not is_own_bound
    return settlement.used_tokens > (request.input_tokens or 0) and not was_cut_short
