"""Who got what of a plan, with the policy and without it, from the plan's stored parties."""

from __future__ import annotations

from typing import Any

from market.domain.placement.cells import cell_words
from market.domain.placement.plan import Party, PlanInputs
from market.domain.plan_views import FairnessIndices, FairnessReport, LevelRow, PartyRow


def fairness_report(
    inputs: PlanInputs, *, run_id: int, is_current: bool, price_of_justice: dict[str, Any] | None
) -> FairnessReport:
    """The report of one run; parties that asked for most weight first."""
    return FairnessReport(
        run_id=run_id,
        made_at=inputs.made_at,
        is_current=is_current,
        kind=inputs.kind,
        parties=tuple(_row(each) for each in inputs.parties),
        with_policy=_indices(inputs, "service_tokens"),
        without_policy=_indices(inputs, "baseline_tokens"),
        floor_scale=inputs.floor_scale,
        levels=tuple(_level(inputs, each) for each in inputs.levels),
        price_of_justice=price_of_justice,
        emergencies=inputs.emergencies,
    )


def _row(party: Party) -> PartyRow:
    asked = party.asked_tokens
    return PartyRow(
        origin=party.origin,
        scored=party.scored,
        purpose=party.purpose,
        policy_id=party.policy_id,
        weight=party.weight,
        factors=party.factors,
        floor_tokens=party.floor_tokens,
        asked_tokens=asked,
        service_tokens=party.service_tokens,
        baseline_tokens=party.baseline_tokens,
        served_share=party.service_tokens / asked if asked else None,
        served_per_weight=party.service_tokens / party.weight if asked else None,
        baseline_share=party.baseline_tokens / asked if asked else None,
    )


def _indices(inputs: PlanInputs, served: str) -> FairnessIndices:
    asking = [each for each in inputs.parties if each.asked_tokens]
    shares = [getattr(each, served) / each.asked_tokens for each in asking]
    return FairnessIndices(
        minimum_share=min(shares, default=None),
        jain=jain(shares),
        gini=gini(shares),
        service_tokens=sum(getattr(each, served) for each in asking),
        weighted_jain=jain([getattr(each, served) / each.weight for each in asking]),
        weighted_gini=gini([getattr(each, served) / each.weight for each in asking]),
    )


def _level(inputs: PlanInputs, level: dict[str, Any]) -> LevelRow:
    return LevelRow(
        level=float(level["level"]), parties=tuple(level["parties"]), bottleneck=bottleneck_words(inputs, level)
    )


def bottleneck_words(inputs: PlanInputs, level: dict[str, Any], at_most: int = 3) -> str:
    """What stopped the parties of a level, in words."""
    cells = [(int(site), int(hour)) for site, hour in level.get("cells", ())]
    if not cells:
        return "they got all they asked for"
    named = " and ".join(f"{cell_words(inputs, site, hour)} was full" for site, hour in cells[:at_most])
    more = len(cells) - at_most
    return f"{named} and {more:,} more" if more > 0 else named


def jain(values: list[float]) -> float | None:
    """(sum x)^2 / (n sum x^2): 1/n where one has all, 1 where all have alike. None of nothing."""
    squares = sum(each * each for each in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else None


def gini(values: list[float]) -> float | None:
    """Mean difference of all pairs over twice the mean: 0 where all have alike. None of nothing."""
    total, count = sum(values), len(values)
    if not total:
        return None
    return sum((2 * rank - count - 1) * each for rank, each in enumerate(sorted(values), start=1)) / (count * total)
