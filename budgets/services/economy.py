"""Recording the value of finished work: append-only, once for each piece of work."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from budgets.domain.efficiency import FinishedWork, scores_of
from budgets.models import EconomicEvent
from budgets.selectors.figures import get_efficiency_terms


def record_value(
    *,
    budget_id: UUID,
    reference: str,
    held_tokens: int,
    used_tokens: int,
    quality: float | None,
    collaboration: float | None,
    at: datetime,
) -> None:
    """Keep what finished work was worth, at the budget that paid. A second report of the same work changes nothing.

    Called in the transaction that settles. Work whose quality (0..1) nobody reported has no known
    value: nothing is kept of it.
    """
    if quality is None:
        return
    work = FinishedWork(held_tokens=held_tokens, used_tokens=used_tokens, quality=quality, collaboration=collaboration)
    scores = scores_of(work, get_efficiency_terms())
    EconomicEvent.objects.bulk_create(
        (
            EconomicEvent(
                kind=kind,
                budget_id=budget_id,
                reference=reference,
                held_tokens=held_tokens,
                used_tokens=used_tokens,
                quality=quality,
                collaboration=collaboration,
                value_tokens=score,
                at=at,
            )
            for kind, score in scores.items()
        ),
        ignore_conflicts=True,
    )
