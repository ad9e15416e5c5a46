"""What is said of a grant."""

from __future__ import annotations

from uuid import UUID

from budgets.domain.asks import PlacedHold
from market.domain.inline import InlineGrant
from market.services.inline.deciding import Grant


def answer_of(
    request_id: UUID,
    decision_id: int,
    budget_id: UUID,
    grant: Grant,
    hold: PlacedHold,
) -> InlineGrant:
    """A grant with its hold, which knows what its budget has left."""
    return InlineGrant(
        request_id=request_id,
        decision_id=decision_id,
        budget_id=budget_id,
        hold_id=hold.hold_id,
        granted_tokens=grant.tokens,
        region=grant.candidate.code,
        zone=grant.candidate.zone,
        intensity_g_per_kwh=grant.candidate.intensity_g_per_kwh,
        basis=grant.candidate.basis,
        total_micro_usd=grant.price.total,
        location_g=grant.footprint.location_g_central,
        warning_percent=hold.warning_percent,
        remaining="" if hold.left is None else f"{hold.left:f}",
        remaining_unit=hold.unit.value,
    )
