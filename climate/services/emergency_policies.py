"""The policy that reads alerts: versions are added and never changed; the newest one is in force."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from climate.domain.emergency_policy import EmergencyPolicyError, read_emergency_terms
from climate.domain.providers import PROVIDERS
from climate.models import EmergencyPolicy
from config.kernel.errors import Conflict, InvalidInput

SHIPPED = Path(__file__).resolve().parent.parent / "data" / "emergency_policy.json"
SHIPPED_RATIONALE = (
    "The version that Commonwatt ships: red alerts are grave and rare enough to act on at once, orange ones wait "
    "for a person."
)


@transaction.atomic
def create_emergency_policy_version(
    *, terms: dict[str, Any], rationale: str, author_id: int | None, now: datetime
) -> int:
    """Add the next version, which is in force from now on, and return its number.

    What stands keeps the terms on which it was declared; the next collection reads alerts by the new ones.
    Raises InvalidInput naming the term at fault or `rationale`, and Conflict if somebody was quicker.
    """
    if not rationale.strip():
        raise InvalidInput("Say why this version exists.", field="rationale")
    newest = EmergencyPolicy.objects.aggregate(newest=Max("version"))["newest"] or 0
    try:
        read = read_emergency_terms(terms, version=newest + 1)
    except EmergencyPolicyError as error:
        raise InvalidInput(str(error), field=f"terms.{error.key}" if error.key != "terms" else "terms") from error
    if unknown := sorted(read.sources - PROVIDERS.keys()):
        raise InvalidInput(f"sources: there is no source {', '.join(unknown)}", field="terms.sources")
    try:
        with transaction.atomic():
            EmergencyPolicy.objects.create(
                version=newest + 1, terms=terms, rationale=rationale, author_id=author_id, created_at=now
            )
    except IntegrityError as error:
        raise Conflict(f"Somebody has just made version {newest + 1}. Look at it, then try again.") from error
    return newest + 1


def add_shipped_policy(*, now: datetime) -> int:
    """Add version 1 if there is no version at all, and return how many were added."""
    if EmergencyPolicy.objects.exists():
        return 0
    terms = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return create_emergency_policy_version(terms=terms, rationale=SHIPPED_RATIONALE, author_id=None, now=now)
