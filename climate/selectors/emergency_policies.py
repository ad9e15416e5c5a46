"""On which terms alerts become emergencies."""

from __future__ import annotations

from climate.domain.emergency_policy import EmergencyTerms, read_emergency_terms
from climate.models import EmergencyPolicy


def find_emergency_terms() -> EmergencyTerms | None:
    """The terms in force: those of the newest version; None before the reference data was loaded."""
    policy = EmergencyPolicy.objects.order_by("-version").first()
    return read_emergency_terms(policy.terms, version=policy.version) if policy else None
