"""How many tokens a piece of work will take, before anything is known of it but its shape."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """One answer, or several roles that deliberate."""

    EXPRESS = "express"
    COUNCIL = "council"


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateTerms:
    """Output tokens by shape, from the thresholds in force (founding documents' figures by default)."""

    express_tokens: int = 800
    council_tokens: int = 2500
    extra_role_tokens: int = 400
    margin_tokens: int = 500
    council_complexity: float = 0.7


def choose_mode(mode: Mode | None, complexity: float | None, terms: EstimateTerms) -> Mode:
    """The stated mode; else a council where the work is complex."""
    if mode is not None:
        return mode
    return Mode.COUNCIL if (complexity or 0.0) > terms.council_complexity else Mode.EXPRESS


def estimate_output_tokens(mode: Mode, roles: int, terms: EstimateTerms) -> int:
    """Output tokens with the safety margin; a council's first role is in its base figure."""
    if mode is Mode.EXPRESS:
        return terms.express_tokens + terms.margin_tokens
    return terms.council_tokens + max(0, roles - 1) * terms.extra_role_tokens + terms.margin_tokens
