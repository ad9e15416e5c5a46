"""Plans in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from market.domain.parts import Part
from market.domain.placement.plan import WaitingReason

WAITING_WORDS = {
    WaitingReason.NONE: "",
    WaitingReason.NOT_ELIGIBLE: (
        "No region and hour of the plan fits its window, latency class, residency, price cap and carbon-free share."
    ),
    WaitingReason.FULL: "The hours it could use are full: its party's share ended before its turn.",
    WaitingReason.BUDGET: "Its budget cannot pay for it now.",
    WaitingReason.CARBON_BUDGET: "The plan's carbon budget is used up.",
    WaitingReason.FUND: "The Fund cannot pay the discount that its price counts on.",
}

ROUNDED_CAP = "In a plan with many highest prices they are rounded down, so that it can be made in time."
NOT_OF_THIS_PLAN = "What is stored of its place cannot have come of the plan in force; the next pass places it anew."


def placed_in_words(
    run_id: int, made_at: datetime, *, tokens: int, asked_tokens: int, is_degraded: bool = False
) -> str:
    """Who placed it, and what that means for a request that got all or a part. A degraded plan claims nothing."""
    plan = f"Placed by the plan of run {run_id}, made {clock(made_at)} for all work that waits"
    if tokens < asked_tokens:
        return f"{plan}: {tokens:,} of {asked_tokens:,} tokens are its share of the room."
    if is_degraded:
        return f"{plan} while the solver had failed: it fits, and may not be the greenest."
    return f"{plan}: this is where all of it together emits least."


def parts_in_words(parts: Sequence[Part]) -> str:
    """Where each part of a split grant is served."""
    ordered = sorted(parts, key=lambda each: (each.starts_at, each.region))
    words = [f"{each.tokens:,} tokens in {each.region} at {clock(each.starts_at)}" for each in ordered]
    return f"It is served in parts: {'; '.join(words)}."


def waits_in_words(run_id: int, made_at: datetime, reason: WaitingReason) -> str:
    """Why a request waits on after a pass."""
    return (
        f"{WAITING_WORDS[reason]} So says the plan of run {run_id}, made {clock(made_at)}; the next pass tries again."
    )


def clock(moment: datetime) -> str:
    """2026-03-04 18:00 UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
