"""Which region-hours may serve a request: those it allows, within reach, and clean enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from market.domain.facts import Candidate, DecisionFacts

NOT_CLEAN = "carbon-free share below"
UNKNOWN_SHARE = "carbon-free share not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A region that was looked at, and what became of it."""

    code: str
    starts_at: datetime
    outcome: str


def sift(facts: DecisionFacts) -> tuple[list[Candidate], list[Looked]]:
    """Candidates that may serve the request, and a word on those that may not."""
    looked: list[Looked] = []
    named = [each for each in facts.candidates if facts.eligible_regions is None or each.code in facts.eligible_regions]
    allowed = _part(named, looked, lambda each: _why_abroad(facts, each))
    reach_km = facts.latency_km
    if not any(_is_near(each, reach_km) for each in allowed) and allowed:
        # Nothing is near enough: the nearest is the best that can be done.
        reach_km = min(each.latency_reach_km or 0.0 for each in allowed)
    near = _part(allowed, looked, lambda each: "" if _is_near(each, reach_km) else "too far for the latency class")
    return _part(near, looked, lambda each: _why_unclean(facts, each)), looked


def _part(
    candidates: Iterable[Candidate], looked: list[Looked], why_not: Callable[[Candidate], str]
) -> list[Candidate]:
    """Those that nothing speaks against; the others are added to `looked` with what does."""
    kept = []
    for each in candidates:
        if why := why_not(each):
            looked.append(Looked(code=each.code, starts_at=each.starts_at, outcome=why))
        else:
            kept.append(each)
    return kept


def _why_abroad(facts: DecisionFacts, candidate: Candidate) -> str:
    if facts.residency is None or candidate.country in facts.residency:
        return ""
    return f"outside of {', '.join(facts.residency)}, which its data may not leave"


def _is_near(candidate: Candidate, latency_km: float | None) -> bool:
    reach_km = candidate.latency_reach_km
    return latency_km is None or reach_km is None or reach_km <= latency_km


def _why_unclean(facts: DecisionFacts, candidate: Candidate) -> str:
    """Why the carbon-free share that is demanded is not met; empty where it is."""
    if facts.min_cfe_share is None:
        return ""
    share = candidate.clean_share
    if share is None:
        return UNKNOWN_SHARE
    return "" if share >= facts.min_cfe_share else f"{NOT_CLEAN} {facts.min_cfe_share:.0%}"
