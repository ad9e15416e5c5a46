"""Thresholds and templates with which a new deployment begins."""

from __future__ import annotations

from datetime import datetime

from budgets.models import Threshold
from budgets.services.templates import load_templates

FOUNDING = "founding documents"
OWN = "own default: change it as you learn"
DEFAULTS: list[tuple[str, float, str, str]] = [
    ("budget-warn", 75, "%", "A budget is in the warning band from here on."),
    ("budget-critical", 85, "%", "A budget is in the critical band from here on."),
    ("budget-emergency", 95, "%", "A budget is in the emergency band from here on."),
    ("estimate-express", 800, "tokens", "Output expected of one express answer."),
    ("estimate-council", 2500, "tokens", "Output expected of a council."),
    ("estimate-extra-role", 400, "tokens", "Output expected of each further role of a council."),
    ("estimate-margin", 500, "tokens", "Safety margin added to an estimate."),
    ("council-complexity", 0.7, "score", "Above this complexity a request without a mode is a council."),
    ("utilisation-moderate", 50, "%", "Utilisation is called moderate from here on."),
    ("utilisation-high", 75, "%", "Utilisation is called high from here on."),
    ("utilisation-critical", 90, "%", "Utilisation is called critical from here on."),
    ("pool-total", 200_000, "tokens", "Limit of a pool from which swarms are allotted, unless it says otherwise."),
    ("pool-reserve", 10_000, "tokens", "Part of a pool that is never allotted to swarms."),
    ("swarm-allotment", 50_000, "tokens", "What a swarm gets that does not say how much."),
    ("pool-warning", 150_000, "tokens", "A pool warns when this much is used."),
    ("pool-critical", 180_000, "tokens", "A pool warns again when this much is used."),
    ("estimate-target-share", 0.8, "share", "Share of estimates that should be within 30 % of the outcome."),
    ("estimate-learning-rate", 0.1, "share", "How much of each error estimates follow."),
    ("estimate-adapt-above", 0.2, "share", "Estimates whose smoothed error is above this learn twice as fast."),
    ("estimate-least", 50, "tokens", "No estimate is learned to be less."),
    ("estimate-most", 200_000, "tokens", "No estimate is learned to be more."),
    (
        "share-least",
        5,
        "%",
        "Neither a proposal nor rebalancing takes a budget below this share of what those beside it have together.",
    ),
    ("share-most", 50, "%", "No proposal takes a budget above this share of its parent."),
    ("share-step", 5, "points", "How far one proposal moves a share, up or down."),
    ("exhaustions-many", 3, "hours", "More hours with refusals than this: a larger share is proposed."),
    ("use-low", 50, "%", "Mean use below this: a smaller share is proposed."),
    ("efficiency-above", 0.8, "share", "An efficiency above this earns a bonus."),
    ("efficiency-bonus", 10, "%", "The bonus, of the base of the next period."),
    ("bonus-tradeable", 50, "%", "How much of a bonus may be sold."),
    ("rebalance-recent", 168, "hours", "Rebalancing looks at what was used in so many hours."),
    ("operation-read_file", 1_000, "tokens", "Expected of reading a file."),
    ("operation-delegation", 500, "tokens", "Expected of handing work to another agent."),
    ("operation-response", 2_000, "tokens", "Expected of an answer."),
    ("operation-tool_overhead", 300, "tokens", "Expected of calling a tool, beside its result."),
    ("operation-todo_write", 200, "tokens", "Expected of noting what is to be done."),
]
OWN_DEFAULTS = {"estimate-least", "estimate-most", "rebalance-recent"}


def load_reference(*, now: datetime) -> dict[str, int]:
    """Create thresholds and templates that are missing; those an administrator turned stay. Counts what was made."""
    made = 0
    for name, value, unit, description in DEFAULTS:
        rationale = OWN if name in OWN_DEFAULTS else FOUNDING
        _, created = Threshold.objects.get_or_create(
            name=name, defaults={"value": value, "unit": unit, "description": description, "rationale": rationale}
        )
        made += created
    return {"thresholds": made, "templates": load_templates()}
