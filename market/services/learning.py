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
    input_tokens = input_of(reported=settlement.input_tokens, asked=request.input_tokens)
    if request.estimate is not None and tells_its_need(
        used_tokens=settlement.used_tokens,
        input_tokens=input_tokens,
        granted_tokens=decision.granted_tokens,
        asked_tokens=request.tokens,
        tokens_basis=request.tokens_basis,
    ):
        budgets.record_outcome(
            reference=reference,
            predicted=Estimate.from_json(request.estimate),
            actual_tokens=settlement.used_tokens - input_tokens,
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


def tells_its_need(
    *, used_tokens: int, input_tokens: int, granted_tokens: int, asked_tokens: int, tokens_basis: str
) -> bool:
    """Whether what was used is what the work takes.

    Not where nothing came of it beyond the input, nor where it used up exactly what somebody stated or a
    partial grant left it: it may have wanted more. Work that reached the bound of its own estimate tells: the
    bound rises.
    """
    is_own_bound = tokens_basis != "stated" and granted_tokens == asked_tokens
    was_cut_short = used_tokens == granted_tokens and not is_own_bound
    return used_tokens > input_tokens and not was_cut_short


def input_of(*, reported: int | None, asked: int | None) -> int:
    """How much of what was used is input: as reported, else as asked."""
    return (asked or 0) if reported is None else reported
