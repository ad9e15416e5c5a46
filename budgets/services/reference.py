"""Thresholds with which a new deployment begins."""

from __future__ import annotations

from datetime import datetime

from budgets.models import Threshold

FOUNDING = "founding documents"
DEFAULTS: list[tuple[str, float, str, str]] = [
    ("budget-warn", 75, "%", "A budget is in the warning band from here on."),
    ("budget-critical", 85, "%", "A budget is in the critical band from here on."),
    ("budget-emergency", 95, "%", "A budget is in the emergency band from here on."),
    ("estimate-express", 800, "tokens", "Output expected of one express answer."),
    ("estimate-council", 2500, "tokens", "Output expected of a council."),
    ("estimate-extra-role", 400, "tokens", "Output expected of each further role of a council."),
    ("estimate-margin", 500, "tokens", "Safety margin added to an estimate."),
    ("council-complexity", 0.7, "score", "Above this complexity a request without a mode is a council."),
]


def load_reference(*, now: datetime) -> dict[str, int]:
    """Create the thresholds that are missing; those an administrator turned stay. Counts what was made."""
    made = 0
    for name, value, unit, description in DEFAULTS:
        _, created = Threshold.objects.get_or_create(
            name=name, defaults={"value": value, "unit": unit, "description": description, "rationale": FOUNDING}
        )
        made += created
    return {"thresholds": made}
